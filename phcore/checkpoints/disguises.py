"""Files that are not what their names say, told by how they begin: pointers, web pages, archives."""

from __future__ import annotations

# How a file begins, what it is then, and what makes the real one of it.
BEGINNINGS: tuple[tuple[bytes, str, str], ...] = (
    (
        b"version https://git-lfs.github.com/",
        "it is a pointer of git-lfs, and not the file itself",
        "Fetch what it stands for: git lfs pull, in the folder of the repository",
    ),
    (b"\x1f\x8b\x08", "it is compressed with gzip", "Unpack it first: gunzip"),
    (b"BZh", "it is compressed with bzip2", "Unpack it first: bunzip2"),
    (b"%PDF-", "it is a PDF", "Save what it holds as text"),
    (b"\xd0\xcf\x11\xe0", "it is a workbook of an older Excel", "Save the sheet as CSV in UTF-8"),
    (b"\x28\xb5\x2f\xfd", "it is compressed with zstd", "Unpack it first: unzstd"),
    (
        b"PK\x03\x04",
        "it is a zip archive, as torch.save and Excel write them",
        "Save it again as what its name says: weights with save_pretrained(), a sheet as CSV in UTF-8",
    ),
)
PAGES = (b"<!doctype html", b"<html", b"<?xml")
LONGEST = 512  # bytes that are enough to tell


def disguise(start: bytes) -> tuple[str, str] | None:
    """What a file is, and a mend, where its first bytes say that it is no file of the kind its name promises.

    A web page comes of a download that asked for a login or met an error. Nothing but zeros is what is left where a
    copy was stopped after its room had been reserved.
    """
    for beginning, what, mend in BEGINNINGS:
        if start.startswith(beginning):
            return what, mend
    if start.lstrip().lower().startswith(PAGES):
        return "it is a web page, as a server sends it in place of a file", "Download it again, signed in where need be"
    if start and not start.strip(b"\0"):
        return "it begins with nothing but zeros, as where a copy or download was stopped", "Copy it again"
    return None
