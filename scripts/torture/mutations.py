"""Valid files, spoilt: at random, but the same from the same dice."""

import io
import json
import random
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from copy import deepcopy
from hashlib import sha256

import pyarrow as pa
import pyarrow.parquet as pq
import tomli_w

# What JSON and TOML can hold where something else is expected.
STRANGE = (
    None, True, False, 0, -1, 1, 2**31, 2**63 - 1, 2**63, 10**400, -(10**30), 0.5, -0.0, 1e308, float("nan"),
    float("inf"), "", " ", "a", "0", "base", "\0", "\ud83d", "../../etc/passwd", "/", "ä" * 300, "x" * 5000, [], [[]],
    {}, {"": ""}, [None], [1, "a"], {"a": {"b": [1]}},
)  # fmt: skip
IN_A_TABLE = (
    "", "nan", "inf", "1e999", "-1", "9" * 400, '"', "\0", "a" * 200_000, "1_000", "٣", "0x10", "\u2028", "\r",
)  # fmt: skip


def spoilt(data: bytes, dice: random.Random, name: str = "") -> bytes:
    """One mutation of a file: of its values where it is JSON, TOML or a pack, else of its bytes."""
    kinds: list[Callable[[bytes, random.Random], bytes]] = [_bytes]
    if name.endswith((".json", ".jsonl")):
        kinds += [_json] * 3
    elif name.endswith(".toml"):
        kinds += [_toml] * 3
    elif name.endswith(".zip"):
        kinds += [_pack] * 3
    elif name.endswith(".safetensors"):
        kinds += [_safetensors] * 3
    elif name.endswith(".csv"):
        kinds += [_csv] * 2
    elif name.endswith(".parquet"):
        kinds += [_parquet] * 2
    return dice.choice(kinds)(data, dice)


# --- bytes --------------------------------------------------------------------------------------------


def _bytes(data: bytes, dice: random.Random) -> bytes:
    kind = dice.choice(("flip", "flips", "cut", "empty", "double", "zeros", "insert", "encode", "deep", "noise", "bom"))
    at = dice.randrange(len(data) + 1)
    if kind in ("flip", "flips"):
        found = bytearray(data)
        for _ in range(1 if kind == "flip" else dice.randint(2, 40)):
            if found:
                found[dice.randrange(len(found))] ^= 1 << dice.randrange(8)
        return bytes(found)
    if kind == "encode":
        return data.decode("utf-8", "replace").encode(dice.choice(("utf-16", "utf-32", "utf-16-le", "utf-7")))
    return {
        "cut": data[:at],
        "empty": b"",
        "double": data + data,
        "zeros": data[:at] + bytes(dice.randint(1, 200)) + data[at + dice.randint(0, 200) :],
        "insert": data[:at] + dice.randbytes(dice.randint(1, 20)) + data[at:],
        "deep": dice.choice((b"", b"a = ")) + dice.choice((b"[", b'{"a":', b"{a=")) * dice.choice((300, 100_000)),
        "noise": dice.randbytes(dice.randint(1, 2000)),
        "bom": b"\xef\xbb\xbf" + data,
    }[kind]


# --- values -------------------------------------------------------------------------------------------


def changed(plain: object, dice: random.Random) -> object:
    """Plain values with one to three of them replaced, removed, doubled, renamed or nested deeply."""
    plain = {"whole": deepcopy(plain)}
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        holder, key = dice.choice(list(_holders(plain)))
        kind = dice.choice(("strange", "strange", "strange", "remove", "rename", "deep", "swap", "many"))
        if kind == "strange":
            holder[key] = deepcopy(dice.choice(STRANGE))
        elif kind == "remove" and holder is not plain:
            del holder[key]
        elif kind == "rename" and isinstance(holder, dict) and holder is not plain:
            holder[dice.choice(("", "unknown", "__class__", f"{key} ", "self"))] = holder.pop(key)
        elif kind == "deep":
            for _ in range(dice.choice((3, 200))):
                holder[key] = [holder[key]] if dice.random() < 0.5 else {"a": holder[key]}
        elif kind == "many":
            holder[key] = [holder[key]] * dice.choice((0, 2, 50))
        else:
            other, name = dice.choice(list(_holders(plain)))
            try:
                holder[key], other[name] = deepcopy(other[name]), deepcopy(holder[key])
            except (KeyError, IndexError):
                continue
    return plain["whole"]


def _holders(plain: object) -> Iterator[tuple]:
    """(container, key) of every value."""
    keys = list(plain) if isinstance(plain, dict) else range(len(plain)) if isinstance(plain, list) else ()
    for key in keys:
        yield plain, key
        yield from _holders(plain[key])


def _json(data: bytes, dice: random.Random) -> bytes:
    lines = data.split(b"\n")
    try:
        whole = json.loads(data)
    except ValueError:  # one value a line
        number = dice.randrange(len(lines))
        lines[number] = _dumped(changed(json.loads(lines[number] or b"{}"), dice))
        return b"\n".join(lines)
    return _dumped(changed(whole, dice))


def _dumped(plain: object) -> bytes:
    return json.dumps(plain).encode()  # NaN and Infinity too: Python's own writer writes them


def _toml(data: bytes, dice: random.Random) -> bytes:
    try:
        return tomli_w.dumps(changed(tomllib.loads(data.decode()), dice)).encode("utf-8", "surrogatepass")
    except (TypeError, AttributeError, ValueError, RecursionError):  # what TOML cannot hold
        return _bytes(data, dice)


def _csv(data: bytes, dice: random.Random) -> bytes:
    lines = data.decode().split("\n")
    number = dice.randrange(len(lines))
    fields = lines[number].split(",")
    fields[dice.randrange(len(fields))] = dice.choice(IN_A_TABLE)
    lines[number] = dice.choice((",", ",", ";", ",,")).join(fields)
    return "\n".join(lines).encode()


def _parquet(data: bytes, dice: random.Random) -> bytes:
    """Another table, whole: a column less, renamed or of another type, its values gone, rows fewer or twice."""
    table = pq.read_table(io.BytesIO(data))
    column = dice.randrange(table.num_columns)
    name, values = table.column_names[column], table.column(column)
    kind = dice.choice(("less", "rename", "text", "number", "gone", "lists", "none", "first", "twice", "shuffled"))
    others = {
        "text": lambda: pa.array(["ä"] * table.num_rows),
        "number": lambda: pa.array([dice.choice((-1.0, 0.0, float("nan"), 1e300))] * table.num_rows),
        "gone": lambda: pa.nulls(table.num_rows, values.type),
        "lists": lambda: pa.array([[1]] * table.num_rows),
    }
    if kind == "less":
        table = table.drop_columns([name])
    elif kind == "rename":
        table = table.rename_columns([f"{one} " if one == name else one for one in table.column_names])
    elif kind in others:
        table = table.set_column(column, name, others[kind]())
    else:
        rows = list(range(table.num_rows))
        dice.shuffle(rows)
        wanted = {"none": [], "first": rows[:1], "twice": rows * 2, "shuffled": rows}[kind]
        table = table.take(pa.array(wanted, pa.int64()))
    sink = io.BytesIO()
    pq.write_table(table, sink, write_page_checksum=True)
    return sink.getvalue()


def _safetensors(data: bytes, dice: random.Random) -> bytes:
    """Another header before the same weights, of a length that is right more often than not."""
    length = int.from_bytes(data[:8], "little")
    header = _dumped(changed(json.loads(data[8 : 8 + length]), dice))
    told = len(header) if dice.random() < 0.8 else dice.choice((0, 2**63, 2**64 - 1, len(header) - 1, len(data)))
    return told.to_bytes(8, "little") + header + data[8 + length :]


# --- packs --------------------------------------------------------------------------------------------


def _pack(data: bytes, dice: random.Random) -> bytes:
    """A pack with one of its texts changed, and a manifest that says so: it passes every check of digests."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {info.filename: archive.read(info) for info in archive.infolist()}
    name = dice.choice([one for one in files if not one.endswith(".parquet")] * 3 + list(files))
    files[name] = spoilt(files[name], dice, name)
    if name != "manifest.json":
        manifest = json.loads(files["manifest.json"])
        for entry in manifest["files"]:
            if entry["path"] == name:
                entry |= {"bytes": len(files[name]), "sha256": sha256(files[name]).hexdigest()}
        files["manifest.json"] = _dumped(manifest)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", dice.choice((zipfile.ZIP_STORED,) * 9 + (zipfile.ZIP_DEFLATED,))) as archive:
        for one, content in files.items():
            archive.writestr(one, content)
    return target.getvalue()
