"""What a read-only server takes from a browser and tells it, below the pages: Streamlit's own messages.

Beside reruns, the protocol lets any visitor ask for the state of the server's Git folder (its address, branch and
changed files), clear the caches of everyone and announce uploads; and each run begins by naming the path of its script.
"""

import os
from pathlib import Path

from google.protobuf.message import DecodeError
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from phcore.archive.permissions import Permissions

TAKEN = ("rerun_script", "stop_script", "app_heartbeat", "backend_operation_request")  # the last: downloads
COUNTED = "/_stcore/metrics"  # how many sessions there are and were, for whoever asks
_PLACE = str(Path(__file__).resolve().parents[1]).encode()


def middleware() -> list[Middleware]:
    """For `st.App`: nothing, unless the server is read-only."""
    return [Middleware(ProtocolFilter)] if Permissions.read(os.environ).read_only else []


class ProtocolFilter:
    """ASGI middleware: drops what is not in `TAKEN`, names the script without its folder, and counts for nobody."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].endswith(COUNTED):
            await PlainTextResponse("Not found", 404)(scope, receive, send)
            return
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return

        async def heard() -> Message:
            while True:
                event = await receive()
                if event.get("bytes") is None or taken(event["bytes"]):
                    return event

        async def told(event: Message) -> None:
            data = event.get("bytes")
            await send(event | {"bytes": without_place(data)} if data else event)

        await self.app(scope, heard, told)


def taken(data: bytes) -> bool:
    """Whether a message of the browser is passed on."""
    try:
        return BackMsg.FromString(data).WhichOneof("type") in TAKEN
    except DecodeError:
        return False


def without_place(data: bytes) -> bytes:
    """A message to the browser in which the script has a name and no folder."""
    if _PLACE not in data:  # looked for first: reading a message with a chart's data takes its time
        return data
    message = ForwardMsg.FromString(data)
    if message.WhichOneof("type") != "new_session":
        return data
    message.new_session.main_script_path = Path(message.new_session.main_script_path).name
    return message.SerializeToString()
