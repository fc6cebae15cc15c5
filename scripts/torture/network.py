"""No network."""

import json
import os
import subprocess
from pathlib import Path

from scripts.torture.disk import command
from scripts.torture.how import How
from scripts.torture.scene import COMPUTE, ENVIRONMENT, Place, Scene, check
from scripts.torture.tally import Tally

SOCKETS = Path(__file__).resolve().parent / "sockets"
ALONE = ("unshare", "--user", "--map-root-user", "--net", "bash", "-c", 'ip link set lo up; "$@"', "alone")
TRAINING = (
    "--objective", "kind=talk.jsonl", "--steps", "2", "--warmup", "1", "--batch", "2", "--held-out", "1",
    "--max-tokens", "64", "--device", "cpu",
)  # fmt: skip
COMMANDS = (
    ("scan", "runs", "--model", "base"),
    ("new", "runs", "--model", "base", "--probes", "probes.jsonl", "-o", "new.toml"),
    ("estimate", "study.toml", "--workers", "1"),
    COMPUTE,
    ("studies",),
    ("follow", "study.toml", "--every", "0.2", "--idle", "0.001", "--workers", "1"),
    ("probes", "probes.jsonl"),
    ("tables", "tiny", "velocities"),
    ("findings", "tiny"),
    ("report", "tiny", "-o", "report.html"),
    ("figures", "tiny", "-o", "figures.zip"),
    ("clouds", "tiny", "--series", "helpful", "--step", "2", "-o", "clouds.npy"),
    ("pack", "tiny", "-o", "study.zip"),
    ("open", "study.zip", "--name", "theirs"),
    ("measures", "tiny", "own.csv"),
    ("private", "tiny", "prompts"),
    ("practice", "practice", "--device", "cpu"),
    ("finetune", "practice/base", "tuned", *TRAINING),
    ("sweep", "practice/base", "swept", *TRAINING, "--rates", "1e-3", "--seeds", "1", "--probes", "probes.jsonl"),
)
LONG = ("practice", "finetune", "sweep", "figures", "report")  # left out of the short version
# A server answers on the loopback.
SERVED = """
"$@" & server=$!
for _ in $(seq 300); do
  said=$(python3 -c 'import urllib.request as u; print(u.urlopen("http://127.0.0.1:8599/_stcore/health").read())' 2>&1)
  case "$said" in *ok*) kill $server; wait $server; echo answered; exit 0;; esac
  sleep 0.5
done
kill $server; exit 1
"""


def network(scene: Scene, tally: Tally, how: How) -> None:
    """Every command without any network but the loopback; none tries to reach another machine, and the app answers."""
    if subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode:
        tally.note("commands cannot be cut off from the network here; that they open no connection is checked")
    place = scene.place()
    (place.folder / "own.csv").write_text("series,step,name,value\nhelpful,2,accuracy,0.5\n")
    rows = [json.dumps({"chosen": f"\n\nHuman: Why?\n\nAssistant: Because of {k}."}) for k in range(4)]
    (place.folder / "talk.jsonl").write_text("\n".join(rows))
    for arguments in COMMANDS:
        if how.quick and arguments[0] in LONG:
            continue
        with tally.trial(arguments[0]) as trouble:
            run = _alone(place, [*ALONE, *command(*arguments)])
            check(run, trouble, arguments[0])
            if run.code:
                trouble.add("lost", f"it fails without a network: {run.said[-500:]}")
            _connections(place, trouble)
    with tally.trial("serve") as trouble:
        run = _alone(
            place, [*ALONE, "bash", "-c", SERVED, "served", *command("serve", "--read-only", "--port", "8599")]
        )
        if "answered" not in run.said:
            trouble.add("lost", f"the app does not answer: {run.said[-500:]}")
        _connections(place, trouble)
    place.remove()


def _alone(place: Place, words: list[str]):
    paths = f"{SOCKETS}:{ENVIRONMENT['PYTHONPATH']}"
    log = str(place.folder / "sockets.txt")
    # Offline is not said here: the tool has to know by itself.
    run = place.start(
        work=lambda: os.execvp(words[0], words), PYTHONPATH=paths, TORTURE_SOCKETS=log, HF_HUB_OFFLINE="0"
    )
    run.wait()
    return run


def _connections(place: Place, trouble) -> None:
    log = place.folder / "sockets.txt"
    if log.exists():
        trouble.add("leaked", f"it looks for other machines: {log.read_text()[:300]}")
        log.unlink()
