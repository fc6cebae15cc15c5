"""In which features two series differ."""

from __future__ import annotations

from phcore.errors import Fault
from phcore.figures.charts.separation import SIZES, effects_chart
from phcore.figures.figure import Choice, Control, Data, Figure, Look, Numbers, Source, fixed, listed
from phcore.figures.reading import labelled_pairs, rows
from phcore.topology.summaries import FEATURE_WORDS


def read(results: Source, choice: Choice) -> dict:
    """rows: the features of the pair that is chosen, at the step that is; else of the pair that ends farthest apart, at
    its last step. first, second, step: which."""
    table = rows(results, "effects", choice, "layer", "scale")
    if table.empty:
        raise Fault("effect sizes need two series and at least two subsamples per cell", "compute the study with both")
    a, b = choice.first, choice.second
    if a is None:
        last = table[table["step"] == table["step"].max()]
        a, b = last["g"].abs().groupby([last["series_a"], last["series_b"]]).mean().idxmax()
    own = table[(table["series_a"] == a) & (table["series_b"] == b)]
    step = int(own["step"].max() if choice.step is None else choice.step)
    return {"rows": labelled_pairs(results, own[own["step"] == step]), "first": a, "second": b, "step": step}


def chart(data: Data, look: Look):
    where = f"step {data.step:,}, layer {data.choice.layer}"
    asked = {"question": f"In which features do {data.first} and {data.second} differ? ({where})"} | look.frame
    return effects_chart(data.rows, size=data.choice.size, **asked)


def caption(data: Data) -> str:
    return (
        f"Positive: {data.first} has more. The unit is the spread over subsamples of one cell. Whiskers: 95 % for "
        "another choice of prompts, from the paired differences; another training run is not covered."
    )


def numbers(data: Data) -> Numbers:
    known = data.rows.dropna(subset="g").sort_values("g", key=abs, ascending=False)
    return listed("Effect sizes of all features", known, {
        "feature": lambda one: FEATURE_WORDS[one.feature],
        f"Hedges' g ({data.first} minus {data.second})": lambda one: f"{one.g:.2f}",
        "95 % interval": lambda one: f"{one.g_lo:.2f} to {one.g_hi:.2f}",
        "Cliff's delta": lambda one: f"{one.delta:.2f}",
    })  # fmt: skip


def _pairs(results: Source, choice: Choice) -> list[tuple[str, str]]:
    table = rows(results, "effects", choice, "layer", "scale")
    return list(dict.fromkeys(zip(table["series_a"], table["series_b"], strict=True)))


def _steps(results: Source, choice: Choice) -> list[int]:
    table = rows(results, "effects", choice, "layer", "scale")
    own = table[(table["series_a"] == choice.first) & (table["series_b"] == choice.second)]
    return sorted(map(int, own["step"].unique()))


FIGURE = Figure(
    name="effects", title="Features in which the objectives differ",
    uses=("scale", "layer", "first", "second", "step", "size"), read=read, chart=chart, caption=caption,
    table=lambda data: data.rows, numbers=numbers, section="Apart?", heading="In which features?",
    controls=(
        Control("e_pair", ("first", "second"), "Pair", _pairs, " – ".join, width=2.1, link="pair of series"),
        Control("e_step", "step", "Step", _steps, default=lambda results, choice, steps: steps[-1], width=1.3,
                steps=True),
        Control("e_size", "size", "Effect size", fixed(*SIZES), SIZES.get, width=1.5),
    ),
)  # fmt: skip
