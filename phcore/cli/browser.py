"""Opens a browser at the app once it answers: the process that `toposcope app` leaves for it.

The token is told in a file that only its owner reads: what stands on a command line is seen by every user of a machine.
"""

import os
import sys
import tempfile
import time
import urllib.request
import webbrowser
from pathlib import Path

from phcore.archive.permissions import TOKEN


def answers(url: str) -> bool:
    """Wait until a server that is starting answers; whether it does within half a minute."""
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=1).read()
            return True
        except OSError:
            time.sleep(0.1)
    return False


def main(url: str) -> None:
    if not answers(url):
        return
    with tempfile.TemporaryDirectory(prefix="toposcope-") as folder:  # nobody else's, by its mode
        door = Path(folder) / "open.html"
        door.write_text(f'<meta http-equiv="refresh" content="0; url={url}/?token={os.environ.get(TOKEN, "")}">')
        webbrowser.open(door.as_uri())
        time.sleep(30)  # until the browser has read it


if __name__ == "__main__":
    main(sys.argv[1])
