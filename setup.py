"""What pyproject.toml cannot say: the app lies beside the library, and is installed inside a package of its own.

So no package called `pages` lands among those of other projects. Of the archive only the files that ship go along,
whatever else has been computed in this checkout.
"""

from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).resolve().parent
APP = "toposcope_app"  # phcore/archive/installed.py looks for it


def below(folder: str, start: str = ".") -> list[str]:
    """Files below a folder of the project, relative to `start`, without what Python leaves behind."""
    found = sorted((ROOT / folder).rglob("*"))
    kept = (one for one in found if one.is_file() and "__pycache__" not in one.parts)
    return [str(one.relative_to(ROOT / start)) for one in kept]


shipped = (ROOT / "cache" / "shipped.txt").read_text(encoding="utf-8").split()

# A room of the library is a folder; all files in it travel, of whatever kind.
rooms = sorted({str(Path(one).parent).replace("/", ".") for one in below("phcore") if one.endswith(".py")})

setup(
    script_name="setup.py",  # so that it is not taken for a part of the app beside which it lies
    packages=[*rooms, APP],
    package_dir={APP: "."},
    package_data={
        "phcore": [one for one in below("phcore", "phcore") if not one.endswith(".py")],
        APP: [*below("pages"), ".streamlit/config.toml", "cache/shipped.txt", *(f"cache/{one}" for one in shipped)],
    },
)
