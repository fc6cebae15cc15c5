"""Worker processes must not outlive the run that started them, however it ended."""

import os
import threading
import time


def die_with_parent(parent: int) -> None:
    """Start a thread that ends this process once its parent is gone.

    A pool's worker waits on a queue whose other end it holds open itself, so it would never notice.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
