"""Signing in: with an account, against a provider on this machine, and through a proxy that asks for a password."""

import importlib.util

import pytest
import tomli_w
from websockets.exceptions import InvalidStatus

from tests.browser.conftest import Server
from tests.protocol import Client
from tests.provider import CLIENT, SECRET, Provider
from tests.proxy import Proxy, basic

needs_authlib = pytest.mark.skipif(
    importlib.util.find_spec("authlib") is None, reason="there is no Authlib: pip install -r requirements.txt"
)
TITLE = "harmless pulled the prompts"


@pytest.fixture(scope="module")
def provider():
    with Provider(email="someone@example.org", email_verified=True) as one:
        yield one


@pytest.fixture(scope="module")
def room(shipped, provider, tmp_path_factory):
    place = tmp_path_factory.mktemp("secrets")
    options = ["--read-only", "--sign-in", "--allow", "@example.org"]
    secrets = place / "secrets.toml"
    secrets.touch()
    one = Server(shipped, place, serve=options, STREAMLIT_SECRETS_FILES=str(secrets))
    auth = {
        "redirect_uri": f"{one.url}/oauth2callback",  # known only now; read at the first visit
        "cookie_secret": "long and only for this test, as any other",
        "client_id": CLIENT,
        "client_secret": SECRET,
        "server_metadata_url": f"{provider.url}/.well-known/openid-configuration",
    }
    secrets.write_text(tomli_w.dumps({"auth": auth}))
    yield one
    one.stop()


@needs_authlib
@pytest.mark.browser
def test_an_account_that_is_allowed_reads_on(visit, room, provider):
    provider.claims = {"email": "someone@example.org", "email_verified": True}
    one = visit()
    page = one.open(f"{room.url}/trajectories")
    assert "Sign in to read on" in page.inner_text("body")
    assert page.locator("canvas, svg.marks").count() == 0
    assert "smollm2" not in page.inner_text("body")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector(f"h1:has-text('{TITLE}')")
    one.settle()
    one.assert_clean()
    assert provider.asked.count("/token") >= 1
    page = one.open(f"{room.url}/barcodes")
    page.locator("canvas, svg.marks").first.wait_for(state="attached")


@needs_authlib
@pytest.mark.browser
@pytest.mark.parametrize(
    "claims",
    [
        {"email": "someone@example.com"},
        {"email": "someone@example.org", "email_verified": False},
        {"name": "nobody"},
    ],
)
def test_an_account_that_is_not_allowed_does_not(visit, room, provider, claims):
    provider.claims = claims
    one = visit()
    page = one.open(room.url)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector("h2:has-text('No access')")
    one.settle()
    assert "smollm2" not in page.inner_text("body")
    assert page.get_by_role("button", name="Sign out").count() == 1


@pytest.mark.parametrize("page", ["", "barcodes", "trajectories", "evidence", "shell", "study"])
@pytest.mark.parametrize(
    "cookie", ["", '_streamlit_user="{}"', "_streamlit_user=2|1:0|10:1|15:_streamlit_user|4:e30=|00"]
)
def test_no_page_is_told_to_whoever_has_not_signed_in(bolted, page, cookie):
    with Client(bolted.port, Cookie=cookie) as client:
        client.run(page, "study=smollm2-135m-instruct&e_section=Early%3F")
        buttons = client.ids("button")
        assert "Sign in to read on" in client.words()
        assert set(buttons) == {"account"}
        assert b"smollm2" not in client.told.lower()
        assert b"/home" not in client.told


@pytest.fixture(scope="module")
def bolted(shipped, tmp_path_factory):
    """Sign-in is asked for, and there is no provider: nobody can be let in."""
    one = Server(shipped, tmp_path_factory.mktemp("roots"), serve=["--read-only", "--sign-in", "--allow", "*"])
    yield one
    one.stop()


# --- a proxy ----------------------------------------------------------------------------------------


def test_a_proxy_lets_in_who_knows_the_password(shipped, tmp_path):
    name = "topo.example.org"
    options = ["--read-only", "--study", "smollm2-135m-instruct", "--host", name]
    one, word = Server(shipped, tmp_path, serve=options), basic("reader", "a word")
    try:
        with Proxy(one.port, word) as proxy:
            with Client(proxy.port, name, Authorization=word) as client:
                assert TITLE in client.run().words()
                assert "What shape is this cloud?" in client.run("barcodes").words()
            for wrong in ({}, {"Authorization": basic("reader", "another")}):
                with pytest.raises(InvalidStatus, match="401"):
                    Client(proxy.port, name, **wrong)
            with pytest.raises(InvalidStatus, match="403"):  # a name the server was not told
                Client(proxy.port, "other.example.org", Authorization=word)
            assert (proxy.passed, proxy.refused) == (2, 2)
    finally:
        one.stop()
