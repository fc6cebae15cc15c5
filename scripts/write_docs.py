"""Write the reference pages that follow from the code: docs/tables.md, docs/study-file.md, docs/glossary.md.

python scripts/write_docs.py          # a test fails when the pages are not up to date
"""

import sys
from dataclasses import fields
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from phcore.figures.glossary import GROUPS  # noqa: E402
from phcore.stages.registry import tables as every_table  # noqa: E402
from phcore.study import PARAMETERS, Study  # noqa: E402

TABLES = """# Tables

Written by `scripts/write_docs.py` from the registry (`phcore.stages`). Read them with
`python -m phcore tables STUDY NAME`, or from a notebook:

```python
from phcore import Study

study = Study.open("smollm2-135m-instruct")   # a study file, or a name in the archive
velocities = study.table("velocities", degree=1, scale="raw")
```

Where a table has the columns `series` and `step`, and no `step_from`, the rows of step 0 are the base model, which
each series repeats. But `checkpoints` names it once, as the series `base`, and `departures` has no row for it.
"""

STUDY = """# The study file

Written by `scripts/write_docs.py` from `phcore.study`. `python -m phcore new DIR --model BASE` makes one.
Relative paths are relative to the file; `model` and `path` may be addresses,
such as `s3://bucket/runs` ([how-to](how-to.md#checkpoints-and-results-in-a-bucket)). Keys stand above the
first `[[series]]`. What the app or the command wrote has a line for each.

```toml
name = "my-study"
model = "models/base"

[[series]]
path = "runs/helpful"

[[series]]
path = "runs/harmless"
objective = "harmless"   # default: the name of the folder
seed = 0
include = true
```

| key | default | meaning |
|---|---|---|
"""

GLOSSARY = """# Glossary

Written by `scripts/write_docs.py` from `phcore.figures.glossary`. The button *Glossary* on every page of the app
shows the same terms with pictures. [method.md](method.md) has the exact definitions.
"""


def tables() -> str:
    parts = [TABLES]
    for one in every_table().values():
        rows = "\n".join(f"| `{column}` | {words} |" for column, words in one.columns.items())
        parts.append(f"## {one.name}\n\n| column | what it holds |\n|---|---|\n{rows}\n")
    return "\n".join(parts)


def study_file() -> str:
    defaults = {one.name: one.default for one in fields(Study)}
    rows = "\n".join(f"| `{name}` | `{_plain(defaults[name])}` | {words} |" for name, words in PARAMETERS.items())
    return STUDY + rows + "\n"


def glossary() -> str:
    parts = [GLOSSARY]
    for group in GROUPS:
        terms = "\n".join(f"- **{term.name}**: {term.words}" for term in group.terms)
        parts.append(f"## {group.name}\n\n{terms}\n")
    return "\n".join(parts)


def _plain(value: object) -> str:
    if value == ():
        return "[]"
    if value == "":
        return '""'
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)


PAGES = {"tables.md": tables, "study-file.md": study_file, "glossary.md": glossary}

if __name__ == "__main__":
    for name, write in PAGES.items():
        (ROOT / "docs" / name).write_text(write(), encoding="utf-8")
        print(f"docs/{name}")
