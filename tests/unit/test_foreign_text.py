"""Words of others are text on every page: what is given to Markdown was written here, or went through `plain`.

A reader of the pages can check the rule by eye: `st.caption(plain(...))` shows any words; where a template has markup
of its own, each thing it inserts is a number or goes through `plain`. This file reads the pages and does the same.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "pages").rglob("*.py"))

# What Streamlit takes for Markdown: the first argument of these, and these arguments of whatever is called.
FIRST = {
    "markdown", "caption", "info", "warning", "error", "success", "toast", "write", "header", "subheader", "title",
    "badge", "metric", "spinner", "status", "dialog", "expander", "popover", "button", "download_button",
    "form_submit_button", "link_button", "toggle", "checkbox", "radio", "pills", "tabs", "segmented_control",
    "selectbox", "multiselect", "slider", "select_slider", "number_input", "text_input", "text_area", "file_uploader",
}  # fmt: skip
MODULES = {"figure", "one", "jobs", "tour"}  # what has a function of such a name and is no part of a page
NAMED = {"help", "label"}

# Functions whose words are Markdown of our own, besides those that say so by `-> Markdown`; and numbers in words.
OURS = {"plain", "option", "code", "count", "three", "len"}
# Variables and attributes that are numbers wherever a page has them.
NUMBERS = {"layer", "degree", "n_layers", "n_prompts", "here"}
# Words that stand in our own files.
FILES = {"WORDS", "PARAMETERS", "FIGURE_WORDS", "ENDLESS_WORDS", "_STEPS", "BADGES"}
# What else is shown as Markdown, and why it may be.
EXCEPTIONS = {
    ("figure.py", "control.label"): "stands in the code of a figure",
    ("figure.py", "figure.heading"): "stands in the code of a figure",
    ("share.py", "titles[key]"): "stands in the code of a figure",
    ("frame.py", "about.words"): "navigation.toml",
    ("frame.py", "about.question"): "navigation.toml",
    ("shell.py", "one.name.capitalize()"): "navigation.toml",
    ("shell.py", "one.question"): "navigation.toml",
    ("shell.py", "one.help"): "navigation.toml",
    ("glossary.py", "_content()"): "the glossary, from a template that escapes",
    ("toolbar.py", "sentences"): "of `links.missed`, which escapes every part of a link",
}


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def is_markdown(note: ast.expr | None) -> bool:
    return note is not None and ast.unparse(note) in ("Markdown", "web.Markdown")


class Reader:
    """One file of the pages: which calls show words that are not known to be harmless."""

    def __init__(self, path: Path, makers: set[str], takers: dict[str, list[str]]):
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self.name, self.makers, self.takers = path.name, makers, takers
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def found(self) -> Iterator[str]:
        for call in (node for node in ast.walk(self.tree) if isinstance(node, ast.Call)):
            for words in self.shown(call):
                if not self.safe(words, ()):
                    yield f"line {words.lineno}: {ast.unparse(words)}"
        for one in functions(self.tree):
            if is_markdown(one.returns) and one.name not in OURS:
                for node in ast.walk(one):
                    if isinstance(node, ast.Return) and not self.safe(node.value, ()):
                        yield f"line {node.lineno}: {one.name} returns {ast.unparse(node.value)}"

    def shown(self, call: ast.Call) -> Iterator[ast.expr]:
        """The arguments of a call that Markdown is made of."""
        name = last(call.func)
        if isinstance(call.func, ast.Attribute) and name in FIRST and last(call.func.value) not in MODULES:
            yield from call.args[:1]
        for place, parameter in enumerate(self.takers.get(name, [])):
            if parameter:
                yield from call.args[place : place + 1]
                yield from (one.value for one in call.keywords if one.arg == parameter)
        named = NAMED | {"text"} if name == "progress" else NAMED
        yield from (one.value for one in call.keywords if one.arg in named)

    def safe(self, node: ast.expr | None, seen: tuple) -> bool:
        """Whether an expression is words of our own with numbers and plain words in it."""
        if node is not None and (self.name, ast.unparse(node)) in EXCEPTIONS:
            return True
        match node:
            case None | ast.Constant():
                return True
            case ast.JoinedStr(values=values):
                return all(self.safe(one, seen) for one in values)
            case ast.FormattedValue(value=value, format_spec=spec):
                number = spec is not None and ast.unparse(spec)[-2] in ",dfg%e"
                return number or self.safe(value, seen)
            case ast.Call(func=ast.Attribute(value=joint, attr="join"), args=[parts]):
                return self.safe(joint, seen) and self.safe(parts, seen)
            case ast.Call(func=function, args=values):
                return last(function) in OURS | self.makers
            case ast.BinOp(left=left, right=right):
                return all(self.safe(one, seen) or is_number(one) for one in (left, right))
            case ast.BoolOp(values=values) | ast.Tuple(elts=values) | ast.List(elts=values):
                return all(self.safe(one, seen) for one in values)
            case ast.IfExp(body=body, orelse=otherwise):
                return self.safe(body, seen) and self.safe(otherwise, seen)
            case ast.Starred(value=value):
                return self.safe(value, seen)
            case ast.GeneratorExp(elt=element) | ast.ListComp(elt=element):
                return self.safe(element, seen)
            case ast.Subscript(value=value):
                return last(value) in FILES or (isinstance(value, ast.Subscript) and self.safe(value, seen))
            case ast.Attribute(attr=name):
                return name in NUMBERS
            case ast.Name(id=name):
                return name in NUMBERS | FILES or (node not in seen and self.known(node, (*seen, node)))
        return False

    def known(self, name: ast.Name, seen: tuple) -> bool:
        """Whether all that a variable is set to is harmless."""
        scope = self.parents[name]
        while not isinstance(scope, ast.FunctionDef | ast.Module):
            scope = self.parents[scope]
        if isinstance(scope, ast.FunctionDef):
            for one in (*scope.args.args, *scope.args.kwonlyargs):
                if one.arg == name.id:
                    return is_markdown(one.annotation)
        values = [value for node in ast.walk(scope) for value in values_of(node, name.id)]
        return bool(values) and all(self.safe(value, seen) for value in values)


def values_of(node: ast.AST, name: str) -> Iterator[ast.expr | None]:
    """What a statement sets a variable to; what cannot be told is a name that nothing is known of."""
    match node:
        case ast.Assign(targets=[ast.Name(id=known)], value=value) if known == name:
            yield value
        case ast.AugAssign(target=ast.Name(id=known), value=value) if known == name:
            yield value
        case ast.NamedExpr(target=ast.Name(id=known), value=value) if known == name:
            yield value
        case ast.Assign(targets=[ast.Tuple(elts=parts)], value=ast.Tuple(elts=values)):
            yield from (v for p, v in zip(parts, values, strict=False) if isinstance(p, ast.Name) and p.id == name)
        case (
            ast.For(target=ast.Name(id=known), iter=values) | ast.comprehension(target=ast.Name(id=known), iter=values)
        ) if known == name:
            yield values


def is_number(node: ast.expr) -> bool:
    """Of "words" * condition."""
    return isinstance(node, ast.UnaryOp | ast.Compare | ast.Call)


def last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def everything() -> tuple[set[str], dict[str, list[str]]]:
    """Functions of the pages that return Markdown, and those that take some: for each place the name, or nothing."""
    makers, takers = set(), {}
    for path in PAGES:
        for one in functions(ast.parse(path.read_text(encoding="utf-8"))):
            if is_markdown(one.returns):
                makers.add(one.name)
            given = (*one.args.args, *one.args.kwonlyargs)
            names = [each.arg if is_markdown(each.annotation) else "" for each in given]
            if any(names):
                takers[one.name] = names
    return makers, takers


def test_what_is_not_escaped_would_be_seen(tmp_path):
    """Else the test below would pass on any page."""
    page = tmp_path / "page.py"
    page.write_text(
        "def show(one, words, own: Markdown, number):\n"
        "    st.caption(words)\n"
        "    st.warning(f'**{one.name}**: {plain(one.finding)}')\n"
        "    control(st.button, 'k', help='About ' + words)\n"
        "    later = f'{words}, {number:,}'\n"
        "    place.expander(later)\n"
        "    for each in words:\n"
        "        st.write(each)\n"
        "    st.caption(own)\n"
        "    st.caption(plain(words))\n"
        "    st.info(f'{number:,} of **{plain(one.name)}**' + (' more' if number else ''))\n"
        "def made(words) -> Markdown:\n"
        "    return words\n"
    )
    lines = [int(one.split(":")[0].removeprefix("line ")) for one in Reader(page, {"made"}, {}).found()]
    assert sorted(lines) == [2, 3, 4, 6, 8, 13]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_markdown_is_made_of(path):
    assert list(Reader(path, *everything()).found()) == []
