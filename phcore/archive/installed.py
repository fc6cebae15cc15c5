"""Where the app and the study that ships lie.

In a checkout they are around the library; an installed version has them in a package beside it.
"""

from collections.abc import Mapping
from pathlib import Path

from phcore.formatting import at_home

PACKAGE = "toposcope_app"  # pyproject.toml and setup.py put app.py, pages/, .streamlit/ and the shipped study into it
_BESIDE = Path(__file__).resolve().parents[2]
INSTALLED = (_BESIDE / PACKAGE).is_dir()

# The folder of app.py, pages/, .streamlit/ and cache/.
APP = _BESIDE / PACKAGE if INSTALLED else _BESIDE


def users_archive(environment: Mapping[str, str]) -> Path:
    """Where an installed version keeps results: a folder of the user's own, which an update leaves alone."""
    home = environment.get("XDG_DATA_HOME") or "~/.local/share"
    return at_home(home) / "toposcope"
