"""Which versions of packages are at hand."""

from importlib import metadata

ABSENT = "absent"


def version(package: str) -> str:
    """Of an installed package; `ABSENT` for others."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ABSENT
