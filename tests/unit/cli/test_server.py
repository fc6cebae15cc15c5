"""What a server is started with, and what is refused before it starts."""

import os

import pytest

from phcore.archive import installed, permissions
from phcore.archive.addresses import address_of
from phcore.archive.store import Store
from phcore.checkpoints.roots import allowed_roots
from phcore.cli import main, server
from phcore.cli.server import Room
from phcore.errors import Fault


def options(room: Room) -> dict[str, list[str]]:
    """option -> its values on the command line."""
    words = server.command(room)
    words = words[words.index(str(installed.APP / "app.py")) + 1 :]
    found: dict[str, list[str]] = {}
    for name, value in zip(words[::2], words[1::2], strict=True):
        found.setdefault(name.removeprefix("--"), []).append(value)
    return found


@pytest.mark.parametrize(
    ("address", "expected"),
    [("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
     ("192.168.1.5", False), ("localhost.evil.example", False), ("", False), ("127.0.0.1.evil.example", False)],
)  # fmt: skip
def test_addresses_that_only_this_machine_reaches(address, expected):
    assert server.is_loopback(address) is expected


@pytest.mark.parametrize(
    ("room", "words"),
    [
        (Room(address="0.0.0.0"), "start computations"),
        (Room(address="0.0.0.0", open=True), "start computations"),
        (Room(read_only=True, address="0.0.0.0"), "unencrypted"),
        (Room(read_only=True, address="0.0.0.0", sign_in=True, allow=("*",)), "unencrypted"),
        (Room(read_only=True, studies=("b",)), "no study is called 'b'"),
        (Room(read_only=True, studies=("../a",)), "no study is called"),
        (Room(studies=("a",)), "shows every study"),
        (Room(private=("prompts",)), "shows every study"),
        (Room(read_only=True, sign_in=True), "nobody is allowed"),
        (Room(read_only=True, allow=("@x.org",)), "says nothing without"),
    ],
)
def test_what_would_show_more_than_was_meant_is_refused(room, words):
    with pytest.raises(Fault, match=words):
        server.check(room, ["a"])


@pytest.mark.parametrize(
    "room",
    [
        Room(),
        Room(read_only=True, studies=("a",), private=("prompts",)),
        Room(read_only=True, address="0.0.0.0", open=True),
        Room(read_only=True, address="10.0.0.1", open=True, sign_in=True, allow=("*",)),
        Room(sign_in=True, allow=("@x.org",)),
    ],
)
def test_what_is_meant_is_served(room):
    server.check(room, ["a"])


def test_a_read_only_server_takes_no_upload_and_tells_no_error():
    found = options(Room(read_only=True))
    assert found["server.address"] == ["127.0.0.1"]
    assert found["server.maxUploadSize"] == ["0"]
    assert found["client.showErrorDetails"] == ["none"]
    for room in (Room(), Room(read_only=True)):
        assert options(room)["browser.gatherUsageStats"] == ["false"]
        assert options(room)["server.enableStaticServing"] == ["false"]
        assert options(room)["server.enableXsrfProtection"] == options(room)["server.enableCORS"] == ["true"]


def test_hosts_are_always_listed():
    """An empty list would let every name in, and so every site that makes its name lead here."""
    assert options(Room())["server.allowedHosts"] == ["localhost", "127.0.0.1"]
    found = options(Room(read_only=True, address="0.0.0.0", open=True, hosts=("topo.example.org",)))
    assert found["server.allowedHosts"] == ["localhost", "127.0.0.1", "topo.example.org"]
    assert options(Room(address="10.0.0.1"))["server.allowedHosts"] == ["localhost", "127.0.0.1", "10.0.0.1"]


def test_the_environment_gives_the_rights_that_were_asked_for():
    given = {"PATH": "/bin"}
    assert not {"PHCORE_READ_ONLY", "PHCORE_STUDIES", "PHCORE_SIGN_IN"} & set(server.environment(Room(), given))
    room = Room(read_only=True, studies=("a", "b"), private=("prompts",))
    assert permissions.Permissions.read(server.environment(room, given)) == permissions.Permissions(
        True, ("a", "b"), frozenset({"prompts"})
    )
    assert permissions.Permissions.read(server.environment(Room(read_only=True), given)) == permissions.Permissions(
        True
    )
    signed = server.environment(Room(read_only=True, sign_in=True, allow=("@x.org", "a@y.org")), given)
    assert signed[permissions.SIGN_IN] == "1"
    assert permissions.admits({"email": "a@y.org"}, permissions.allowed(signed))
    assert not permissions.admits({"email": "b@y.org"}, permissions.allowed(signed))


def test_folders_mean_the_same_to_the_server_wherever_it_was_started(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PHCORE_CACHE", "mine")
    monkeypatch.setenv("PHCORE_ROOTS", ".")
    plain = server.environment(Room(), os.environ)
    assert plain["PHCORE_CACHE"] == str(tmp_path / "mine")
    assert plain["PHCORE_ROOTS"] == str(tmp_path)
    assert server.environment(Room(read_only=True), os.environ)["PHCORE_CACHE"] == str(tmp_path / "mine")


def test_addresses_are_the_same_in_the_servers_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {"PHCORE_CACHE": "s3://bucket/archive", "PHCORE_MIRROR": "mine"}
    given["PHCORE_ROOTS"] = f"s3://bucket/runs:{tmp_path}"
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    plain = server.environment(Room(), os.environ)
    roots = allowed_roots(given)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for name, value in plain.items():
        monkeypatch.setenv(name, value)
    assert Store().far.address == "s3://bucket/archive"
    assert allowed_roots(plain) == roots
    assert [address_of(one) for one in roots] == ["", "s3://bucket/runs"]


def test_no_right_is_given_that_was_taken_before():
    """A container that is read-only stays so, whatever command is run in it."""
    given = {
        permissions.STUDIES: "a,b",
        permissions.PRIVATE: "prompts",
        permissions.SIGN_IN: "1",
        permissions.ALLOW: "@x.org",
    }
    assert given.items() <= server.environment(Room(), given).items()
    narrower = server.environment(Room(read_only=True, studies=("a",), private=("paths",)), given)
    assert permissions.Permissions.read(narrower) == permissions.Permissions(
        True, ("a",), frozenset({"prompts", "paths"})
    )
    assert narrower[permissions.ALLOW] == "@x.org"


@pytest.mark.parametrize(
    ("address", "url"),
    [("127.0.0.1", "http://127.0.0.1:80"), ("::1", "http://[::1]:80"), ("localhost", "http://localhost:80")],
)
def test_the_address_to_open(address, url):
    assert Room(address=address, port=80).url == url


@pytest.fixture
def started(monkeypatch):
    """What the command line would become."""
    seen = []
    monkeypatch.setattr(os, "execve", lambda *words: seen.append(words))
    monkeypatch.setattr(os, "chdir", lambda place: None)
    return seen


def test_the_command_prints_the_address_and_becomes_the_server(computed, started, monkeypatch, capsys):
    monkeypatch.setenv("PHCORE_CACHE", str(computed[1]))
    assert main.main(["serve", "--read-only", "--study", "tiny", "--port", "8600"]) == 0
    assert capsys.readouterr().out == "http://127.0.0.1:8600  read-only: tiny\n"
    ((program, words, environment),) = started
    assert program == words[0]
    assert words[words.index("--server.port") + 1] == "8600"
    assert environment["PHCORE_STUDIES"] == "tiny"


def test_the_command_in_a_read_only_environment_serves_read_only(computed, started, monkeypatch, capsys):
    monkeypatch.setenv("PHCORE_CACHE", str(computed[1]))
    monkeypatch.setenv("PHCORE_STUDIES", "")
    assert main.main(["serve", "--study", "tiny"]) == 1  # it may not be read here
    assert main.main(["serve"]) == 0
    assert "read-only: no study yet" in capsys.readouterr().out
    assert started[0][2]["PHCORE_READ_ONLY"] == "1"
    assert "--server.maxUploadSize" in started[0][1]


def test_the_app_is_opened_on_this_machine_alone(started, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PHCORE_CACHE", str(tmp_path))
    assert main.main(["app", "--port", "8601"]) == 0
    door = capsys.readouterr().out.strip()
    assert door == f"http://127.0.0.1:8601/?token={(tmp_path / 'token').read_text()}"
    assert (tmp_path / "token").stat().st_mode & 0o077 == 0
    assert main.main(["app", "--port", "8601"]) == 0
    assert capsys.readouterr().out.strip() == door  # a browser that was let in stays so after a restart
    assert main.main(["app", "--port", "8601", "--no-token"]) == 0
    assert capsys.readouterr().out == "http://127.0.0.1:8601\n"
    (_, words, environment), _, (_, _, openly) = started
    assert words[words.index("--server.address") + 1] == "127.0.0.1"
    assert "--server.headless" in words  # `run` opens a browser where there is a screen, with the token
    assert "PHCORE_READ_ONLY" not in environment
    assert environment["PHCORE_TOKEN"] in door
    assert not openly["PHCORE_TOKEN"]


def test_the_app_takes_no_address():
    with pytest.raises(SystemExit):
        main.main(["app", "--address", "0.0.0.0"])


def test_the_app_of_a_read_only_environment_is_read_only(started, monkeypatch, tmp_path):
    monkeypatch.setenv("PHCORE_CACHE", str(tmp_path))
    monkeypatch.setenv("PHCORE_STUDIES", "")
    assert main.main(["app"]) == 0
    assert started[0][2]["PHCORE_READ_ONLY"] == "1"
    assert "--server.maxUploadSize" in started[0][1]


@pytest.mark.parametrize(
    "words", [["--read-only", "--study", "none"], ["--address", "0.0.0.0"], ["--read-only", "--address", "0.0.0.0"]]
)
def test_the_command_starts_nothing_it_refuses(computed, started, monkeypatch, capsys, words):
    monkeypatch.setenv("PHCORE_CACHE", str(computed[1]))
    assert main.main(["serve", *words]) == 1
    assert capsys.readouterr().err.startswith("error: ")
    assert not started
