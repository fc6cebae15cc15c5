"""Which column of a probe file is what: the names that known sets use, and conversations in place of texts."""

import re
from dataclasses import dataclass

from phcore.errors import Fault
from phcore.formatting import count, enumerated

# By what is meant: the names it goes by, the first one that is there counts. Letters, not case or underscores, matter.
# JailbreakBench has Goal (what is asked) and Behavior (its short name), so goal comes first; HarmBench has Behavior.
PROMPT = (
    "prompt", "goal", "forbiddenprompt", "behavior", "instruction", "question", "query", "messages", "conversations",
    "conversation", "prompts", "request", "userprompt", "text",
)  # fmt: skip
CATEGORY = ("category", "semanticcategory", "categories", "label")
REFERENCE = ("reference", "target", "output", "answer", "response", "completion")
BEHIND = ("input",)  # Alpaca: what an instruction is about
BEFORE = ("contextstring", "context")  # HarmBench: what a behaviour is about
SYSTEM = ("system", "systemprompt", "systemmessage")

SPOKEN = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "chatgpt": "assistant",
          "bot": "assistant", "model": "assistant", "system": "system"}  # fmt: skip


@dataclass(frozen=True)
class Columns:
    """What the columns of a file are taken for.

    Attributes
    ----------
    prompt, category, reference : columns; "" where there is none.
    before, behind : columns whose texts are part of the prompt.
    system : a column that must be empty.
    unused : columns that are not read.
    """

    prompt: str
    category: str = ""
    reference: str = ""
    before: str = ""
    behind: str = ""
    system: str = ""
    unused: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """prompt = goal, category = Category; not read: Index."""
        asked = " + ".join(filter(None, (self.before, self.prompt, self.behind)))
        parts = [f"prompt = {asked}"]
        parts += [f"{what} = {name}" for what in ("category", "reference") if (name := getattr(self, what))]
        rest = f"; not read: {', '.join(self.unused)}" if self.unused else ""
        return ", ".join(parts) + rest


def recognised(names: tuple[str, ...]) -> Columns:
    """What columns of these names are taken for.

    Raises
    ------
    Fault : where none is a prompt, or two are by the same name.
    """
    by_letters: dict[str, list[str]] = {}
    for name in names:
        by_letters.setdefault(re.sub(r"[\W_]", "", name.lower()), []).append(name)

    def first(known: tuple[str, ...]) -> str:
        found = next((by_letters[one] for one in known if one in by_letters), [""])
        exact = [name for name in found if name in known]
        if len(found) > 1 and len(exact) != 1:
            raise Fault(
                f"its columns {enumerated(found)} have the same name",
                "Give each a name of its own: which one is meant?",
            )
        return exact[0] if exact else found[0]

    prompt = first(PROMPT)
    if not prompt:
        seen = ", ".join(names[:8]) if names else "none at all"
        raise Fault(f"it has no column `prompt` (its columns: {seen})", "Name the column of prompts `prompt`")
    letters = re.sub(r"[\W_]", "", prompt.lower())
    found = {
        "category": first(CATEGORY),
        "reference": first(REFERENCE),
        "before": first(BEFORE) if letters in ("behavior", "prompt") else "",
        "behind": first(BEHIND) if letters == "instruction" else "",
        "system": first(SYSTEM),
    }
    used = {prompt, *found.values()}
    return Columns(prompt, **found, unused=tuple(name for name in names if name.strip() and name not in used))


@dataclass(frozen=True)
class Asked:
    """A prompt as its row gives it. `turns` : messages behind the first question, which are not read."""

    prompt: str
    reference: str | None = None
    turns: int = 0


def asked(row: dict, columns: Columns, place: str) -> Asked:
    """The prompt of a row, and the answer that it holds, if it is a conversation.

    Raises
    ------
    Fault : where there is none, or there is what would be left out silently.
    """
    system = row.get(columns.system) if columns.system else None
    if system not in (None, "") and str(system).strip():
        raise _no_system(f"a column `{columns.system}`", place)
    if columns.prompt not in row:
        raise Fault(f"{place} has no `{columns.prompt}`", "Give each row a prompt, in the same column")
    value = row[columns.prompt]
    if isinstance(value, list):
        return _first_question(value, columns.prompt, place)
    if value is None or (isinstance(value, str) and not value.strip()):
        raise Fault(f"{place} has an empty prompt", "Fill it in or take the row out")
    if not isinstance(value, str):
        raise Fault(f"the prompt in {place} is not text", "Give each prompt as a text")
    parts = [_part(row, columns.before, place), value, _part(row, columns.behind, place)]
    return Asked("\n\n".join(filter(None, parts)))


def _part(row: dict, column: str, place: str) -> str:
    value = row.get(column) if column else None
    if value is None or (isinstance(value, float) and value != value):  # a table's missing text
        return ""
    if not isinstance(value, str):
        raise Fault(f"the {column} in {place} is not text", f"Give each {column} as a text, or leave it out")
    return value if value.strip() else ""


def _no_system(what: str, place: str) -> Fault:
    return Fault(
        f"{place} has {what}, and system messages are not read: what is asked is the message of a user",
        "Write it in front of the prompt itself, or leave it out",
    )


def _first_question(messages: list, column: str, place: str) -> Asked:
    said = [_message(one, column, place) for one in messages]
    if not said:
        raise Fault(f"{place} has an empty prompt", "Fill it in or take the row out")
    if any(who == "system" and text.strip() for who, text in said):
        raise _no_system(f"a system message in `{column}`", place)
    said = [(who, text) for who, text in said if who != "system"]
    if not said or said[0][0] != "user" or not said[0][1].strip():
        raise Fault(f"the conversation in {place} does not begin with a question of a user", "Begin it with one")
    answer = said[1][1] if len(said) > 1 and said[1][0] == "assistant" else None
    return Asked(said[0][1], answer, len(said) - 1 - (answer is not None))


def answer(messages: list, column: str, place: str) -> str | None:
    """The first thing an assistant says in messages, as TRL's `completion` holds them."""
    return next((text for who, text in (_message(one, column, place) for one in messages) if who == "assistant"), None)


def _message(one: object, column: str, place: str) -> tuple[str, str]:
    """(user, assistant or system; text) of a message, by OpenAI's names or ShareGPT's."""
    mend = 'Give messages as {"role": "user", "content": "..."}'
    if not isinstance(one, dict):
        raise Fault(f"the {column} in {place} holds what is no message", mend)
    who, text = one.get("role", one.get("from")), one.get("content", one.get("value"))
    if isinstance(text, list):
        if not all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in text):
            raise Fault(f"a message in {place} holds more than text", "Give prompts of text alone")
        text = "".join(part["text"] for part in text)
    if str(who).lower() not in SPOKEN or not isinstance(text, str):
        raise Fault(f"the {column} in {place} holds a message without a known role or without text", mend)
    return SPOKEN[str(who).lower()], text


def turns_words(longer: int) -> str:
    """That conversations go on behind what is read of them; "" where none does."""
    if not longer:
        return ""
    goes = "goes" if longer == 1 else "go"
    return f"{count(longer, 'conversation')} {goes} on: of each, the first question is the prompt."
