"""Which column of a probe file is what: the names that known sets use, and conversations in place of texts."""

import re
from dataclasses import dataclass

from phcore.errors import Fault
from phcore.formatting import count, enumerated

# By what is meant: the names it goes by, the first one that is there counts. Letters, not case or underscores, matter.
# JailbreakBench has Goal (what is asked) and Behavior (its short name), so goal comes first; HarmBench has Behavior.
PROMPT = (
    "prompt", "goal", "forbiddenprompt", "behavior", "instruction", "question", "query", "messages", "conversations",
    "conversation", "prompts", "request", "userprompt", "userinput", "turns", "text", "transcript", "chosen",
)  # fmt: skip
CATEGORY = ("category", "semanticcategory", "categories", "label")
REFERENCE = ("reference", "target", "output", "answer", "bestanswer", "response", "completion")
BEHIND = ("input", "context")  # Alpaca and Dolly: what an instruction is about
BEFORE = ("contextstring", "context")  # HarmBench: what a behaviour is about
TURNS = ("turns", "prompt")  # MT-Bench: what a user says, one text after the other
SYSTEM = ("system", "systemprompt", "systemmessage")
WHO = ("role", "from", "speaker")  # OASST: who says the text of a row
ANSWERED = ("chosen", "transcript")  # columns that hold conversations, and no question alone

SPOKEN = {"human": "user", "user": "user", "prompter": "user", "gpt": "assistant", "assistant": "assistant",
          "chatgpt": "assistant", "bot": "assistant", "model": "assistant", "system": "system"}  # fmt: skip


@dataclass(frozen=True)
class Columns:
    """What the columns of a file are taken for.

    Attributes
    ----------
    prompt, category, reference : columns; "" where there is none.
    before, behind : columns whose texts are part of the prompt.
    system : a column that must be empty.
    who : a column that must be of a user where it names somebody who speaks.
    unused : columns that are not read.
    """

    prompt: str
    category: str = ""
    reference: str = ""
    before: str = ""
    behind: str = ""
    system: str = ""
    who: str = ""
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
        by_letters.setdefault(_letters(name), []).append(name)

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
    letters = _letters(prompt)
    found = {
        "category": first(CATEGORY),
        "reference": first(REFERENCE),
        "before": first(BEFORE) if letters in ("behavior", "prompt") else "",
        "behind": first(BEHIND) if letters == "instruction" else "",
        "system": first(SYSTEM),
        "who": first(WHO) if letters == "text" else "",
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
    who = SPOKEN.get(str(row.get(columns.who)).strip().lower()) if columns.who else None
    if who not in (None, "user"):
        fault = f"{place} is said by {row[columns.who]!r} (`{columns.who}`), and prompts are what users say"
        raise Fault(fault, "Keep the rows of users alone")
    if columns.prompt not in row:
        raise Fault(f"{place} has no `{columns.prompt}`", "Give each row a prompt, in the same column")
    value = row[columns.prompt]
    if isinstance(value, list):
        return _first_question(value, columns.prompt, place)
    if value is None or (isinstance(value, str) and not value.strip()):
        raise Fault(f"{place} has an empty prompt", "Fill it in or take the row out")
    if not isinstance(value, str):
        raise Fault(f"the prompt in {place} is not text", "Give each prompt as a text")
    if turns := _of_transcript(value):
        return _first_question(turns, columns.prompt, place)
    if _letters(columns.prompt) in ANSWERED:
        fault = f"the {columns.prompt} in {place} is no conversation, and may be an answer"
        raise Fault(fault, "Name the column of questions `prompt`")
    parts = [_part(row, columns.before, place), value, _part(row, columns.behind, place)]
    return Asked("\n\n".join(filter(None, parts)))


def _letters(name: str) -> str:
    """A column's name without what does not matter."""
    return re.sub(r"[\W_]", "", name.lower())


_TURN = re.compile(r"(?:^|\n\n)(Human|Assistant): ?")


def _of_transcript(text: str) -> list[dict[str, str]]:
    """The messages of a conversation written out as HH-RLHF has it (Human: ... Assistant: ...); else none."""
    begin, *said = _TURN.split(text.strip())
    if begin or said[:1] != ["Human"] or "Assistant" not in said[::2]:
        return []
    return [{"role": who, "content": what.strip()} for who, what in zip(said[::2], said[1::2], strict=True)]


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
    if _letters(column) in TURNS:  # of a user alone
        messages = [{"role": "user", "content": one} if isinstance(one, str) else one for one in messages]
    said = [_message(one, column, place) for one in messages]
    if not said:
        raise Fault(f"{place} has an empty prompt", "Fill it in or take the row out")
    if any(who == "system" and text.strip() for who, text in said):
        raise _no_system(f"a system message in `{column}`", place)
    said = [(who, text) for who, text in said if who != "system"]
    if not said or said[0][0] != "user" or not said[0][1].strip():
        raise Fault(f"the conversation in {place} does not begin with a question of a user", "Begin it with one")
    answer = said[1][1] if len(said) > 1 and said[1][0] == "assistant" and said[1][1].strip() else None
    rest = [text for _, text in said[1 + (answer is not None) :] if text.strip()]
    return Asked(said[0][1], answer, len(rest))


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
