"""The page's styles in the first answer of the server, so that nothing jumps when they arrive.

Streamlit draws an empty page first, narrow and with a wide margin above, and learns from the script how it should look.
Here its `index.html` says so before. At a first visit the browser also fetches the code of each kind of element, and
until then draws a grey line in its place: what is higher says how high it will be in the name of its container.
"""

from math import ceil

from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pages.parts import web

_END = b"</head>"
_OF_PAGES = ("figures.css", "barcodes.css")  # which bring them again, for browsers that nest no rules
_STEP, _MOST = 10, 2000  # pixels between the heights that can be kept free, and of the last
_CHANGED = (b"content-length", b"etag", b"last-modified")  # of a file that is sent with something added


def middleware() -> list[Middleware]:
    """For `st.App`."""
    return [Middleware(FirstPaint)]


class FirstPaint:
    """ASGI middleware: adds the styles of the frame to every page of HTML."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or "text/html" not in HTTPConnection(scope).headers.get("accept", ""):
            await self.app(scope, receive, send)
            return
        start: Message = {}
        parts: list[bytes] | None = None  # of a page; of anything else none is kept

        async def added(event: Message) -> None:
            nonlocal start, parts
            if event["type"] == "http.response.start":
                start, parts = event, [] if _is_page(event) else None
            if parts is None:
                await send(event)
            elif event["type"] == "http.response.body":
                parts.append(event.get("body", b""))
                if not event.get("more_body"):
                    await send(_started(start))
                    await send({"type": "http.response.body", "body": styled(b"".join(parts))})

        await self.app(_plain(scope), receive, added)


def high(pixels: float) -> str:
    """What the key of a container ends in that keeps so much free."""
    return f"high{min(_MOST, _STEP * ceil(pixels / _STEP))}"


def styled(page: bytes) -> bytes:
    """A page of HTML with the styles at the end of its head; one without a head as it is."""
    # Within the app's element, so that they are more particular than what Streamlit adds.
    nested = "".join(map(web.text, _OF_PAGES))
    heights = "".join(f'[class*="-{high(one)} "]{{min-height:{one}px}}' for one in range(_STEP, _MOST + 1, _STEP))
    styles = f"{web.style('shell.css')}<style>.stApp{{{nested}}}{heights}</style>"
    return page.replace(_END, styles.encode() + _END, 1)


def _plain(scope: Scope) -> Scope:
    """The same request for an answer that is not compressed, and whole even if the browser has an older one."""
    left = (b"accept-encoding", b"if-none-match", b"if-modified-since")
    return scope | {"headers": [pair for pair in scope["headers"] if pair[0].lower() not in left]}


def _is_page(start: Message) -> bool:
    kinds = [value for name, value in start.get("headers", []) if name.lower() == b"content-type"]
    return start["status"] == 200 and any(kind.startswith(b"text/html") for kind in kinds)


def _started(start: Message) -> Message:
    return start | {"headers": [pair for pair in start["headers"] if pair[0].lower() not in _CHANGED]}
