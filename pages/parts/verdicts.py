"""The five claims as verdicts on the study, each with what it rests on."""

import streamlit as st

from pages.parts import data
from phcore.analysis.findings import FAILS, HOLDS, UNKNOWN
from phcore.export.results import Results

BADGES = {
    HOLDS: ":green-badge[:material/check: holds]",
    FAILS: ":orange-badge[:material/close: does not hold]",
    UNKNOWN: ":gray-badge[:material/help: cannot be told]",
}


def show(study: Results) -> None:
    """A row per claim: the verdict, its sentence, and below it n, the null and the interval."""
    for one in data.table(study, "findings").itertuples():
        with st.container(border=True, gap="small"):
            st.markdown(f"**{one.claim}. {one.title}** {BADGES[one.verdict]}")
            st.markdown(one.sentence)
            rest = {"n": one.n, "Null": one.null, "Interval": one.interval, "To tell": one.needed}
            st.caption("  \n".join(f"**{name}** {_plain(words)}" for name, words in rest.items() if words))
    st.caption(
        "The claims are those of Malhotra et al. (arXiv:2606.19542), about H1 at the study's own scale. The wording "
        "follows the numbers by fixed rules (docs/method.md). The same in a shell: "
        f"`python -m phcore findings {study.study.name}`."
    )


def _plain(words: str) -> str:
    """Words as they are: no Markdown in them but for code."""
    return words.replace("*", "\\*").replace("_", "\\_").replace("$", "\\$")
