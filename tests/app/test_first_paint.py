"""The first answer of the server: a page with its styles, and everything else as it is."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from pages.parts import web
from pages.parts.first_paint import FirstPaint, high, styled

PAGE = b"<html><head><title>x</title></head><body></body></html>"


def asked(accept: str, kind: str, parts: list[bytes]) -> tuple[dict, bytes, dict]:
    """Headers and body of an answer, and the request that the app saw."""
    sent, seen = [], {}

    async def app(scope, receive, send):
        seen.update(dict(scope["headers"]))
        headers = [(b"content-type", kind.encode()), (b"content-length", b"99"), (b"etag", b"e")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for number, part in enumerate(parts):
            await send({"type": "http.response.body", "body": part, "more_body": number + 1 < len(parts)})

    async def send(event):
        sent.append(event)

    request = [(b"accept", accept.encode()), (b"accept-encoding", b"gzip"), (b"if-none-match", b"e")]
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": request}
    with ThreadPoolExecutor(1) as other:  # a browser of another test may hold this thread's loop
        other.submit(asyncio.run, FirstPaint(app)(scope, None, send)).result()
    return dict(sent[0]["headers"]), b"".join(one.get("body", b"") for one in sent[1:]), seen


def test_a_page_brings_its_styles():
    headers, body, seen = asked("text/html,*/*", "text/html; charset=utf-8", [PAGE[:20], PAGE[20:]])
    assert body == styled(PAGE)
    for name in ("shell.css", "figures.css", "barcodes.css"):
        assert web.text(name).encode() in body.partition(b"</head>")[0]
    assert b"content-length" not in headers  # it is longer now
    assert b"etag" not in headers  # and another with every version of the styles
    assert b"accept-encoding" not in seen
    assert b"if-none-match" not in seen


@pytest.mark.parametrize(("accept", "kind"), [("*/*", "text/html"), ("text/html", "image/png")])
def test_anything_else_is_as_it_is(accept, kind):
    headers, body, _ = asked(accept, kind, [b"</head>", b"2"])
    assert body == b"</head>2"
    assert headers[b"content-length"] == b"99"


def test_a_page_without_a_head_is_as_it_is():
    assert styled(b"ok") == b"ok"


def test_a_container_says_in_its_key_what_is_kept_free():
    """To tens of pixels, never less than is asked; one name does not begin another."""
    heights = {1: "high10", 300: "high300", 300.5: "high310", 1995: "high2000", 9000: "high2000"}
    assert {one: high(one) for one in heights} == heights
    page = styled(PAGE).decode()
    for one in (10, 300, 2000):
        assert f'[class*="-{high(one)} "]{{min-height:{one}px}}' in page
