"""A stand-in for a reverse proxy that asks for a password: connections that carry it are passed on as they are."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
from typing import Self


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Proxy:
    """Listens on a port of its own. `passed` and `refused` count connections."""

    def __init__(self, target: int, authorization: str):
        self.target, self.authorization = target, authorization
        self.passed = self.refused = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                one, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(one,), daemon=True).start()

    def _serve(self, visitor: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head and (part := visitor.recv(65_536)):
            head += part
        if f"authorization: {self.authorization}".lower().encode() not in head.lower():
            self.refused += 1
            visitor.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            visitor.close()
            return
        self.passed += 1
        server = socket.create_connection(("127.0.0.1", self.target))
        server.sendall(head)
        threading.Thread(target=_pour, args=(server, visitor), daemon=True).start()
        _pour(visitor, server)


def _pour(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while part := source.recv(65_536):
            target.sendall(part)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
