"""Write the lock files: every package that the requirements bring along, by version and by the digests of its files;
and their licences as docs/licences.md.

    python scripts/lock.py          needs uv (pip install uv), and for the licences the packages themselves

Torch is left out, and so is what it alone brings (CUDA): its builds differ by machine, and each pins its own.
"""

import re
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OF_TORCH = re.compile(r"(torch|triton|nvidia-.*|cuda-.*)==")
HEAD = "# Written by scripts/lock.py from {}: do not edit.\n"
DEV = ["requirements.txt", "requirements-dask.txt", "requirements-s3.txt", "requirements-dev.txt"]
LOCKS = {"requirements.lock": ["requirements.txt"], "requirements-dev.lock": DEV}


def compiled(sources: list[str]) -> dict[str, str]:
    """Requirement ("numpy==2.4.6 ; marker") -> its entry with digests.

    In the versions that suit all of them: what an extra brings along (s3fs) shall change nothing that is installed.
    """
    command = ["uv", "pip", "compile", *sources, "--generate-hashes", "--universal", "--python-version", "3.11"]
    if sources != DEV:
        with tempfile.NamedTemporaryFile("w", suffix=".txt", delete=False) as every:
            every.write("\n".join(compiled(DEV)))
        command += ["--constraint", every.name]
    text = subprocess.run(
        [*command, "--no-annotate", "--no-header", "--quiet"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    entries = re.findall(r"^\S.*(?:\n[ \t]+.*)*", text, re.M)
    return {one.split(" \\")[0]: one for one in entries if not OF_TORCH.match(one)}


def licence(package: str) -> str:
    """As a package names it itself."""
    about = metadata.metadata(package)
    kinds = [one.split(" :: ")[-1] for one in about.get_all("Classifier", []) if one.startswith("License ::")]
    said = (about.get("License") or "").strip().splitlines()
    return about.get("License-Expression") or ", ".join(kinds) or (said[0][:60] if said else "see the package")


def licences(names: list[str]) -> str:
    """A table of those that are installed here."""
    rows = []
    for name in sorted(names):
        try:
            rows.append(f"| {name} | {metadata.version(name)} | {licence(name)} |")
        except metadata.PackageNotFoundError:
            continue  # of another system
    head = "# Licences of what is installed\n\nWritten by `make lock` from what each package says of itself.\n\n"
    return head + "| package | version | licence |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def main() -> int:
    known: dict[str, str] = {}
    for name, sources in LOCKS.items():
        found = compiled(sources)
        own = {key: entry for key, entry in found.items() if key not in known}
        (ROOT / name).write_text(HEAD.format(" and ".join(sources)) + "\n".join(own.values()) + "\n")
        if not known:
            names = [key.split("==")[0] for key in found]
            (ROOT / "docs" / "licences.md").write_text(licences([*names, "torch"]))
        known |= found
        print(f"{name}: {len(own)} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
