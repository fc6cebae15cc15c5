"""What the model would say beside its topology: how far both move at each step."""

from __future__ import annotations

from typing import NamedTuple

import altair as alt
import pandas as pd

from phcore.errors import Fault
from phcore.figures.charts.behaviour import behaviour_chart
from phcore.figures.figure import PER, Choice, Control, Figure, Look, Numbers, by_step, fixed
from phcore.figures.reading import COMPUTE, CURVE, curve, labelled, of_distance
from phcore.formatting import three
from phcore.stages.results import Results

NAMES = {
    "js": "next tokens (Jensen-Shannon divergence, nats)",
    "refusal": "refusal score (ln probability)",
    "nll": "reference answers (negative log-likelihood, nats per token)",
}


class Data(NamedTuple):
    """Moves (series, objective, step, value) and velocities of one layer, their quantities, and what is left open.

    `slack`: nats that the tokens which are not kept could add at most; NaN where none is known.
    """

    moves: pd.DataFrame
    velocity: pd.DataFrame
    behaviour: str
    topology: str
    slack: float


def named(name: str) -> str:
    """A behaviour as it is called on screen."""
    return NAMES.get(name, name)


def in_order(names: pd.Series) -> list[str]:
    """What the model itself says first; settings of the training last: they are no behaviour."""
    place = {name: k for k, name in enumerate(NAMES)} | {"learning_rate": 99}
    return sorted(set(names), key=lambda name: (place.get(name, 9), name))


def moves(results: Results) -> pd.DataFrame:
    """The known rows of the table `behaviour_moves`.

    Raises
    ------
    Fault
        where there is none.
    """
    known = results.table("behaviour_moves").dropna(subset="value")
    if known.empty:
        raise Fault("what the model would say has not been measured for this study", COMPUTE)
    return known


def read(results: Results, choice: Choice) -> Data:
    known = moves(results)
    name = choice.behaviour or in_order(known["name"])[0]
    own = known[(known["name"] == name) & (known["category"] == (choice.category or ""))]
    velocities = curve(results, choice, choice.per)
    velocities = velocities[velocities["layer"] == choice.layer]
    if own.empty or velocities.empty:
        raise Fault("no transition has both a velocity and a move of this behaviour", COMPUTE)
    gaps = own["step"] - own["step_from"] if choice.per == "step" else 1
    each = " per step" * (choice.per == "step")
    slack = results.table("divergence", category=choice.category or "")["slack"].max() if name == "js" else float("nan")
    return Data(
        labelled(results, own.assign(value=own["value"] / gaps)), velocities, f"{named(name)}{each}",
        f"{of_distance(results, choice)}{each}, layer {choice.layer}", slack,
    )  # fmt: skip


def chart(data: Data, look: Look) -> alt.VConcatChart:
    return behaviour_chart(data.moves, data.velocity, topology=data.topology, behaviour=data.behaviour, **look.stepped)


def caption(data: Data) -> str:
    kept = ""
    if data.slack == data.slack:
        kept = f"From the 512 most probable tokens; all others could add {data.slack:.2g} nats at most. "
    return (
        f"Above: {data.topology}; below: {data.behaviour}, between consecutive checkpoints. Rings: the largest move of "
        f"each series. {kept}Behaviour is read at the same position as the hidden states: the last token of the prompt."
    )


def numbers(data: Data) -> Numbers:
    words = [three(value) for value in data.moves["value"]]
    return by_step(f"{data.behaviour[0].upper()}{data.behaviour[1:]}, by step", data.moves, ["series"], words)


def _names(results: Results, choice: Choice) -> list[str]:
    return in_order(results.table("behaviour_moves").dropna(subset="value")["name"])


def _categories(results: Results, choice: Choice) -> list[str]:
    known = results.table("behaviour_moves", name=choice.behaviour).dropna(subset="value")
    return list(dict.fromkeys(known["category"]))


FIGURE = Figure(
    name="behaviour",
    title="Topological and behavioural velocity",
    uses=(*CURVE, "layer", "per", "behaviour", "category"),
    read=read,
    chart=chart,
    caption=caption,
    table=lambda data: data.moves.drop(columns="objective"),
    numbers=numbers,
    paper={"height": 170},
    section="Before behaviour?",
    controls=(
        Control("e_name", "behaviour", "Behaviour", _names, named, width=2.6,
                help="How far it moves from checkpoint to checkpoint."),
        Control("e_category", "category", "Prompts", _categories, lambda one: one or "all", width=1.6),
        Control("e_move_per", "per", "Per", fixed(*PER)),
    ),
)  # fmt: skip
