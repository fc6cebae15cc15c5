"""Every block of commands and of Python in the documents runs, in a fresh folder with tiny models."""

import re
import shlex
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from phcore.archive.addresses import is_address
from phcore.cli.main import main, parser
from phcore.figures.registry import PRINTED
from phcore.study import Study
from tests import buckets, models, studies

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["README.md", "SECURITY.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```", re.S | re.M)
PHCORE = re.compile(r"(?:PHCORE_CACHE=(\S+) )?(?:\.venv/bin/)?python -m phcore (.*)")

# Commands that cannot run in a test, by how they begin, and why.
NOT_RUN = {
    "make app": "installs packages and opens a server",
    "make test": "is what runs this",
    "export ": "of the reader's own folders",
    "hf download": "fetches from a hub",
    "gunzip ": "of what was fetched",
    "#!/bin/bash": "of a cluster",
    "#SBATCH": "of a cluster",
    "dask ": "a scheduler and workers that run until they are stopped",
    "CUDA_VISIBLE_DEVICES=": "a worker that runs until it is stopped",
    "python -m phcore compute mine.toml --executor dask": "needs them; tests/unit/pipeline/test_cluster.py starts some",
    "python scripts/": "makes what ships, from texts that do not",
    "python -m phcore app": "a server that runs until it is stopped",
    "python -m phcore serve": "a server that runs until it is stopped; tests/unit/cli/test_server.py starts them",
    "python -m phcore practice": "trains for minutes; tests/unit/training does with a smaller recipe",
    "python -m phcore follow": "waits for checkpoints; tests/unit/pipeline/test_follow.py brings some",
    "python -m phcore finetune": "trains for minutes; tests/unit/training does with tiny models",
    "python -m phcore sweep": "trains for minutes; tests/unit/training/test_sweep.py does with tiny models",
}
# Python that cannot, by what it holds.
NOT_RUN_PYTHON = {
    "from dask_jobqueue import SLURMCluster": "sends jobs to Slurm",
    "from phcore.training.finetune import finetune": "trains; tests/unit/training does with tiny models",
    "from phcore.training import TopologyCallback": "is inside a training; tests/unit/training/test_callback.py trains",
}

# What a document calls a thing, and what it is called here.
HERE = {
    "/data/runs": "runs", "/data/models/base": "base", "SmolLM2-135M-Instruct": "base", "practice/runs": "runs",
    "practice/base": "base", "STUDY": "mine", "/data/toposcope": "cache", "tiny/": "", "--device cuda ": "",
    "--preset quick": "--preset quick --probes probes.jsonl",
    # In a test no process is started anew.
    "ProcessPoolExecutor(8)": "ThreadPoolExecutor(1)", "import ProcessPoolExecutor": "import ThreadPoolExecutor",
    "--workers 16": "--workers 1", "s3://": "memory://",
}  # fmt: skip


def blocks(page: str, *languages: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return [body for _, language, body in BLOCK.findall(text) if language in languages]


def commands(body: str) -> list[str]:
    """Of a block in a shell: its commands, without comments; where some begin with $, those alone."""
    lines = re.sub(r"\\\n\s*", "", body).splitlines()
    if any(line.startswith("$ ") for line in lines):
        lines = [line[2:] for line in lines if line.startswith("$ ")]
    parts = [re.sub(r"\s{2,}#.*", "", line).strip() for line in lines]
    return [part for line in parts for part in line.split(" && ") if part]


def is_shell(body: str) -> bool:
    """Of a block that says no language: programs' output, layouts and formulas are none."""
    return bool(re.search(r"^(\$ |#!|make |\s*(\S+=\S* )?((\.venv/bin/)?python|dask) )", body, re.M))


SHELL = [
    (page, one) for page in PAGES for body in blocks(page, "", "bash", "sh") if is_shell(body) for one in commands(body)
]
PYTHON = [(page, body) for page in PAGES for body in blocks(page, "python")]


@pytest.fixture(scope="module")
def desk(once, computed, llama):
    """A folder as the documents assume it: a base model, runs, a study file, a finished study of it, and what ships."""

    def build(folder: Path) -> None:
        shutil.copytree(llama, folder / "base")
        studies.build_runs(folder / "runs", folder / "base", "helpful", "full")
        study = studies.build_few(folder, folder / "base", "helpful", "full", name="mine", probes="probes.jsonl")
        study.with_(probes=str(folder / "probes.jsonl")).write(folder / "mine.toml")
        shutil.copytree(ROOT / "cache", folder / "cache", ignore=shutil.ignore_patterns("jobs", "drafts", "practice"))
        studies.compute(Study.read(folder / "mine.toml"), studies.Store(folder / "cache"))
        (folder / "accuracy.csv").write_text("series,step,name,value\nhelpful,1,accuracy,0.3\nhelpful,4,accuracy,0.5\n")
        for name in ("practice", "nine", "tiny-pretrained", "tiny-instruct"):
            shutil.copy(folder / "mine.toml", folder / f"{name}.toml")

    return once("desk", build)


@pytest.fixture
def at_the_desk(desk, tmp_path, monkeypatch, in_memory):
    """A copy to work on, in a bucket, too. Commands of the documents follow and may rest on each other."""
    for name in ("base", "runs"):
        buckets.put(desk / name, f"memory://bucket/{name}")
    shutil.copytree(desk, tmp_path / "desk", symlinks=True)
    monkeypatch.chdir(tmp_path / "desk")
    monkeypatch.setenv("PHCORE_CACHE", str(tmp_path / "desk" / "cache"))
    monkeypatch.setenv("PHCORE_ROOTS", f"{tmp_path}:memory://bucket")
    return tmp_path / "desk"


def here(words: str) -> str:
    for theirs, ours in HERE.items():
        words = words.replace(theirs, ours)
    return words


def not_run(line: str, reasons: dict[str, str]) -> bool:
    return any(line.replace(".venv/bin/", "").startswith(start) for start in reasons)


def test_what_is_not_run_is_in_the_documents():
    for start in NOT_RUN:
        assert any(not_run(line, {start: ""}) for _, line in SHELL), start


@pytest.mark.parametrize("line", dict.fromkeys(line for _, line in SHELL if PHCORE.match(line)))
def test_every_command_is_one(line):
    parser().parse_args(shlex.split(PHCORE.match(line)[2]))


@pytest.mark.parametrize("page", dict.fromkeys(page for page, _ in SHELL))
def test_the_commands_of_a_page_run_one_after_the_other(page, desk, at_the_desk, monkeypatch):
    for module in ("export.bundle", "figures.registry"):  # that each figure can be drawn, other tests show
        monkeypatch.setattr(f"phcore.{module}.PRINTED", {"velocity": PRINTED["velocity"]})
    for _, line in (one for one in SHELL if one[0] == page):
        if not_run(line, NOT_RUN):
            continue
        found = PHCORE.fullmatch(here(line))
        assert found, f"neither run nor named: {line}"
        with monkeypatch.context() as own:
            if found[1]:
                own.setenv("PHCORE_CACHE", found[1] if is_address(found[1]) else str(at_the_desk / found[1]))
            arguments = shlex.split(found[2])
            if arguments[0] == "new":
                arguments.append("--force")  # it may be there from another block
            assert main(arguments) == 0, line
            if arguments[0] == "new":  # with prompts enough for hours: from here on, the study that is computed
                shutil.copy(desk / "mine.toml", arguments[arguments.index("-o") + 1])


@pytest.mark.parametrize(("page", "body"), PYTHON, ids=[f"{page}-{k}" for k, (page, _) in enumerate(PYTHON)])
def test_the_python_of_a_page_runs(page, body, at_the_desk):
    if any(words in body for words in NOT_RUN_PYTHON):
        pytest.skip("it trains, or needs a cluster")
    names = {"__name__": "__main__"}
    exec(compile(here(body), page, "exec"), names)
    if "SaveEarly" in names:
        saved = []
        for step in range(1, 97):
            control = SimpleNamespace(should_save=False)
            names["SaveEarly"]().on_step_end(None, SimpleNamespace(global_step=step), control)
            saved += [step] * control.should_save
        assert saved == [1, 2, 4, 8, 16, 32, 64, 96]


def test_models_of_this_file_are_tiny():
    assert models.HIDDEN <= 64
