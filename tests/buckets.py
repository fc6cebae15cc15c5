"""An S3-compatible server on this machine, spoken to over a real connection."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Self

# It ends with whoever started it: then nobody holds the other end of its input any more.
_SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(*server.get_host_and_port(), flush=True)
sys.stdin.read()
"""


class Server:
    """A server with nothing in it. `environment` is what finds it."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        host, port = self._process.stdout.readline().split()
        self.environment = {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "somebody",
            "AWS_SECRET_ACCESS_KEY": "a secret of theirs",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def system(protocol: str = "s3"):
    """The file system of all buckets, as it is now."""
    import fsspec

    fsspec.filesystem(protocol).clear_instance_cache()
    return fsspec.filesystem(protocol, use_listings_cache=False)


def put(folder: Path, address: str) -> None:
    """Upload a folder as people do: file after file."""
    there = system(address.partition("://")[0])
    for file in sorted(one for one in Path(folder).rglob("*") if one.is_file()):
        there.pipe_file(f"{address}/{file.relative_to(folder).as_posix()}", file.read_bytes())


def held(address: str) -> dict[str, bytes]:
    """Name below an address -> what lies there."""
    there = system(address.partition("://")[0])
    root = there._strip_protocol(address)
    return {name.removeprefix(f"{root}/"): there.cat_file(name) for name in there.find(root)}
