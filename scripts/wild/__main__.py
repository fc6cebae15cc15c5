"""Build checkpoints as people have them, look at each, and print one table.

Exit code 1 where one is wrong, crashes or is left out without a word.

python -m scripts.wild                      all cases
python -m scripts.wild --only layouts       a group, or cases whose title holds these words
python -m scripts.wild --list               what there is
python -m scripts.wild --write              and write docs/checkpoints.md
"""

import argparse
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ.update({"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"})


def main() -> int:
    from scripts.wild.cases import chosen, models
    from scripts.wild.document import document
    from scripts.wild.judge import VERDICTS, judge

    options = _options()
    cases = [one for one in chosen(options.only) if one.quick or not options.write]
    if options.list:
        for one in cases:
            print(f"{one.group:14}{one.title}")
        print(f"{len(cases)} cases")
        return 0
    counts: dict[str, Counter] = {}
    became = []
    with tempfile.TemporaryDirectory() as folder:
        base, adapter = models(Path(folder))
        for one in cases:
            verdict, why = judge(one, base, adapter)
            counts.setdefault(one.group, Counter())[verdict] += 1
            became.append((one, verdict, why))
            print(f"{verdict:8} {one.group}: {one.title}{f'  ({why})' if why else ''}", flush=True)
    print()
    print(f"| cases | {' | '.join(('all', *VERDICTS))} |")
    print("|---|" + "--:|" * (len(VERDICTS) + 1))
    for group, own in [*counts.items(), ("together", sum(counts.values(), Counter()))]:
        print(f"| {group} | {own.total()} | {' | '.join(str(own[verdict]) for verdict in VERDICTS)} |")
    if options.write:
        (ROOT / "docs" / "checkpoints.md").write_text(document(became), encoding="utf-8")
    return 0 if all(verdict in ("right", "refused", "not built") for _, verdict, _ in became) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="a group, or words of the title")
    parser.add_argument("--list", action="store_true", help="say what there is, and end")
    parser.add_argument("--write", action="store_true", help="write docs/checkpoints.md from what became of all cases")
    options = parser.parse_args()
    if options.write and options.only:
        parser.error("the document is about all cases: leave --only out")
    return options


if __name__ == "__main__":
    sys.exit(main())
