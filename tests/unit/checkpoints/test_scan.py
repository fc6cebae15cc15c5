import json
import shutil
from pathlib import Path

import pytest

from phcore import checkpoints
from phcore.errors import Fault
from tests import paper


@pytest.fixture
def base(tmp_path):
    return paper.model(tmp_path / "base-model")


def names(found):
    return [(one.name, one.objective, one.seed, [c.step for c in one.checkpoints]) for one in found]


def test_series_of_a_folder(tmp_path, base):
    runs = tmp_path / "runs"
    for objective in ("helpful", "harmless"):
        for step in (16, 2, 100):
            paper.lora(runs / objective / f"checkpoint-{step}")
    (runs / "logs").mkdir()
    (runs / "helpful" / "tmp-checkpoint-200").mkdir()
    found = checkpoints.scan(runs, base)
    assert names(found) == [("harmless", "harmless", 0, [2, 16, 100]), ("helpful", "helpful", 0, [2, 16, 100])]
    one = found[1].checkpoints[0]
    assert (one.kind, one.status, one.finding) == ("adapter", "ready", "")
    assert one.path == runs / "helpful" / "checkpoint-2"
    assert one.size == (one.path / "adapter_model.safetensors").stat().st_size
    # the folder of one series gives that series alone, under the same name
    assert checkpoints.scan(runs / "helpful", base) == [found[1]]


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (["helpful-seed0", "helpful-seed1"], [("helpful-seed0", "helpful", 0), ("helpful-seed1", "helpful", 1)]),
        (["helpful/seed0", "helpful/seed_12"], [("helpful-seed0", "helpful", 0), ("helpful-seed12", "helpful", 12)]),
        (
            ["a/helpful/seed1", "b/helpful/seed1"],
            [("a-seed1", "a", 1), ("b-seed1", "b", 1)],  # what varies is the objective
        ),
        (["helpful/checkpoints", "harmless/checkpoints"], [("harmless", "harmless", 0), ("helpful", "helpful", 0)]),
        (["base"], [("base-series", "base", 0)]),
        (["x/y/z/w"], [("w", "w", 0)]),
        (["run1/helpful", "run2/helpful"], [("helpful-seed1", "helpful", 1), ("helpful-seed2", "helpful", 2)]),
    ],
)
def test_objectives_and_seeds(tmp_path, folders, expected):
    for folder in folders:
        paper.model(tmp_path / "runs" / folder / "step-5")
    assert [(one.name, one.objective, one.seed) for one in checkpoints.scan(tmp_path / "runs")] == expected


def test_single_models_are_series_of_one(tmp_path, base):
    paper.lora(tmp_path / "runs" / "helpful")
    paper.lora(tmp_path / "runs" / "harmless")
    (tmp_path / "runs" / "harmless" / "trainer_state.json").write_text(json.dumps({"global_step": 64}))
    found = checkpoints.scan(tmp_path / "runs", base)
    assert names(found) == [("harmless", "harmless", 0, [64]), ("helpful", "helpful", 0, [1])]
    assert "tells no step" in found[1].checkpoints[0].note
    assert found[0].checkpoints[0].note == ""


def test_the_base_among_the_runs_is_told_from_a_run(tmp_path, base):
    shutil.copytree(base, tmp_path / "runs" / "copy")
    paper.lora(tmp_path / "runs" / "helpful" / "checkpoint-8")
    trained = shutil.copytree(base, tmp_path / "runs" / "full" / "checkpoint-8") / "model.safetensors"
    trained.write_bytes(trained.read_bytes()[:-1] + b"x")
    found = {one.path.name: one.is_base for one in checkpoints.scan(tmp_path / "runs", base)}
    assert found == {"copy": True, "helpful": False, "full": False}
    assert not any(one.is_base for one in checkpoints.scan(tmp_path / "runs"))  # of no base in particular
    assert [one.is_base for one in checkpoints.scan(base, base)] == [True]


def test_a_checkpoint_folder_itself(tmp_path, base):
    folder = paper.lora(tmp_path / "helpful" / "checkpoint-64")
    assert [(one.objective, [c.step for c in one.checkpoints]) for one in checkpoints.scan(folder, base)] == [
        ("helpful", [64])
    ]


def test_final_weights_beside_the_checkpoints(tmp_path, base):
    run = tmp_path / "helpful"
    for step in (50, 100):
        paper.lora(run / f"checkpoint-{step}")
    paper.lora(run / "best")  # no step in its name: last
    paper.lora(run)  # what Trainer.save_model() leaves
    for state, steps in (
        ({}, [50, 100, 101]),
        ({"global_step": 100}, [50, 100]),  # said to be that of checkpoint-100, and is not
        ({"global_step": 120}, [50, 100, 120]),
    ):
        (run / "trainer_state.json").write_text(json.dumps(state))
        found = checkpoints.scan(run, base)[0].checkpoints
        assert [c.step for c in found if c.ready] == steps
        assert [c.path.name for c in found if c.status == "unplaced"][-1] == "best"


def test_two_folders_of_one_step(tmp_path, base):
    paper.lora(tmp_path / "run" / "checkpoint-8")
    paper.lora(tmp_path / "run" / "checkpoint-8-copy")
    first, second = checkpoints.scan(tmp_path / "run", base)[0].checkpoints
    assert first.ready
    assert second.status == "refused"
    assert "checkpoint-8 has the same step 8" in second.finding


def test_trainer_folders_need_no_state_file_and_leftovers_do_no_harm(tmp_path):
    folder = paper.sharded(tmp_path / "run" / "checkpoint-8")
    for leftover in ("optimizer.pt", "scheduler.pt", "rng_state_0.pth", "training_args.bin", "scaler.pt"):
        (folder / leftover).write_bytes(b"not a pickle")
    (folder / "global_step8").mkdir()  # DeepSpeed's own state beside merged weights
    [one] = checkpoints.scan(tmp_path / "run")[0].checkpoints
    assert (one.status, one.kind) == ("ready", "sharded")


def test_hub_revisions_are_a_series(tmp_path):
    repository = paper.hub(tmp_path, "org/tiny", {"step0": "a1", "step1000": "b2", "main": "c3", "step-20k": "c4"})
    (repository / "refs" / "step3").write_text("../../../etc")
    (repository / "refs" / "step4").write_text("gone")
    [found] = checkpoints.scan(repository)
    assert (found.name, found.path) == ("tiny", repository)
    assert [(c.step, c.kind, c.status) for c in found.checkpoints] == [
        (0, "revision", "ready"),
        (4, "revision", "incomplete"),
        (1000, "revision", "ready"),
        (20_000, "revision", "ready"),
        (20_001, "revision", "repeated"),  # main is step-20k here
    ]
    assert checkpoints.scan(tmp_path) == [found]


def test_a_hub_model_without_steps_is_no_series(tmp_path, base):
    repository = paper.hub(tmp_path / "hub", "org/tiny", {"main": "a1"})
    assert checkpoints.scan(repository) == []
    adapter = tmp_path / "hub" / "models--org--helpful-lora"
    paper.lora(adapter / "snapshots" / "abc")
    (adapter / "refs").mkdir()
    (adapter / "refs" / "main").write_text("abc")
    [found] = checkpoints.scan(adapter, base)
    assert (found.name, found.checkpoints[0].kind, found.checkpoints[0].status) == ("helpful-lora", "adapter", "ready")


def test_links_that_leave_the_folder(tmp_path, base):
    elsewhere = paper.lora(tmp_path / "elsewhere" / "adapter")
    run = tmp_path / "runs" / "helpful"
    paper.lora(run / "checkpoint-1")
    (run / "checkpoint-2").symlink_to(elsewhere)
    paper.lora(run / "checkpoint-3")
    (run / "checkpoint-3" / "adapter_model.safetensors").unlink()
    (run / "checkpoint-3" / "adapter_model.safetensors").symlink_to(elsewhere / "adapter_model.safetensors")
    (run / "checkpoint-4").symlink_to(run / "checkpoint-1")
    for roots in (None, [tmp_path / "runs"]):
        statuses = {c.step: c.status for c in checkpoints.scan(run, base, roots)[0].checkpoints}
        assert statuses == {1: "ready", 2: "refused", 3: "refused", 4: "repeated"}
    found = checkpoints.scan(run, base, [tmp_path])[0].checkpoints
    assert [c.status for c in found] == ["ready", "ready", "repeated", "repeated"]


def test_a_folder_outside_the_roots_is_not_looked_at(tmp_path, base):
    run = paper.lora(tmp_path / "runs" / "helpful" / "checkpoint-1").parent
    (tmp_path / "roots").mkdir()
    (tmp_path / "roots" / "link").symlink_to(run)
    for place in (run, tmp_path / "roots" / "link"):
        with pytest.raises(Fault, match="not in the allowed folders"):
            checkpoints.scan(place, base, [tmp_path / "roots"])


def test_the_walk_stays_within_the_allowed_folders(tmp_path, base, monkeypatch):
    outside = tmp_path / "outside"
    paper.lora(outside / "run" / "checkpoint-1")
    paper.lora(outside / "loose")
    (outside / "state.json").write_text(json.dumps({"global_step": 64}))
    (outside / "token").write_text("secret")
    runs = tmp_path / "runs"
    paper.lora(runs / "helpful" / "checkpoint-1")
    paper.lora(runs / "harmless")
    (runs / "harmless" / "trainer_state.json").symlink_to(outside / "state.json")
    (runs / "objectives").symlink_to(outside)
    (runs / "linked").symlink_to(outside / "run")
    (runs / "helpful" / "best").symlink_to(outside / "loose")
    (runs / "twice").mkdir()
    (runs / "twice" / "inner").symlink_to(runs / "helpful")
    hub = paper.hub(runs, "org/tiny", {"step5": "a1"})
    (hub / "refs" / "step6").symlink_to(outside / "token")
    read = []
    honest = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda folder: read.append(folder.resolve()) or honest(folder))
    for roots in ([runs], None):
        found = checkpoints.scan(runs, base, roots)
        assert {one.path.relative_to(runs).as_posix(): [c.step for c in one.checkpoints] for one in found} == {
            "harmless": [1],
            "helpful": [1],
            "models--org--tiny": [5],
            "twice/inner": [1],
        }
        assert {one.path.name: one.checkpoints[0].status for one in found if one.path != hub} == {
            "harmless": "refused",  # its state file lies outside, and was not read
            "helpful": "ready",
            "inner": "ready",
        }
    assert not any(one.is_relative_to(outside) for one in read)
    found = checkpoints.scan(runs, roots=[tmp_path])
    steps = {one.path.relative_to(runs).as_posix(): [c.step for c in one.checkpoints] for one in found}
    assert steps["harmless"] == [64]
    assert steps["helpful"] == [1, 2]
    assert steps["linked"] == [1]


def test_a_dead_link_hides_no_other_link(tmp_path):
    elsewhere = paper.lora(tmp_path / "elsewhere")
    folder = paper.lora(tmp_path / "runs" / "checkpoint-1")
    (folder / "a-dead-link").symlink_to(tmp_path / "nowhere")
    (folder / "adapter_config.json").unlink()
    (folder / "adapter_config.json").symlink_to(elsewhere / "adapter_config.json")
    [one] = checkpoints.scan(tmp_path / "runs")[0].checkpoints
    assert (one.status, one.finding.split()[0]) == ("refused", "adapter_config.json")


def test_folders_that_hold_nothing_or_are_not_there(tmp_path, base):
    assert checkpoints.scan(tmp_path / "base-model" / "..", base)[0].path.name == "base-model"
    (tmp_path / "empty").mkdir()
    assert checkpoints.scan(tmp_path / "empty") == []
    with pytest.raises(Fault, match="no such folder"):
        checkpoints.scan(tmp_path / "gone")
    with pytest.raises(Fault):
        checkpoints.scan(tmp_path / "empty", tmp_path / "gone")


def test_a_folder_that_may_be_listed_and_not_entered(tmp_path, base, monkeypatch):
    """As chmod -R 644 leaves it."""
    for step in (4, 8):
        paper.lora(tmp_path / "run" / f"checkpoint-{step}")
    closed, stat = tmp_path / "run" / "checkpoint-8", Path.stat

    def guarded(self, **how):
        if closed in self.parents:
            raise PermissionError(13, "Permission denied", str(self))
        return stat(self, **how)

    monkeypatch.setattr(Path, "stat", guarded)
    first, second = checkpoints.scan(tmp_path / "run", base)[0].checkpoints
    assert first.ready
    assert second.status == "incomplete"
    assert "may not be read by this user" in second.finding
