"""A client of the app that speaks the browser's protocol and need not keep to what a browser would send."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from typing import Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import connect

RAN = 200.0  # seconds that a run of the script may take


def as_shown(markdown: str) -> str:
    """Markdown without its escapes, and without the joiners that keep words from becoming links."""
    return re.sub(r"\\([^\w\s])", r"\1", markdown).replace("\u2060", "")


class Client:
    """One session. `told` is every byte that the server has sent in it."""

    def __init__(self, port: int, host: str = "127.0.0.1", **headers: str):
        """`host`: the name that this machine goes by, such as that of a proxy."""
        name = f"{host}:{port}"
        self.socket = connect(
            f"ws://{name}/_stcore/stream", origin=f"http://{name}", subprotocols=["streamlit"], max_size=None,
            additional_headers=headers, sock=socket.create_connection(("127.0.0.1", port)),
        )  # fmt: skip
        self.told = b""
        self.session = ""
        self.messages: list[ForwardMsg] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.socket.close()

    def run(
        self, page: str = "", query: str = "", widgets: list[WidgetState] | None = None, embedded: bool = False, **state
    ) -> Self:
        """Run a page of the app and take in all it says. `state` are other fields of the client's state."""
        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.page_name = page
        message.rerun_script.context_info.is_embedded = embedded
        message.rerun_script.widget_states.widgets.extend(widgets or [])
        for name, value in state.items():
            setattr(message.rerun_script, name, value)
        return self.send(message)

    def send(self, message: BackMsg, until: str | None = "script_finished") -> Self:
        self.socket.send(message.SerializeToString())
        self.messages = []
        while until:
            raw = self.socket.recv(RAN)
            self.told += raw
            one = ForwardMsg.FromString(raw)
            self.messages.append(one)
            if one.WhichOneof("type") == "new_session":
                self.session = one.new_session.initialize.session_id
            if one.WhichOneof("type") == until:
                break
        return self

    def listen(self, seconds: float) -> bytes:
        """What else the server says within a time."""
        said = b""
        try:
            while True:
                said += self.socket.recv(seconds)
        except TimeoutError:
            self.told += said
            return said

    @property
    def elements(self) -> Iterator[tuple[str, object]]:
        """(kind, element) of everything the last run has drawn."""
        for one in self.messages:
            if one.WhichOneof("type") == "delta" and one.delta.WhichOneof("type") == "new_element":
                element = one.delta.new_element
                kind = element.WhichOneof("type")
                yield kind, getattr(element, kind)

    def ids(self, kind: str) -> dict[str, str]:
        """key -> identifier of the widgets of a kind."""
        found = (element.id for name, element in self.elements if name == kind)
        return {one.rsplit("-", 1)[-1]: one for one in found}

    def words(self) -> str:
        """All texts and labels of the last run, as they are shown."""
        said = []
        for _, element in self.elements:
            for field in ("body", "label", "text"):
                said.append(str(getattr(element, field, "")))
        return as_shown("\n".join(said))
