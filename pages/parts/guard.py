"""Who may talk to the server, below the pages: browsers that know its token, pages of its own, and no frame of others.

Each page is sent with a policy that lets a browser load pictures, scripts and data from this server alone: whatever a
study, a checkpoint or a pack holds, nobody's browser leaves the machine for it.
"""

import hmac
import os
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pages.parts import web
from phcore.archive.permissions import FRAMES, TOKEN

PARAMETER = "token"  # of the address
MONTH = 30 * 24 * 3600  # seconds that a browser remembers it
OPEN = ("/_stcore/health", "/healthz")  # says "ok" and nothing else
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def middleware() -> list[Middleware]:
    """For `st.App`."""
    frames = [one.strip() for one in os.environ.get(FRAMES, "").split(",") if one.strip()]
    return [Middleware(Guard, token=os.environ.get(TOKEN, ""), frames=frames)]


def policy(frames: list[str]) -> str:
    """The Content-Security-Policy of every answer. Streamlit and Vega need inline styles and compiled expressions."""
    return "; ".join((
        "default-src 'self'", "img-src 'self' data: blob:", "media-src 'self' data: blob:", "font-src 'self' data:",
        "style-src 'self' 'unsafe-inline'", "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "worker-src 'self' blob:", "connect-src 'self'", "object-src 'none'", "base-uri 'self'", "form-action 'self'",
        f"frame-ancestors {' '.join([chr(39) + 'self' + chr(39), *frames])}",
    ))  # fmt: skip


class Guard:
    """ASGI middleware.

    Parameters
    ----------
    token : what a browser has to show, in the address once and as a cookie from then on. Empty: nothing.
    frames : origins whose pages may frame this one.
    """

    def __init__(self, app: ASGIApp, token: str = "", frames: list[str] | None = None):
        self.app, self.token = app, token
        self._headers = [
            (b"content-security-policy", policy(frames or []).encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
        ]
        if not frames:
            self._headers.append((b"x-frame-options", b"SAMEORIGIN"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            asked = HTTPConnection(scope)
            if not (self._known(asked) and same_origin(asked.headers)):
                await receive()
                await send({"type": "websocket.close", "code": 1008})
                return
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(event: Message) -> None:
            if event["type"] == "http.response.start":
                names = {name for name, _ in self._headers}
                kept = [pair for pair in event.get("headers", []) if pair[0].lower() not in names]
                event = event | {"headers": [*kept, *self._headers]}
            await send(event)

        asked = HTTPConnection(scope)
        answer = None if scope["path"] in OPEN else self._answer(asked)
        await (answer or self.app)(scope, receive, guarded)

    def _answer(self, asked: HTTPConnection) -> HTMLResponse | RedirectResponse | None:
        """What a browser is told instead of what it asked for."""
        if self._shown(asked):  # out of the address again, before it is copied or kept in a history
            rest = [(name, value) for name, value in parse_qsl(asked.url.query, True) if name != PARAMETER]
            here = "/" + asked.url.path.lstrip("/")  # two slashes would begin the name of another server
            answer = RedirectResponse(here + (f"?{urlencode(rest)}" if rest else ""), 303)
            answer.set_cookie(self._cookie(asked), self.token, MONTH, httponly=True, samesite="strict")
            return answer
        return None if self._known(asked) else HTMLResponse(web.text("locked.html"), 403)

    def _shown(self, asked: HTTPConnection) -> bool:
        shown = asked.query_params.get(PARAMETER)
        return bool(self.token) and shown is not None and hmac.compare_digest(shown.encode(), self.token.encode())

    def _known(self, asked: HTTPConnection) -> bool:
        kept = asked.cookies.get(self._cookie(asked), "")
        return not self.token or hmac.compare_digest(kept.encode(), self.token.encode())

    @staticmethod
    def _cookie(asked: HTTPConnection) -> str:
        """Cookies know no ports: two servers of one machine need names of their own."""
        return f"toposcope-{(asked.scope.get('server') or ('', 0))[1]}"


def same_origin(headers: Mapping[str, str]) -> bool:
    """Whether a WebSocket is asked for by a page of this very server: host and port of its origin are those asked.

    Behind a proxy that tells no port, the name has to be the same; of this machine the port, too.
    """
    try:
        origin, host = urlsplit(headers.get("origin", "")), urlsplit(f"//{headers.get('host', '')}")
        usual = {"http": 80, "https": 443}[origin.scheme]
        if not origin.hostname or origin.hostname != host.hostname:
            return False
        if host.port is None and host.hostname not in LOOPBACK:
            return True
        return (origin.port or usual) == (host.port or usual)
    except (KeyError, ValueError):  # no origin, or none that is an address
        return False
