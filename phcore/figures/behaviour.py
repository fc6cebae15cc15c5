"""What the model would say beside its topology: how far both move at each step."""

from __future__ import annotations

import pandas as pd

from phcore.errors import Fault
from phcore.figures.charts.behaviour import behaviour_chart
from phcore.figures.figure import PER, Choice, Control, Data, Figure, Look, Numbers, Source, by_step, fixed
from phcore.figures.reading import COMPUTE, CURVE, curve, labelled, quantity
from phcore.formatting import three

NAMES = {
    "js": "next tokens (Jensen-Shannon divergence, nats)",
    "refusal": "refusal score (ln probability)",
    "nll": "reference answers (negative log-likelihood, nats per token)",
}


def named(name: str) -> str:
    """A behaviour as it is called on screen."""
    return NAMES.get(name, name)


def in_order(names: pd.Series) -> list[str]:
    """What the model itself says first; settings of the training last: they are no behaviour."""
    place = {name: k for k, name in enumerate(NAMES)} | {"learning_rate": 99}
    return sorted(set(names), key=lambda name: (place.get(name, 9), name))


def moves(results: Source) -> pd.DataFrame:
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


def read(results: Source, choice: Choice) -> dict:
    """moves: series, objective, step, value; velocity: of one layer; name: of the behaviour; slack: nats that the
    tokens which are not kept could add at most, NaN where none is known."""
    known = moves(results)
    name, category = choice.behaviour or in_order(known["name"])[0], choice.category or ""
    own = known[(known["name"] == name) & (known["category"] == category)]
    velocity = curve(results, choice, choice.per)
    velocity = velocity[velocity["layer"] == choice.layer]
    if own.empty or velocity.empty:
        raise Fault("no transition has both a velocity and a move of this behaviour", COMPUTE)
    gaps = own["step"] - own["step_from"] if choice.per == "step" else 1
    slack = results.table("divergence", category=category)["slack"].max() if name == "js" else float("nan")
    own = labelled(results, own.assign(value=own["value"] / gaps))
    return {"moves": own, "velocity": velocity, "name": name, "slack": slack}


def _quantities(data: Data) -> tuple[str, str]:
    """Of the topology and of the behaviour."""
    each = " per step" * (data.choice.per == "step")
    return f"{quantity(data)}{each}, layer {data.choice.layer}", f"{named(data.name)}{each}"


def chart(data: Data, look: Look):
    topology, behaviour = _quantities(data)
    return behaviour_chart(data.moves, data.velocity, topology=topology, behaviour=behaviour, **look.stepped)


def caption(data: Data) -> str:
    topology, behaviour = _quantities(data)
    kept = ""
    if data.slack == data.slack:
        kept = f"From the 512 most probable tokens; all others could add {data.slack:.2g} nats at most. "
    return (
        f"Above: {topology}; below: {behaviour}, between consecutive checkpoints. Rings: the largest move of each "
        f"series. {kept}Behaviour is read at the same position as the hidden states: the last token of the prompt."
    )


def numbers(data: Data) -> Numbers:
    _, behaviour = _quantities(data)
    words = [three(value) for value in data.moves["value"]]
    return by_step(f"{behaviour[0].upper()}{behaviour[1:]}, by step", data.moves, ["series"], words)


def _names(results: Source, choice: Choice) -> list[str]:
    return in_order(results.table("behaviour_moves").dropna(subset="value")["name"])


def _categories(results: Source, choice: Choice) -> list[str]:
    known = results.table("behaviour_moves", name=choice.behaviour).dropna(subset="value")
    return list(dict.fromkeys(known["category"]))


FIGURE = Figure(
    name="behaviour", title="Topological and behavioural velocity",
    uses=(*CURVE, "layer", "per", "behaviour", "category"), read=read, chart=chart, caption=caption,
    table=lambda data: data.moves.drop(columns="objective"), numbers=numbers, paper={"height": 170},
    section="Before behaviour?",
    controls=(
        Control("e_name", "behaviour", "Behaviour", _names, named, width=2.6,
                help="How far it moves from checkpoint to checkpoint."),
        Control("e_category", "category", "Prompts", _categories, lambda one: one or "all", width=1.6,
                link="category of prompts"),
        Control("e_move_per", "per", "Per", fixed(*PER), link="behaviour per"),
    ),
)  # fmt: skip
