"""The rules of the house that a machine can check."""

import ast
import functools
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORE = sorted((ROOT / "phcore").rglob("*.py"))
TORCH_ROOMS = {"activations", "training"}


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def imports(path: Path) -> set[str]:
    """Top-level names of everything a file imports, wherever in it."""
    found = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def modules(*rooms: str) -> dict[str, Path]:
    """Dotted name -> file."""
    files = (file for room in rooms for file in sorted((ROOT / room).rglob("*.py")))
    return {".".join(one.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): one for one in files}


def graph(known: dict[str, Path]) -> dict[str, set[str]]:
    """Module -> modules it imports, wherever in it: inside functions, too."""
    found = {}
    for name, path in known.items():
        found[name] = set()
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Import):
                found[name] |= {alias.name for alias in node.names} & known.keys()
            elif isinstance(node, ast.ImportFrom) and node.module:
                full = {f"{node.module}.{alias.name}" for alias in node.names}
                found[name] |= full & known.keys() or {node.module} & known.keys()
    return found


def circles(edges: dict[str, set[str]]) -> list[str]:
    """What is left when everything that leads nowhere, or is led to from nowhere, has been taken away."""
    left = {name: set(to) for name, to in edges.items()}
    while ends := {name for name, to in left.items() if not to & left.keys()}:
        left = {name: to for name, to in left.items() if name not in ends}
    while starts := left.keys() - set().union(set(), *left.values()):
        left = {name: to for name, to in left.items() if name not in starts}
    return sorted(left)


def test_no_circle_of_imports():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == ["b", "c"]  # it would be seen
    assert circles(graph(modules("phcore", "pages"))) == []


# Each room may import those before it.
ROOMS = ("formatting", "errors", "archive", "checkpoints", "study", "topology", "analysis", "activations", "stages",
         "figures", "pipeline", "training", "export", "cli")  # fmt: skip


def test_arrows_run_one_way():
    place = {room: number for number, room in enumerate(ROOMS)}
    for name, imported in graph(modules("phcore")).items():
        room = name.split(".")[1] if "." in name else None
        for other in {one.split(".")[1] for one in imported if "." in one} if room in place else ():
            assert place[other] <= place[room], f"{name} imports {other}"


def test_few_rooms():
    entries = [one.name for one in (ROOT / "phcore").iterdir() if one.name != "__pycache__"]
    assert len(entries) <= 16, entries


def test_a_file_can_be_read_in_a_sitting():
    lengths = {
        str(one): len(one.read_text(encoding="utf-8").splitlines()) for one in modules("phcore", "pages").values()
    }
    assert {name: length for name, length in lengths.items() if length > 400} == {}


def test_a_name_means_one_thing():
    names = Counter(one.name for one in modules("phcore", "pages").values() if one.name != "__init__.py")
    assert {name: count for name, count in names.items() if count > 2} == {}


def test_the_number_of_summaries_stands_in_one_file():
    for path in modules("phcore", "pages").values():
        if path.name != "summaries.py" or path.parent.name != "topology":
            text = path.read_text(encoding="utf-8")
            assert re.search(r"(?<![\w.#])41(?![\w.%])|[Ff]orty-one", text) is None, path


def test_only_pages_know_the_screen():
    assert [path for path in CORE if "streamlit" in imports(path)] == []


def test_only_two_rooms_know_torch():
    others = [path for path in CORE if not TORCH_ROOMS & set(path.relative_to(ROOT / "phcore").parts)]
    assert [path for path in others if {"torch", "transformers", "peft"} & imports(path)] == []


def test_only_the_store_writes_the_archive():
    assert {path.name for path in CORE if "duckdb" in imports(path)} <= {"store.py"}


def test_pages_know_nothing_of_the_shell():
    """What both need lives where it belongs: the app is not made of commands."""
    for page in sorted((ROOT / "pages").rglob("*.py")):
        tree = ast.walk(parsed(page))
        named = {
            f"{node.module}.{alias.name}" if isinstance(node, ast.ImportFrom) else alias.name
            for node in tree
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        assert not [one for one in named if f"{one}.".startswith(("phcore.cli.", "pages.shell."))], page


def test_the_library_is_light():
    """A training script imports it beside what it needs itself."""
    heavy = {"streamlit", "torch", "transformers", "peft", "altair", "pandas", "duckdb", "scipy"}
    code = f"import sys, phcore; sys.exit(sorted({heavy} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_is_light():
    code = (
        "import sys, contextlib\nfrom phcore.cli.main import main\n"
        "with contextlib.suppress(SystemExit): main(['compute', '-h'])\n"
        "sys.exit(sorted({'torch', 'streamlit', 'altair', 'scipy'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_findings_of_one_model_load_what_they_need():
    """scipy.stats and scipy.spatial take a second, which is several times what the rules compute."""
    code = (
        "import sys\nfrom phcore import Study\nStudy.open('smollm2-135m-instruct').findings()\n"
        "sys.exit(sorted({'scipy.stats', 'scipy.spatial'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


ENTRANCES = (ROOT / "phcore" / "cli", ROOT / "pages")


def test_nothing_in_the_core_asks_its_process_what_it_may_do():
    """Permissions and roots are read from an environment at the entrances only, and nothing keeps them but a store."""
    for path in CORE:
        text = path.read_text(encoding="utf-8")
        if path.name in ("permissions.py", "roots.py"):
            assert "os.environ" not in text, path
            assert "functools" not in imports(path), path
        elif not path.is_relative_to(ENTRANCES[0]):
            asked = [one for one in ("Permissions.read", "allowed_roots", "READ_ONLY", "PHCORE_ROOTS") if one in text]
            assert asked == [], path
        for statement in parsed(path).body:  # of the module itself: what is done once and kept
            if not isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.ImportFrom):
                assert "Permissions" not in ast.unparse(statement), path


def test_entrances_open_no_archive_without_permissions():
    """And pages show no fault but through `data.shown`, which names no place to strangers."""
    for path in sorted(file for place in ENTRANCES for file in place.rglob("*.py")):
        for call in (node for node in ast.walk(parsed(path)) if isinstance(node, ast.Call)):
            called = ast.unparse(call.func)
            if called == "Store":
                assert "permissions" in {word.arg for word in call.keywords}, (path, ast.unparse(call))
            if called in ("Results.open", "Study.open", "View.open"):
                assert len(call.args) > 1, (path, ast.unparse(call))
            assert path.is_relative_to(ENTRANCES[0]) or called != "str" or ast.unparse(call) != "str(fault)", path


def test_opening_the_app_imports_no_torch():
    pages = sorted((ROOT / "pages").rglob("*.py"))
    names = sorted(set().union(*(imports(page) for page in pages)))
    code = (
        "import sys, importlib.util, pkgutil\n"
        "import phcore.export.results, phcore.pipeline.jobs, phcore.cli.main, phcore.pipeline.estimate\n"
        "import phcore.checkpoints.roots, phcore.figures.charts, phcore.analysis.dynamics, phcore.analysis.objectives\n"
        "sys.exit(sorted({'torch', 'transformers', 'peft'} & set(sys.modules)) or 0)"
    )
    assert not {"torch", "transformers", "peft"} & set(names)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_paths_of_others_raise_nothing():
    """`resolve` raises a RuntimeError for links in a circle and `expanduser` for an unknown home, where everything else
    says that there is no such file: `formatting.real_path` and `at_home` say that, too."""
    for path in sorted(file for place in (ROOT / "phcore", ROOT / "pages") for file in place.rglob("*.py")):
        for call in (node for node in ast.walk(parsed(path)) if isinstance(node, ast.Call)):
            called = ast.unparse(call)
            wrong = called.endswith((".resolve()", ".expanduser()")) and called != "Path(__file__).resolve()"
            assert not wrong, (path, called)
