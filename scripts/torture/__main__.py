"""Attack everything, and print one table. Exit code 1 where anything was lost, wrong, leaked or uncaught.

python -m scripts.torture                         all attacks, some 50 minutes on two cores
python -m scripts.torture --quick                 a short version of each
python -m scripts.torture --only kills,fuzzing    some of them
python -m scripts.torture --list                  what there is
"""

import argparse
import multiprocessing
import os
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ.update({"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)})


def main() -> int:
    from scripts.torture.attacks import ATTACKS
    from scripts.torture.process import preload
    from scripts.torture.scene import Scene
    from scripts.torture.tally import table

    options = _options(list(ATTACKS))
    if options.list:
        for name, attack in ATTACKS.items():
            print(f"{name:12}{' '.join(attack.__doc__.split())}")
        return 0
    preload()
    # No TemporaryDirectory: every fork that ends would take it along.
    folder = Path(options.folder or tempfile.mkdtemp()).resolve()
    try:
        scene = Scene(folder)
        print(f"an undisturbed run takes {scene.seconds:.0f} s", flush=True)
        tallies = [_in_a_process(name, scene, options) for name in options.only]
    finally:
        if not options.folder:
            shutil.rmtree(folder, ignore_errors=True)
    print(table(tallies))
    for one in tallies:
        for sentence in one.notes:
            print(f"{one.attack}: {sentence}")
    return 0 if all(one.clean for one in tallies) else 1


def _in_a_process(name: str, scene, options):
    """Each attack in a fork of its own, so that this process never has threads: it is what computations are forked
    from."""
    from scripts.torture.tally import Tally

    ours, theirs = multiprocessing.get_context("fork").Pipe(duplex=False)
    one = multiprocessing.get_context("fork").Process(target=_attack, args=(name, scene, options, theirs))
    one.start()
    theirs.close()
    try:
        tally = ours.recv()
    except EOFError:
        tally = Tally(name, tried=1, notes=["the attack's own process died"])
        tally.troubles["uncaught"] += 1
    one.join()
    print(f"{name}: {', '.join(tally.row()[1:])}", flush=True)
    return tally


def _attack(name: str, scene, options, told) -> None:
    from scripts.torture.attacks import ATTACKS
    from scripts.torture.how import How
    from scripts.torture.tally import Tally

    tally = Tally(name)
    seconds = options.seconds or (60 if options.quick else 600)
    how = How(options.quick, seconds, options.kills or (10 if options.quick else 100),
              options.minutes or (0.5 if options.quick else 10), options.seed)  # fmt: skip
    with tally.clock():
        ATTACKS[name](scene, tally, how)
    told.send(tally)


def _options(names: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(names), help="names of attacks, with commas between them")
    parser.add_argument("--list", action="store_true", help="say what there is, and end")
    parser.add_argument("--quick", action="store_true", help="a short version of each")
    parser.add_argument("--kills", type=int, help="of the first attack (default 100; quick 10)")
    parser.add_argument("--minutes", type=float, help="of the visitors (default 10; quick 0.5)")
    parser.add_argument("--seconds", type=float, help="that one attack goes on at most (default 600; quick 60)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", help="where to work, and keep the study for the next time (default: none)")
    options = parser.parse_args()
    options.only = options.only.split(",")
    if unknown := set(options.only) - set(names):
        parser.error(f"no attack is called {unknown.pop()}; there are {', '.join(names)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
