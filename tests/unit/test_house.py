"""The rules of the house that a machine can check."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = sorted((ROOT / "phcore").rglob("*.py"))
TORCH_ROOMS = {"activations", "training"}


def imports(path: Path) -> set[str]:
    """Top-level names of everything a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_pages_know_the_screen(path):
    assert "streamlit" not in imports(path)


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_two_rooms_know_torch(path):
    if not TORCH_ROOMS & set(path.relative_to(ROOT / "phcore").parts):
        assert not {"torch", "transformers", "peft"} & imports(path)


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_store_writes_the_archive(path):
    if path.name != "store.py":
        assert "duckdb" not in imports(path)


def test_pages_know_nothing_of_the_shell():
    """What both need lives where it belongs: the app is not made of commands."""
    for page in sorted((ROOT / "pages").rglob("*.py")):
        tree = ast.walk(ast.parse(page.read_text(encoding="utf-8")))
        named = {
            f"{node.module}.{alias.name}" if isinstance(node, ast.ImportFrom) else alias.name
            for node in tree
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        assert not [one for one in named if f"{one}.".startswith("phcore.cli.")], page


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


ENTRANCES = (ROOT / "phcore" / "cli", ROOT / "pages")


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_in_the_core_asks_its_process_what_it_may_do(path):
    """Permissions and roots are read from an environment at the entrances only, and nothing keeps them but a store."""
    text = path.read_text(encoding="utf-8")
    if path.name in ("permissions.py", "roots.py"):
        assert "os.environ" not in text
        assert "functools" not in imports(path)
    elif not path.is_relative_to(ENTRANCES[0]):
        assert not any(word in text for word in ("Permissions.read", "allowed_roots", "READ_ONLY", "PHCORE_ROOTS"))
    for statement in ast.parse(text).body:  # of the module itself: what is done once and kept
        if not isinstance(statement, ast.FunctionDef | ast.ClassDef):
            assert "Permissions" not in ast.unparse(statement) or isinstance(statement, ast.ImportFrom)


@pytest.mark.parametrize(
    "path",
    sorted(file for place in ENTRANCES for file in place.rglob("*.py")),
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_entrances_open_no_archive_without_permissions(path):
    """And pages show no fault but through `data.shown`, which names no place to strangers."""
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    for call in calls:
        if ast.unparse(call.func) == "Store":
            assert "permissions" in {word.arg for word in call.keywords}, ast.unparse(call)
        if ast.unparse(call.func) in ("Results.open", "Study.open"):
            assert len(call.args) > 1, ast.unparse(call)
        assert path.is_relative_to(ENTRANCES[0]) or ast.unparse(call) != "str(fault)"


def test_opening_the_app_imports_no_torch():
    pages = sorted((ROOT / "pages").rglob("*.py"))
    names = sorted(set().union(*(imports(page) for page in pages)))
    code = (
        "import sys, importlib.util, pkgutil\n"
        "import phcore.stages.results, phcore.pipeline.jobs, phcore.cli.main, phcore.pipeline.estimate\n"
        "import phcore.checkpoints.roots, phcore.figures.charts, phcore.analysis.dynamics, phcore.analysis.objectives\n"
        "sys.exit(sorted({'torch', 'transformers', 'peft'} & set(sys.modules)) or 0)"
    )
    assert not {"torch", "transformers", "peft"} & set(names)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
