"""What can be changed in a module, so that a test should notice: see mutate.py."""

import ast
import random
from collections.abc import Iterator
from copy import copy
from pathlib import Path
from types import CodeType
from typing import NamedTuple

_COMPARED = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,), ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}  # fmt: skip
_COMPUTED = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div, ast.Mod: ast.Mult,
    ast.Pow: ast.Mult, ast.MatMult: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
_PAIRS = [("min", "max"), ("fmin", "fmax"), ("minimum", "maximum"), ("nanmin", "nanmax"), ("argmin", "argmax"),
          ("idxmin", "idxmax"), ("any", "all"), ("head", "tail"), ("first", "last"), ("floor", "ceil"), ("sum", "mean"),
          ("union", "intersection"), ("median", "mean")]  # fmt: skip
_SWAPPED = {b: a for a, b in _PAIRS} | dict(_PAIRS)
_CHAINED = {"dropna", "drop_duplicates", "query", "sort_values", "sort_index", "abs", "fillna", "clip", "cumsum"}
# Arguments that save time, warn less, are what would happen anyway, or matter where something else is wrong.
_SAFEGUARDS = {"strict", "encoding", "sort", "observed", "on", "ignore_index", "kind", "invalid", "divide"}
_DRAWN = {"place", "width", "height", "row", "kind", "label", "help", "title", "section", "heading", "link"}


class Mutant(NamedTuple):
    parent: ast.AST
    field: str
    place: int | None  # in a list
    old: ast.AST
    new: ast.AST
    lines: range  # of the statement

    def __str__(self) -> str:
        before, after = (" ".join(ast.unparse(one).split()) for one in (self.old, self.new))
        return f"{getattr(self.old, 'lineno', self.lines[0])}: {before}  ->  {after}"

    def put(self, node: ast.AST) -> None:
        if self.place is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.place] = node


def changed(node: ast.AST, **fields: object) -> ast.AST:
    other = copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


def without(values: list, place: int) -> list:
    return values[:place] + values[place + 1 :]


def variants(node: ast.AST, columns: list[str]) -> Iterator[ast.AST]:
    """What may stand in place of a node."""
    match node:
        case ast.Compare(ops=ops, comparators=compared):
            for place, op in enumerate(ops):
                for other in _COMPARED[type(op)]:
                    yield changed(node, ops=[*ops[:place], other(), *ops[place + 1 :]])
            for place, one in enumerate(compared):
                if isinstance(one, ast.Constant) and isinstance(one.value, str):
                    yield changed(node, comparators=[*compared[:place], another(one, columns), *compared[place + 1 :]])
        case ast.BinOp(left=left, op=op, right=right):
            yield changed(node, op=_COMPUTED[type(op)]())
            if isinstance(op, ast.BitAnd | ast.BitOr):
                yield from (left, right)
        case ast.BoolOp(op=op, values=values):
            yield changed(node, op=ast.Or() if isinstance(op, ast.And) else ast.And())
            yield from (changed(node, values=without(values, place)) for place in range(len(values)))
        case ast.UnaryOp(operand=operand):
            yield operand
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield ast.Constant(value + 1)
        case ast.IfExp(test=test) | ast.If(test=test) | ast.While(test=test):
            yield changed(node, test=ast.UnaryOp(ast.Not(), test))
        case ast.comprehension(ifs=ifs):
            yield from (changed(node, ifs=without(ifs, place)) for place in range(len(ifs)))
        case ast.Subscript(value=value, slice=ast.Constant(value=str()) as name):
            yield changed(node, slice=another(name, columns))
        case ast.Subscript(value=value, slice=ast.Compare() | ast.BoolOp() | ast.BinOp(op=ast.BitAnd() | ast.BitOr())):
            yield value
        case ast.Call(func=func, keywords=keywords):
            for place, one in enumerate(keywords):
                if one.arg and one.arg not in _SAFEGUARDS | _DRAWN:
                    yield changed(node, keywords=without(keywords, place))
            if isinstance(func, ast.Attribute) and func.attr in _SWAPPED:
                yield changed(node, func=changed(func, attr=_SWAPPED[func.attr]))
            if isinstance(func, ast.Attribute) and func.attr in _CHAINED:
                yield func.value
            if isinstance(func, ast.Name) and func.id in _SWAPPED:
                yield changed(node, func=ast.Name(_SWAPPED[func.id]))


def another(name: ast.Constant, columns: list[str]) -> ast.Constant:
    """The column of the same module that comes next in the alphabet."""
    return ast.Constant(columns[(columns.index(name.value) + 1) % len(columns)] if name.value in columns else "")


def mutants(tree: ast.Module) -> Iterator[Mutant]:
    """All of a module, but for what is said to those who read it and what is drawn."""
    slices = (one.slice for one in ast.walk(tree) if isinstance(one, ast.Subscript))
    columns = sorted({one.value for one in slices if isinstance(one, ast.Constant) and isinstance(one.value, str)})

    pixels = drawing_alone(tree)

    def below(node: ast.AST, lines: range) -> Iterator[Mutant]:
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            lines = range(node.lineno, max(body[0].lineno, node.lineno + 1) if body else node.end_lineno + 1)
        for name, value in ast.iter_fields(node):
            if name in {"annotation", "returns", "decorator_list"}:
                continue
            for place, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if not isinstance(child, ast.AST) or left_out(child) or child in pixels:
                    continue
                yield from (Mutant(node, name, place, child, new, lines) for new in variants(child, columns))
                yield from below(child, lines)

    return below(tree, range(0))


def left_out(node: ast.AST) -> bool:
    """Whether this is a function that makes a chart, or an argument that guards something or says how a chart looks."""
    if isinstance(node, ast.FunctionDef):
        return bool(names(node) & {"look", "alt", "StepAxis", "Plane", "View"})
    return isinstance(node, ast.keyword) and node.arg in _SAFEGUARDS | _DRAWN


def names(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def drawing_alone(tree: ast.Module) -> list[ast.AST]:
    """Private numbers that nothing reads but what makes a chart: pixels."""
    parts = (one.value if isinstance(one, ast.Assign) else one for one in tree.body if not left_out(one))
    read = set().union(*map(names, parts))
    set_here = [one for one in tree.body if isinstance(one, ast.Assign)]
    return [one for one in set_here if all(name[0] == "_" and name not in read for name in names(one.targets[0]))]


def alike(one: object, other: object) -> bool:
    """Whether two pieces of bytecode do the same."""
    if not isinstance(one, CodeType) or not isinstance(other, CodeType):
        return type(one) is type(other) and repr(one) == repr(other)
    a, b = ((code.co_code, code.co_names, len(code.co_consts)) for code in (one, other))
    return a == b and all(map(alike, one.co_consts, other.co_consts))


def sample(path: Path, n: int, seed: int) -> list[tuple[Mutant, str]]:
    """n mutants, and the module with each."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    own = compile(ast.unparse(tree), path, "exec")
    every = list(mutants(tree))
    random.Random(f"{seed} {path.name}").shuffle(every)
    found = []
    for one in every:
        one.put(ast.fix_missing_locations(ast.copy_location(one.new, one.old)))
        text = ast.unparse(tree)
        one.put(one.old)
        if not alike(compile(text, path, "exec"), own):
            found.append((one, text))
        if len(found) == n:
            break
    return found
