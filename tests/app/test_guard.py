"""Who may talk to the server: tokens, origins, frames and what a browser may load."""

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from pages.parts.guard import Guard, policy, same_origin

TOKEN = "c0ffee" * 8


def client(**options) -> TestClient:
    async def page(request):
        return PlainTextResponse("secret", headers={"Content-Security-Policy": "default-src *"})

    async def stream(socket):
        await socket.accept()
        await socket.send_text("secret")
        await socket.close()

    routes = [Route("/{rest:path}", page), WebSocketRoute("/_stcore/stream", stream)]
    app = Guard(Starlette(routes=routes), **options)
    return TestClient(app, base_url="http://127.0.0.1:8501", follow_redirects=False)


def connects(one: TestClient, origin: str | None = "http://127.0.0.1:8501") -> bool:
    headers = {"host": "127.0.0.1:8501"} | ({"origin": origin} if origin else {})
    try:
        with one.websocket_connect("ws://127.0.0.1:8501/_stcore/stream", headers=headers) as socket:
            return socket.receive_text() == "secret"
    except WebSocketDisconnect:
        return False


def test_without_the_token_nothing_is_shown():
    one = client(token=TOKEN)
    for path in ("/", "/barcodes", "/static/x.js", "/?token=", "/?token=wrong", f"/?token={TOKEN[:-1]}"):
        answer = one.get(path)
        assert answer.status_code == 403
        assert "secret" not in answer.text
        assert TOKEN not in answer.text
    assert not connects(one)
    one.cookies.set("toposcope-8501", "wrong")
    assert not connects(one)
    assert one.get("/_stcore/health").text == "secret"  # of this stand-in: the real one says "ok"


def test_the_token_lets_a_browser_in_and_leaves_the_address():
    one = client(token=TOKEN)
    answer = one.get(f"/barcodes?study=a%26b&token={TOKEN}&layer=3")
    assert (answer.status_code, answer.headers["location"]) == (303, "/barcodes?study=a%26b&layer=3")
    kept = answer.headers["set-cookie"].lower()
    assert "httponly" in kept
    assert "samesite=strict" in kept
    assert one.get("/barcodes").text == "secret"
    assert connects(one)


def test_the_way_in_leads_nowhere_else():
    answer = client(token=TOKEN).get(f"http://127.0.0.1:8501//evil.example/x?token={TOKEN}")
    assert answer.headers["location"] == "/evil.example/x"


def test_without_one_everybody_is_let_in():
    assert client().get("/").text == "secret"
    assert connects(client())


@pytest.mark.parametrize(
    "origin", [None, "null", "http://127.0.0.1:8502", "http://localhost:8501", "https://evil.example", "file://", "x"]
)
def test_sockets_of_other_pages_are_refused(origin):
    assert not connects(client(), origin)


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("https://topo.example.org", "topo.example.org", True),
        ("https://topo.example.org:8443", "topo.example.org:8443", True),
        ("https://topo.example.org:8443", "topo.example.org", True),  # the proxy tells no port
        ("https://topo.example.org", "topo.example.org:8443", False),
        ("https://topo.example.org.evil.example", "topo.example.org", False),
        ("http://127.0.0.1:3000", "127.0.0.1", False),
        ("http://127.0.0.1", "127.0.0.1", True),
        ("http://[::1]:8501", "[::1]:8501", True),
        ("http://127.0.0.1:99999", "127.0.0.1:99999", False),
        ("", "", False),
    ],
)
def test_origins(origin, host, same):
    assert same_origin({"origin": origin, "host": host}) == same


def test_every_answer_says_what_a_browser_may_load():
    for path, options in (("/", {}), ("/", {"token": TOKEN}), ("/_stcore/health", {})):
        headers = client(**options).get(path).headers
        assert headers.get_list("content-security-policy") == [policy([])]
        assert headers["x-frame-options"] == "SAMEORIGIN"
        assert headers["x-content-type-options"] == "nosniff"
    assert "img-src 'self' data: blob:;" in policy([])
    assert "frame-ancestors 'self'" in policy([])
    assert "http:" not in policy([])
    framed = client(frames=["https://notes.example.org"]).get("/").headers
    assert framed["content-security-policy"].endswith("frame-ancestors 'self' https://notes.example.org")
    assert "x-frame-options" not in framed
