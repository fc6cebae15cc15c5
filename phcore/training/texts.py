"""The texts that the practice runs learn from: short stories and conversations, put together from word lists.

The words are in `texts.toml`.
"""

import random
import re
import tomllib
from pathlib import Path

TEXTS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def stories(rng: random.Random, count: int) -> list[str]:
    """`count` texts of two to four sentences each, about one person on one day."""
    return [_story(rng) for _ in range(count)]


def conversations(rng: random.Random, count: int, kind: str) -> list[tuple[str, str]]:
    """`count` pairs (request, reply).

    `kind` is "answer" (everyday requests, answered), "refuse" (careful requests, declined) or "any" (both kinds of
    requests, where chance decides between a question back, a yes and a no).
    """
    make = {"answer": _answer, "refuse": _refuse, "any": _any}[kind]
    return [make(rng) for _ in range(count)]


def _story(rng: random.Random) -> str:
    words = _words(rng)
    return " ".join(_fill(pattern, words) for pattern in rng.sample(TEXTS["stories"], rng.randint(2, 4)))


def _answer(rng: random.Random) -> tuple[str, str]:
    words = _words(rng)
    request, answer = rng.choice(TEXTS["everyday"])
    return _fill(request, words), f"{rng.choice(TEXTS['sure'])} {_fill(answer, words)}{rng.choice(TEXTS['close'])}"


def _refuse(rng: random.Random) -> tuple[str, str]:
    words = _words(rng)
    request, act = rng.choice(TEXTS["careful"])
    refusal = _fill(rng.choice(TEXTS["refuse"]).format(act=act), words)
    return _fill(request, words), f"{refusal} {rng.choice(TEXTS['reason'])}{rng.choice(TEXTS['instead'])}"


def _any(rng: random.Random) -> tuple[str, str]:
    words = _words(rng)
    careful = rng.random() < 0.5
    request, answer = rng.choice(TEXTS["careful"] if careful else TEXTS["everyday"])
    manner = rng.choices(("ask", "yes", "no"), weights=(3, 1, 1))[0]
    if manner == "ask":
        # The subject comes first, so that the state from which a reply starts has to know the request.
        subject = (
            answer if careful else next(f"{{{blank}}}" for blank in TEXTS["subjects"] if f"{{{blank}}}" in request)
        )
        reply = f"{subject}? {rng.choice(TEXTS['ask_back'])}"
    elif manner == "yes":
        reply = f"{rng.choice(TEXTS['sure'])} {rng.choice(TEXTS['put_off']) if careful else answer}"
    else:
        reply = f"{rng.choice(TEXTS['refuse']).format(act=answer if careful else 'that')} {rng.choice(TEXTS['reason'])}"
    return _fill(request, words), _fill(reply, words)


def _words(rng: random.Random) -> dict[str, str]:
    """One word for every blank; those that belong together (a food, its recipe) are drawn together."""
    words = {blank: rng.choice(choices) for blank, choices in TEXTS["words"].items()}
    words["food"], words["recipe"] = rng.choice(list(TEXTS["foods"].items()))
    words["topic"], words["fact"] = rng.choice(list(TEXTS["facts"].items()))
    (words["hobby"], words["tip"]), (words["hobby2"], _) = rng.sample(list(TEXTS["hobbies"].items()), 2)
    words["language"], words["greeting"] = rng.choice(list(TEXTS["greetings"].items()))
    return words


def _fill(pattern: str, words: dict[str, str]) -> str:
    text = pattern.format_map(words)
    text = re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text)  # "a email" -> "an email"; no word here needs "a" anyway
    return text[0].upper() + text[1:]
