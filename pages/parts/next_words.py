"""Prompts with what the model would say next at two checkpoints."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from pages.parts import data, live, web
from pages.parts.data import Cell
from phcore.analysis.next_tokens import most_probable
from phcore.checkpoints.token_texts import token_texts
from phcore.export.results import Results
from phcore.figures.charts.theme import category_marks
from phcore.formatting import percent
from phcore.stages.registry import Place, files

_SHOWN = 4  # tokens of a prompt at a checkpoint

Likely = tuple[np.ndarray, np.ndarray]  # (n, k) tokens and their probabilities, falling


def show(study: Results, before: Cell, after: Cell, names: Sequence[str], prompts: pd.DataFrame) -> None:
    """Prompts (prompt, share, text, category) and the most probable next tokens at both checkpoints."""
    cells = (before, after)
    likely = [_likely(study, series, step) for series, step, _ in cells]
    known = [one for one in likely if one is not None]
    texts = _texts(study, known, prompts["prompt"].to_numpy()) if known else {}
    rows = [
        {
            "share": f"{row.share:+.1%}".replace("%", " %").replace("-", "\N{MINUS SIGN}"),
            "text": row.text,
            "category": row.category if isinstance(row.category, str) else "",
            "says": [(name, _words(one, row.prompt, texts)) for name, one in zip(names, likely, strict=True) if one],
        }
        for row in prompts.itertuples()
    ]
    looks = category_marks(live.categories(study))
    st.html(web.style("prompts.css") + web.html("next_words.html.j2", rows=rows, looks=looks))
    words = "Beside each prompt: how much of the distance it makes."
    if not known:
        words += " What the model would say next is not in the archive: it is kept where a study is computed."
    elif not texts:
        words += " Tokens are numbers here: the tokenizer of the base model is not at hand."
    st.caption(words)


@data.cached(16)
def _likely(study: Results, series: str, step: int) -> Likely | None:
    """The most probable next tokens of every prompt; None where the archive has none of this checkpoint."""
    found = files.read(study.record, study.store, "next_tokens", Place((study.node(series, step),)))
    return None if found is None else most_probable(found, _SHOWN)


def _texts(study: Results, likely: Sequence[Likely], prompts: np.ndarray) -> dict[int, str]:
    """Token -> text; none where the tokenizer is not at hand, or this server shows nothing of its folders."""
    if data.read_only():
        return {}
    tokens = np.unique(np.concatenate([one[0][prompts].ravel() for one in likely]))
    return token_texts(study.study.model, study.record.tokenizer, tokens) or {}


def _words(likely: Likely, prompt: int, texts: dict[int, str]) -> list[tuple[str, str]]:
    tokens, probabilities = (one[prompt] for one in likely)
    return [(_token(int(token), texts), percent(part)) for token, part in zip(tokens, probabilities, strict=True)]


def _token(token: int, texts: dict[int, str]) -> str:
    text = texts.get(token)
    return f"token {token:,}" if text is None else text.replace("\n", "\N{RETURN SYMBOL}").strip() or "space"
