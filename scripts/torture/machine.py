"""Whatever is done to a study, in any order, the next plain run makes it what a fresh archive would be."""

import shutil
from contextlib import suppress

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from phcore.archive.store import SCHEMA
from scripts.torture.how import How
from scripts.torture.scene import NAME, Contents, Place, Scene, check, may_be_gone, other_weights
from scripts.torture.tally import Tally, Trouble

STEPS = 6  # of one life of a study
SHARE = st.floats(0, 1, allow_subnormal=False)


def machine(scene: Scene, tally: Tally, how: How) -> None:
    """Lives of a study: series added and removed, a parameter changed, weights replaced, runs killed, two at once,
    files damaged and deleted, in any order. After a plain run its archive holds what a fresh one of that study does."""
    fresh: dict[tuple, Contents] = {}
    number = 0
    while how.time_left and number < (1 if how.quick else 100):
        with tally.trial(f"life {how.seed}-{number}") as trouble:
            life = seed(how.seed * 1000 + number)(_life(scene, fresh, trouble))
            how_long = settings(
                max_examples=1, stateful_step_count=STEPS, database=None, phases=[Phase.generate], deadline=None,
                suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            run_state_machine_as_test(life, settings=how_long)
        number += 1
        if tally.tried - tally.survived > 2:  # there is enough to look at
            break


def _life(scene: Scene, fresh: dict[tuple, Contents], trouble: Trouble) -> type[RuleBasedStateMachine]:
    class Life(RuleBasedStateMachine):
        @initialize()
        def begin(self) -> None:
            self.place = scene.place()
            self.full, self.other, self.subsamples = True, False, 4
            self.told: list[str] = []

        @rule(full=st.booleans(), subsamples=st.sampled_from((3, 4)), other=st.booleans())
        def change(self, full: bool, subsamples: int, other: bool) -> None:
            """A series more or less, another parameter, other weights."""
            self.told.append(f"full={full} subsamples={subsamples} other={other}")
            self.full, self.subsamples, self.other = full, subsamples, other
            _set(scene, self.place, full, subsamples, other)

        @rule(share=SHARE, stop=st.booleans())
        def kill(self, share: float, stop: bool) -> None:
            self.told.append(f"killed at {share:.2f}")
            run = self.place.start()
            for passed in run.running():
                if passed > share * scene.seconds:
                    run.kill(group=stop)
            check(run, trouble, " > ".join(self.told))

        @rule(share=SHARE)
        def two(self, share: float) -> None:
            self.told.append(f"two, {share:.2f} apart")
            one = self.place.start()
            for passed in one.running():
                if passed > share * scene.seconds:
                    break
            other = self.place.start()
            for run in (one, other):
                run.wait()
                check(run, trouble, " > ".join(self.told))

        @rule(which=SHARE, kind=st.sampled_from(("empty", "cut", "gone")))
        def damage(self, which: float, kind: str) -> None:
            files = sorted((self.place.cache / SCHEMA).rglob("*.parquet"))
            if not files:
                return
            path = files[int(which * (len(files) - 1))]
            self.told.append(f"{path.parent.name} {kind}")
            data = path.read_bytes()
            path.unlink() if kind == "gone" else path.write_bytes(data[: len(data) // 2] if kind == "cut" else b"")

        @rule()
        def compute(self) -> None:
            self.told.append("computed")
            run = self.place.run()
            check(run, trouble, " > ".join(self.told))
            if run.code:
                trouble.add("lost", f"{' > '.join(self.told)}: {run.said[-500:]}")
                return
            state = self.full, self.subsamples, self.other
            if state not in fresh:
                fresh[state] = _fresh(scene, state)
            wrong = _otherwise(self.place.contents, fresh[state])
            if wrong:
                trouble.add("wrong", f"{' > '.join(self.told)}: {len(wrong)} files, the first: {wrong[0]}")

        def teardown(self) -> None:
            with suppress(AttributeError):  # it never began
                self.compute()
                self.place.remove()

    return Life


def _set(scene: Scene, place: Place, full: bool, subsamples: int, other: bool) -> None:
    scene.restore(place)
    text = (place.folder / NAME).read_text().replace("subsamples = 4", f"subsamples = {subsamples}")
    head, *series = text.split("[[series]]")
    kept = [one for one in series if full or 'name = "full"' not in one]
    (place.folder / NAME).write_text("[[series]]".join([head, *kept]))
    if other:
        other_weights(place)


def _fresh(scene: Scene, state: tuple) -> Contents:
    place = scene.place()
    _set(scene, place, *state)
    done = place.run()
    assert done.code == 0, done.said
    found = place.contents
    shutil.rmtree(place.folder)
    return found


def _otherwise(here: Contents, fresh: Contents) -> list[str]:
    missing = [f"{name} is missing" for name in fresh.keys() - here.keys() if not may_be_gone(name)]
    return missing + [f"{name} has other bytes" for name in fresh.keys() & here.keys() if here[name] != fresh[name]]
