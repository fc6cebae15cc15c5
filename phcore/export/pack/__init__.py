"""A study as one file that travels: packed with all its results on one machine, verified and opened on another.

A pack is a zip file. `manifest.json` comes first and names every other file with its size and SHA-256; `record.json`
and `study.toml` follow without a path of the machine they come from, then the results under the names they have in the
archive. Nothing is compressed: Parquet is already (deflate takes another 10 % off a study without its hidden states),
the bytes depend on no version of zlib, and a file whose entries are as long as they say cannot be a bomb.

A pack comes from anywhere, so `unpack` believes nothing in it that it has not checked. What no check can tell is
whether the numbers were measured honestly: a digest says that they arrived as they were packed, and no more.
"""

from phcore.export.pack.manifest import Entry, Manifest
from phcore.export.pack.opening import Opened, unpack
from phcore.export.pack.packing import Packed, pack

__all__ = ["Entry", "Manifest", "Opened", "Packed", "pack", "unpack"]
