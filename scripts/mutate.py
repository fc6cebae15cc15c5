"""Change one thing in a rule at random, and see whether a test notices.

    make mutate                                      ten mutants of each module that makes verdicts and captions
    make mutate N=40 SEED=7 MODULES=phcore/analysis

A mutant is a module with one operator, number, condition, filter, keyword or column exchanged. It is written into a
copy of the project, and a fork of this process, which has all libraries imported, runs the unit tests that reach its
line until one fails. Mutants with the bytecode of the original are none. Tests that load a model are left out: rules
are pinned on tables made by hand. A mutant that computes far longer than its tests did is one that they notice.
"""

import argparse
import contextlib
import io
import os
import pickle
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import coverage
import hypothesis
import pytest

from scripts.mutants import sample

ROOT = Path(__file__).resolve().parent.parent
MODULES = ["phcore/analysis", "phcore/figures", "phcore/formatting.py"]
DRAW = {"render", "shape"}  # fixtures of tests that look at drawings
ARGUMENTS = ["-p", "no:xdist", "-m", "not model", "--timeout", "600", "--no-header", "--tb", "no"]


class Plainly:
    """Pytest's plugin: nothing is drawn, no example is made smaller, and the same ones are tried each time."""

    def pytest_configure(self) -> None:
        phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
        hypothesis.settings.register_profile("mutants", deadline=None, derandomize=True, database=None, phases=phases)
        hypothesis.settings.load_profile("mutants")

    def pytest_collection_modifyitems(self, items) -> None:
        items[:] = [one for one in items if not DRAW & set(one.fixturenames)]


class Reached(Plainly):
    """In the first run: which tests reach which line, and how long each takes. What a fixture of several tests reaches
    is reached by all of them."""

    def __init__(self, cover: coverage.Coverage) -> None:
        self.cover, self.seconds, self.sharing = cover, {}, {}

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef, request):
        before = self.context
        if fixturedef.scope != "function":
            self.switch(f"{fixturedef.baseid} {fixturedef.argname}")
        made = yield
        self.switch(before)
        return made

    def switch(self, context: str) -> None:
        self.context = context
        self.cover.switch_context(context)

    def pytest_collection_finish(self, session) -> None:
        for item in session.items:
            for name, known in item._fixtureinfo.name2fixturedefs.items():
                self.sharing.setdefault(f"{known[-1].baseid} {name}", []).append(item.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        self.switch(item.nodeid)
        begun = os.times().user
        yield
        self.seconds[item.nodeid] = os.times().user - begun
        return True

    def pytest_runtest_logreport(self, report) -> None:
        if report.failed:
            sys.exit(f"{report.nodeid} fails without any mutant")


def forked(work, seconds: int) -> int:
    """The exit code of a function in a process of its own that computes for so long at most."""
    if not (process := os.fork()):
        sys.dont_write_bytecode = True  # a mutant may look like the original from outside
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        os._exit(work())
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def tests_beside(modules: list[str]) -> list[str]:
    """The tests of the rooms that these modules lie in, or of a module that lies in none."""
    beside = set()
    for one in modules:
        room = Path("tests/unit", Path(one).relative_to("phcore").parent)
        beside |= set(room.glob("test_*.py")) if room.name != "unit" else {room / f"test_{Path(one).name}"}
    return sorted(map(str, beside))


def reached(modules: list[str]) -> tuple[dict[str, dict[int, list[str]]], dict[str, float]]:
    """Module -> line -> the tests that reach it ("": when it is imported; line 0: those that run nothing of the room,
    and so look at what is declared there); test -> its seconds."""

    def work() -> int:
        cover = coverage.Coverage(data_file=None, include=[f"{Path(one).parent}/*" for one in modules])
        plugin = Reached(cover)
        cover.start()
        code = pytest.main([*ARGUMENTS, *tests_beside(modules)], plugins=[plugin])
        cover.stop()
        data = cover.get_data()
        every = {
            one: {line: [test for name in names for test in plugin.sharing.get(name, [name])]
                  for line, names in data.contexts_by_lineno(one).items()}
            for one in data.measured_files()
        }  # fmt: skip
        looking = set(plugin.seconds) - {test for own in every.values() for tests in own.values() for test in tests}
        lines = {one: every.get(str(Path(one).resolve()), {}) | {0: list(looking)} for one in modules}
        Path("reached").write_bytes(pickle.dumps((lines, plugin.seconds)))
        return code

    if code := forked(work, 3_000):
        sys.exit(f"the tests fail without any mutant ({code})")
    return pickle.loads(Path("reached").read_bytes())


def survives(module: str, text: str, tests: list[str], seconds: float) -> bool:
    path = Path(module)
    own, stat = path.read_bytes(), path.stat()
    path.write_text(text)
    os.utime(path, (stat.st_atime, stat.st_mtime + 60))  # bytecode of the original is not taken for its own
    code = forked(lambda: pytest.main([*ARGUMENTS, "-x", *tests], plugins=[Plainly()]), 30 + int(5 * seconds))
    path.write_bytes(own)
    os.utime(path, (stat.st_atime, stat.st_mtime))
    return code == 0


def run(modules: list[str], n: int, seed: int) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main([*ARGUMENTS, "--collect-only", *tests_beside(modules)])  # imports all libraries
    for name, module in list(sys.modules.items()):
        if name.startswith("tests") or str(getattr(module, "__file__", "")).startswith(os.getcwd()):
            del sys.modules[name]
    lines, seconds = reached(modules)
    scores = {}
    for module in modules:
        everywhere = {test for tests in lines[module].values() for test in tests if test}
        found = sample(Path(module), n, seed)
        killed = 0
        for one, text in found:
            tests = {test for line in one.lines for test in lines[module].get(line, ())}
            tests = sorted(everywhere if "" in tests else tests, key=seconds.get)
            if not tests or survives(module, text, tests, sum(map(seconds.get, tests))):
                print(f"{module}:{one}" + ("" if tests else "  (no test)"), flush=True)
            else:
                killed += 1
        scores[module] = killed, len(found)
        print(f"{module}: {killed} of {len(found)}", flush=True)
    scores["in sum"] = tuple(map(sum, zip(*scores.values(), strict=True)))
    for module, (killed, all_) in scores.items():
        print(f"{module:40} {killed:4} of {all_:4} {killed / all_ if all_ else 1:6.0%}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("modules", nargs="*", default=MODULES, help="files, or folders without those below them")
    options.add_argument("-n", type=int, default=10, help="mutants of each")
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    os.chdir(ROOT)
    paths = [Path(one) for one in chosen.modules or MODULES]
    modules = [str(one) for path in paths for one in (sorted(path.glob("[!_]*.py")) if path.is_dir() else [path])]
    with tempfile.TemporaryDirectory() as folder:
        for name in subprocess.check_output(["git", "ls-files", "-z"], text=True).strip("\0").split("\0"):
            Path(folder, name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(name, Path(folder, name))
        os.chdir(folder)
        sys.path[:] = [one for one in sys.path if Path(ROOT, one) != ROOT]  # everything comes from the copy
        run(modules, chosen.n, chosen.seed)
        os.chdir(ROOT)
    sys.stdout.flush()
    os._exit(0)  # without what nanobind's modules tell of those that were imported twice


if __name__ == "__main__":
    main()
