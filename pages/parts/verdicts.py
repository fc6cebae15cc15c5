"""The five claims as verdicts: a badge for each, and cards with all that each rests on."""

import streamlit as st

from pages.parts import data
from pages.parts.web import Markdown, code, plain
from phcore.analysis.findings import FAILS, HOLDS, UNKNOWN
from phcore.export.results import Results

BADGES = {
    HOLDS: ":green-badge[:material/check: holds]",
    FAILS: ":orange-badge[:material/close: does not hold]",
    UNKNOWN: ":gray-badge[:material/help: cannot be told]",
}


def badge(verdict: str) -> Markdown:
    """A verdict in its colour; what is none of them, as it stands in the table."""
    return BADGES[verdict] if verdict in BADGES else plain(verdict)


def cards(study: Results) -> None:
    """A card per claim: the verdict, its sentence, and below it n, the null, the interval and what would decide it."""
    for one in data.table(study, "findings").itertuples():
        with st.container(border=True, gap="small"):
            st.markdown(f"**{plain(one.claim)}. {plain(one.title)}** {badge(one.verdict)}")
            st.markdown(plain(one.sentence))
            rest = {"n": one.n, "Null": one.null, "Interval": one.interval, "To tell": one.needed}
            told = {name: words.replace("`", "") for name, words in rest.items() if words}  # as in the report
            st.caption("  \n".join(f"**{plain(name)}** {plain(words)}" for name, words in told.items()))
    st.caption(
        "The claims are those of Malhotra et al. (arXiv:2606.19542), about H1 at the study's own scale. The wording "
        "follows the numbers by fixed rules (docs/method.md). The same in a shell: "
        + code(f"python -m phcore findings {study.study.name}")
        + "."
    )
