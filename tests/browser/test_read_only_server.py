"""A read-only server against a client that sends what no browser would, and against a browser that clicks around."""

import http.client
import json
import shutil
import socket
from urllib.parse import quote

import psutil
import pytest
import tomli_w
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from phcore.archive.store import SCHEMA
from tests.browser.conftest import ROOT, Server
from tests.protocol import Client
from tests.unit.archive.test_permissions import state

PAGES = ("", "barcodes", "trajectories", "evidence")
WRITERS = (
    "view",
    "continue",
    "compute",
    "practice",
    "measure",
    "e_file",
    "e_add",
    "model-choice",
    "checkpoints-path-None",
)
NAMES = ("secret", "linked", "../secret", "..", "tiny/../secret", "/etc/passwd", "tiny.toml", "tiny\0", "", "*")


@pytest.fixture(scope="module")
def archive(computed, tmp_path_factory):
    """`tiny`, whose prompts are private; `secret`, which is not served; `linked`, which is, and lies elsewhere."""
    study, cache = computed
    place = tmp_path_factory.mktemp("served")
    shutil.copytree(cache, place / "cache")
    studies = place / "cache" / "studies"
    for name, target in (("secret", studies / "secret"), ("linked", place / "outside")):
        shutil.copytree(studies / "tiny", target)
        record = json.loads((target / "record.json").read_text())
        record["study"] |= {"name": name, "model": f"/home/owner/{name}-model"}
        (target / "record.json").write_text(json.dumps(record))
    (studies / "linked").symlink_to(place / "outside")
    (studies / "tiny" / "study.toml").write_text(tomli_w.dumps(study.with_(private=("prompts",)).to_dict()))
    job = place / "cache" / "jobs" / "secret"
    job.mkdir(parents=True)
    (job / "status.json").write_text(json.dumps({"name": "secret", "state": "failed", "message": "/home/owner/log"}))
    return place / "cache"


@pytest.fixture(scope="module")
def markers(computed, archive):
    """Bytes that no visitor may see."""
    study, _ = computed
    folders = {study.model.parent, study.series[0].path.parent, archive.parent, ROOT}
    return [b"red kite", b"night train", b"my aunt", b"secret-model", b"linked-model", b"/home/owner",
            *(str(folder).encode() for folder in folders)]  # fmt: skip


@pytest.fixture(scope="module")
def room(archive, tmp_path_factory):
    before = state(archive)
    one = Server(
        archive, tmp_path_factory.mktemp("roots"), serve=["--read-only", "--study", "tiny", "--study", "linked"]
    )
    yield one
    one.stop()
    assert state(archive) == before


@pytest.fixture(scope="module")
def plain(archive, tmp_path_factory):
    """A server that is not read-only, on a copy that is not finished: so that there is something to compute."""
    cache = tmp_path_factory.mktemp("plain") / "cache"
    shutil.copytree(archive, cache, symlinks=True)
    shutil.rmtree(cache / SCHEMA / "tables")
    one = Server(cache, archive.parent, PHCORE_ROOTS=str(archive.parent))
    yield one
    one.stop()


@pytest.fixture(scope="module")
def writing_ids(plain):
    """Identifiers of the widgets that a server which is not read-only draws: they follow from the code alone."""
    found = {}
    with Client(plain.port) as client:
        client.run("study", query="study=tiny")
        for kind in ("button", "button_group"):
            found |= {element.id: kind for name, element in client.elements if name == kind}
        (view,) = [key for key in found if key.endswith("-view")]
        chosen = WidgetState(id=view)
        chosen.string_array_value.data.append("New study")
        client.run("study", query="study=tiny", widgets=[chosen])
        for kind in ("button", "selectbox", "text_input"):
            found |= {element.id: kind for name, element in client.elements if name == kind}
    return found


def holds(client: Client, markers: list[bytes]) -> list[bytes]:
    """Those that the server has told, with the escapes of Markdown or without."""
    told = client.told.replace(b"\\", b"").replace("\u2060".encode(), b"")
    return [marker for marker in markers if marker in client.told or marker in told]


def forged(identifier: str, kind: str, value: str) -> WidgetState:
    one = WidgetState(id=identifier)
    if kind == "button":
        one.trigger_value = True
    elif kind in ("button_group", "multiselect"):
        one.string_array_value.data.append(value)
    else:
        one.string_value = value
    return one


def _upload() -> BackMsg:
    """Asks where a file can be sent to."""
    asked = BackMsg()
    asked.file_urls_request.request_id = "1"
    asked.file_urls_request.file_names.append("x.csv")
    return asked


def test_the_markers_are_what_a_server_for_oneself_shows(plain, markers):
    """Else the tests below would find nothing, whatever is told."""
    with Client(plain.port) as client:
        assert b"red kite" in holds(client.run("barcodes", "study=tiny"), markers)
    with Client(plain.port) as client:
        assert b"secret-model" in holds(client.run(query="study=secret"), markers)
        client.listen(0.5)
        client.send(_upload(), until="file_urls_response")
        assert "/" in client.run().messages[0].new_session.main_script_path


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_the_study_and_nothing_else(room, markers, page):
    with Client(room.port) as client:
        client.run(page)
        told = client.words()
        assert "read-only" in told
        assert next(one.options for kind, one in client.elements if kind == "selectbox") == ["tiny"]
        assert not {key for key in client.ids("button") | client.ids("button_group") if key in WRITERS}
        assert not [kind for kind, _ in client.elements if kind in ("file_uploader", "exception")]
        assert "/" not in client.messages[0].new_session.main_script_path
        assert not holds(client, markers)


def test_private_prompts_are_shown_by_number(room, markers):
    with Client(room.port) as client:
        client.run("barcodes", "b_points=all")
        assert b"(private)" in client.told
        assert not holds(client, markers)


@pytest.mark.parametrize("page", PAGES)
def test_links_and_forged_choices_of_another_study_give_nothing(room, markers, page):
    for name in NAMES:
        with Client(room.port) as client:
            client.run(page, f"study={quote(name)}&e_section=Other+models%3F&e_beside={quote(name)}")
            choices = [(one.id, kind) for kind, one in client.elements if kind in ("selectbox", "multiselect")]
            assert [key for key, _ in choices if key.endswith("-study")]
            every = [forged(key, kind, name) for key, kind in choices]
            client.run(page, widgets=every)
            if "exception" in {kind for kind, _ in client.elements}:  # it stopped at the first: one after the other
                for one in every:
                    client.run(page, widgets=[one])
            assert not holds(client, markers), name
    with Client(room.port) as client:
        assert next(one.options for kind, one in client.run(page).elements if kind == "selectbox") == ["tiny"]


@pytest.mark.parametrize("page", PAGES)
def test_values_of_another_type_end_in_an_error_without_words(room, markers, page):
    with Client(room.port) as client:
        client.run(page)
        keys = [one.id for kind, one in client.elements if getattr(one, "id", "")]
        for key in keys:
            one = WidgetState(id=key)
            one.json_value = '{"a": ["/etc/passwd"]}'
            client.run(page, widgets=[one])
            for kind, error in client.elements:
                if kind == "exception":
                    assert "redacted" in error.message
                    assert (error.type, list(error.stack_trace)) == ("", [])
        assert not holds(client, markers)


def test_widgets_that_are_not_drawn_do_nothing(room, archive, writing_ids, markers):
    assert {key.rsplit("-", 1)[-1] for key in writing_ids} >= {"view", "continue"}
    before = state(archive)
    with Client(room.port) as client:
        for page in PAGES[:1]:
            client.run(page)
            every = [forged(key, kind, "New study") for key, kind in writing_ids.items()]
            client.run(page, widgets=every)
            client.run(page, widgets=every)
        assert "Base model" not in client.words()
        assert not holds(client, markers)
    assert state(archive) == before


def test_what_the_protocol_offers_beside_reruns_is_not_taken(room, markers):
    requests = [
        BackMsg(load_git_info=True),
        BackMsg(clear_cache=True),
        BackMsg(set_run_on_save=True),
        BackMsg(debug_shutdown_runtime=True),
        BackMsg(debug_disconnect_websocket=True),
    ]
    with Client(room.port) as client:
        client.run()
        client.listen(0.5)
        for one in [*requests, _upload()]:
            client.send(one, until=None)
        client.socket.send(b"\xff\xff no message")
        assert client.listen(1.0) == b""
        assert "read-only" in client.run().words()
        assert not holds(client, markers)


@pytest.mark.parametrize(
    "path",
    [
        "/media/../../../etc/passwd",
        "/media/%2e%2e/%2e%2e/cache/studies/secret/record.json",
        "/component/../../app.py",
        "/component/x/..%2f..%2f..%2fetc%2fpasswd",
        "/app/static/../app.py",
        "/app/static/%2e%2e/.streamlit/config.toml",
        "/static/../../../app.py",
        "/static/..%5c..%5capp.py",
        "/..%2f..%2fetc/passwd",
        "//etc/passwd",
        "/cache/studies/secret/record.json",
        "/media/" + "0" * 64 + ".csv",
    ],
)
def test_no_address_leads_to_a_file(room, path):
    connection = http.client.HTTPConnection("127.0.0.1", room.port)
    connection.putrequest("GET", path, skip_host=True, skip_accept_encoding=True)  # as it is, not tidied up
    connection.putheader("Host", f"127.0.0.1:{room.port}")
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    # An unknown address outside the server's own folders is the app itself, as every page's is.
    assert answer.status in (400, 403, 404) or b'<div id="root">' in body, (answer.status, body[:200])
    assert b"root:" not in body
    assert b"secret-model" not in body
    assert b"st.App" not in body
    assert b"gatherUsageStats =" not in body


def test_visitors_are_not_counted_for_others(room):
    connection = http.client.HTTPConnection("127.0.0.1", room.port)
    connection.request("GET", "/_stcore/metrics")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (404, b"Not found")


def test_nothing_can_be_uploaded(room):
    with Client(room.port) as client:
        client.run()
        connection = http.client.HTTPConnection("127.0.0.1", room.port)
        connection.request(
            "PUT", f"/_stcore/upload_file/{client.session}/x", b"--b\r\n\r\nx\r\n--b--\r\n",
            {"Content-Type": "multipart/form-data; boundary=b"},
        )  # fmt: skip
        assert connection.getresponse().status in (403, 413)


def test_other_sites_and_other_names_are_turned_away(room):
    with pytest.raises(InvalidStatus, match="403"):
        connect(f"ws://127.0.0.1:{room.port}/_stcore/stream", origin="https://evil.example")
    with pytest.raises(InvalidStatus, match="403"):  # a name that was made to lead here
        connect("ws://evil.example/_stcore/stream", sock=socket.create_connection(("127.0.0.1", room.port)))


def test_only_this_machine_is_listened_to(room):
    listening = [
        one.laddr.ip
        for one in psutil.Process(room.process.pid).net_connections("tcp")
        if one.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"]
    with socket.create_connection(("127.0.0.1", room.port)):
        pass


@pytest.mark.browser
def test_a_visit_reads_everything_and_changes_nothing(visit, room, archive):
    before = state(archive)
    one = visit()
    page = one.open(f"{room.url}/?study=secret")
    # What the visitor's own address asked for is repeated, and nothing of it is known.
    said = page.inner_text("body").replace("the study “secret”, which is not available here", "")
    assert "secret" not in said
    assert "This server is read-only." in said
    for word in ("New study", "Compute", "Continue computing", "Cancel", "Browse files"):
        assert page.get_by_role("button", name=word).count() == 0
        assert page.get_by_role("radio", name=word).count() == 0
    for name in PAGES[1:]:
        page = one.open(f"{room.url}/{name}?study=tiny")
        page.locator("canvas, svg.marks").first.wait_for(state="attached")
        for box in page.locator("[data-testid=stExpander] summary").all():
            box.click()
        one.settle()
        one.assert_clean()
    page = one.open(f"{room.url}/evidence?study=tiny&e_section=Before+behaviour%3F")
    assert page.locator("[data-testid=stFileUploader]").count() == 0
    table = page.locator("[data-testid=stExpander]").first
    table.locator("summary").click()
    one.settle()
    with page.expect_download() as got:
        table.locator("[data-testid=stDownloadButton] button").first.click()
    assert got.value.path().stat().st_size > 0
    one.assert_clean()
    assert state(archive) == before
