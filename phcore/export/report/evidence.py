"""The charts of the evidence: what simple geometry says, features, mixtures, lags, other settings."""

from __future__ import annotations

from phcore.analysis import other_settings as varied
from phcore.analysis.against_geometry import ALL_LAYERS, CHANGES
from phcore.export.report.drawn import WIDTH, Absent, Drawn, Numbers, stepped
from phcore.export.report.reading import Reading
from phcore.figures.charts.answers import geometry_answer
from phcore.figures.charts.behaviour import lag_chart
from phcore.figures.charts.mixture import mixture_chart
from phcore.figures.charts.plain import plain
from phcore.figures.charts.ranks import rank_chart
from phcore.figures.charts.sensitivity import sensitivity_chart
from phcore.figures.charts.separation import effects_chart
from phcore.formatting import three
from phcore.topology.summaries import FEATURE_WORDS

_COMPUTE = "Compute the study where its checkpoints are"


def geometry(reading: Reading) -> Drawn:
    table = reading.own("geometry_velocity")
    table = table.assign(words=table["quantity"].map(CHANGES))
    pooled, single = table[table["layer"] == ALL_LAYERS], table[table["layer"] != ALL_LAYERS]
    if pooled["rho"].isna().all():
        raise Absent(f"geometry to compare velocity with. {_COMPUTE}")
    asked = reading.results.study
    shares = reading.results.table("unexplained", degree=1, order=asked.order)
    shares = shares.sort_values("scale", key=lambda column: column != asked.scale)

    def build():
        small = single.assign(name=single["layer"].map(str), shown=single["rho"].map("{:.2f}".format))
        answer = geometry_answer(pooled, shares)
        return rank_chart(pooled, small, x_title="rank correlation with H1 velocity", answer=answer, width=WIDTH)

    note = (
        "How far each quantity changes between two checkpoints, against velocity; ranks are taken within each layer. "
        "Whiskers: 95 % of resampled blocks of consecutive transitions. One run per series, so no p-value."
    )
    words = [[one.words, f"{one.rho:.2f}", f"{one.lo:.2f} to {one.hi:.2f}"] for one in pooled.itertuples()]
    header = ["change of", "rank correlation", "95 % interval"]
    return Drawn(plain(build), note, Numbers("Rank correlation with velocity", header, words))


def features(reading: Reading) -> Drawn:
    table = reading.results.table("effects", layer=reading.layer, scale=reading.results.study.scale)
    if table.empty:
        raise Absent("effect sizes: they need two series and two subsamples")
    table = table[table["step"] == table["step"].max()]
    pairs = table.assign(size=table["g"].abs()).groupby(["series_a", "series_b"])["size"].mean()
    a, b = pairs.idxmax()
    rows = table[(table["series_a"] == a) & (table["series_b"] == b)]
    rows = rows.assign(objective_a=reading.objectives[a], objective_b=reading.objectives[b])
    step = int(rows["step"].iloc[0])

    def build():
        question = f"In which features do {a} and {b} differ? (step {step}, layer {reading.layer})"
        return effects_chart(rows, question=question, objectives=reading.all_objectives, width=WIDTH)

    note = (
        "The two series that are farthest apart. The unit is the spread over subsamples of one cell. Whiskers: 95 % "
        "for another choice of prompts, not for another training run."
    )
    known = rows.dropna(subset="g").sort_values("g", key=abs, ascending=False)
    words = [
        [FEATURE_WORDS[one.feature], f"{one.g:.2f}", f"{one.g_lo:.2f} to {one.g_hi:.2f}", f"{one.delta:.2f}"]
        for one in known.itertuples()
    ]
    header = ["feature", f"Hedges' g ({a} minus {b})", "95 % interval", "Cliff's delta"]
    return Drawn(plain(build), note, Numbers("Effect sizes of all features", header, words))


def mixture(reading: Reading) -> Drawn:
    table = reading.results.table("mixture", layer=reading.layer, scale=reading.results.study.scale)
    if table.empty:
        raise Absent("a series between two others: it needs three series")
    names = list(dict.fromkeys(table["series"]))
    name = next((one for one in names if "mix" in f"{one} {reading.objectives[one]}".lower()), names[-1])
    rows = table[(table["series"] == name) & (table["step"] > 0)]
    a, b = rows[["part_a", "part_b"]].iloc[0]
    rows = rows[(rows["part_a"] == a) & (rows["part_b"] == b)]
    own = reading.objectives
    rows = rows.assign(objective=own[name], objective_a=own[a], objective_b=own[b])

    def build():
        return mixture_chart(
            rows, steps=reading.steps, selected_step=reading.steps[-1], objectives=reading.all_objectives, width=WIDTH
        )

    note = (
        "Distances of mean summaries in resampling standard deviations. The place along the line between the parts is "
        "a projection: 0 at the first, 1 at the second."
    )
    words = [
        [f"{one.step:,}", f"{one.along:.2f}", three(one.off), three(one.to_a), three(one.to_b), three(one.a_to_b)]
        for one in rows.itertuples()
    ]
    header = ["step", "along", "off the line", f"to {a}", f"to {b}", f"{a} to {b}"]
    return stepped(reading, plain(build), note, Numbers(f"Where {name} lies", header, words))


def lags(reading: Reading) -> Drawn:
    rows = reading.own("lags")
    rows = rows[(rows["per"] == "transition") & (rows["name"] == "js")].dropna(subset="lag_checkpoints")
    if rows.empty:
        raise Absent(f"what the model would say next, beside its topology. {_COMPUTE}")
    rows = reading.labelled(rows)

    def build():
        return lag_chart(
            rows, steps=reading.steps, behaviour="next tokens", objectives=reading.all_objectives, width=WIDTH
        )

    resolution = rows["resolution_steps"]
    note = (
        "Peak of the Jensen-Shannon velocity of next tokens minus peak of H1 velocity, both per transition. Whiskers: "
        f"the peaks of 10 to 90 % of the subsamples. The grid resolves no less than {resolution.min():,.0f} to "
        f"{resolution.max():,.0f} steps."
    )
    words = [
        [one.series, f"{one.layer}", f"{one.peak_topology:,.0f}", f"{one.peak_lo:,.0f} to {one.peak_hi:,.0f}",
         f"{one.peak_behaviour:,.0f}", f"{one.lag_checkpoints:+.0f}"]
        for one in rows.itertuples()
    ]  # fmt: skip
    header = ["series", "layer", "peak of topology", "of subsamples", "peak of behaviour", "lag (checkpoints)"]
    return Drawn(plain(build), note, Numbers("Steps at which the peaks end", header, words))


def settings(reading: Reading) -> Drawn:
    table = reading.results.table("sensitivity", layer=reading.layer)
    table = table.dropna(subset="value")
    if table.empty:
        raise Absent("other settings to compare with. Compute the study")
    series = table["series"].iloc[0]
    asked = reading.results.study
    rows = varied.settings(table[table["series"] == series], asked.scale, asked.order)
    shares = varied.concentrations(rows)

    def build():
        shown = rows.assign(series=series, objective=reading.objectives[series])
        return sensitivity_chart(
            shown, shares, steps=reading.steps, objectives=reading.all_objectives, width=WIDTH,
            question=f"Would other settings show the same? ({series}, layer {reading.layer})",
        )  # fmt: skip

    note = (
        "H1 velocity over its own mean, one thing varied at a time; below, the share of it in the first third of the "
        "checkpoints."
    )
    words = [[one.varied, one.setting, f"{one.value:.2f}"] for one in shares.itertuples()]
    return Drawn(plain(build), note, Numbers("Concentration by setting", ["varied", "setting", "concentration"], words))
