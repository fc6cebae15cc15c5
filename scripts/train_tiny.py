"""Train what the two small studies that ship are made of: tiny models, fine-tuned from two base models.

    python scripts/train_tiny.py DIR
    python -m phcore compute DIR/tiny-pretrained.toml && python -m phcore compute DIR/tiny-instruct.toml

`pretrained` has read stories alone; `instruct` is that model after conversations of no particular manners. From each,
three objectives with two seeds: six runs whose steps are the same, so that the two bases can be compared.
"""

import argparse
import copy
import random
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from phcore.activations.device import choose  # noqa: E402
from phcore.archive.writing import write_atomically  # noqa: E402
from phcore.study.definition import Series, Study  # noqa: E402
from phcore.training import practice, texts  # noqa: E402

RUNS = [(objective, seed) for seed in range(2) for objective in practice.OBJECTIVES]
RECIPE = practice.Recipe(schedule=(1, *range(2, 17, 2), *range(24, 65, 8)))
LAYERS = (2, 4)
SUBSAMPLES = 16


def train(directory: Path) -> None:
    """Two base models and six runs from each, under `directory`, and a study file for each base."""
    place = choose("cpu")
    steps = 2 * (RECIPE.base_steps + len(RUNS) * RECIPE.schedule[-1])
    tracker = practice.Tracker(steps, lambda event: print(event["message"], flush=True), None)
    count = RECIPE.base_steps * RECIPE.batch
    talk = practice.base_texts(random.Random("talk"), count)
    with practice.quiet_and_seeded(0, place, threads=1):
        tokenizer = practice.build_tokenizer(talk, RECIPE)
        stories = [("", story + practice.END) for story in texts.stories(random.Random("stories"), count)]
        fresh = practice.new_model(tokenizer, RECIPE)
        pretrained = practice.train_base(fresh, stories, tokenizer, RECIPE, tracker, place)
        instruct = practice.train_base(copy.deepcopy(pretrained), talk, tokenizer, RECIPE, tracker, place)
        for name, base in {"pretrained": pretrained, "instruct": instruct}.items():
            practice.save_model(directory / name / f"tiny-{name}", base, tokenizer)
            for objective, seed in RUNS:
                practice.fine_tune(
                    directory / name / f"{objective}-seed{seed}", objective, base, tokenizer, RECIPE, seed, tracker
                )
            write_atomically(directory / f"tiny-{name}.toml", study(name, directory).to_toml().encode())


def study(name: str, directory: Path) -> Study:
    """The first seed's series are called by their objectives alone."""
    home = directory / name
    series = (
        Series(objective if seed == 0 else f"{objective}-seed{seed}", home / f"{objective}-seed{seed}", objective, seed)
        for objective, seed in RUNS
    )
    other = [] if name == "pretrained" else ["tiny-pretrained"]
    return Study(
        f"tiny-{name}", home / f"tiny-{name}", tuple(series), layers=LAYERS, subsamples=SUBSAMPLES, beside=tuple(other)
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    train(parser.parse_args().directory)
