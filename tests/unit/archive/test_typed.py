"""Values from files that anyone may have written."""

from dataclasses import dataclass
from typing import Any

import pytest

from phcore.archive.typed import from_json, typed
from phcore.errors import Fault


@dataclass(frozen=True)
class Thing:
    name: str
    sizes: tuple[int, ...] = ()


def test_what_is_right_is_taken():
    assert from_json(b'{"name": "a", "sizes": [1, 2]}', Thing) == Thing("a", (1, 2))


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"\xff", b"[" * 100_000, b'{"name": 1}', b'{"name": "a", "sizes": [true]}', b'{"name": "\\ud83d"}',
     b'{"name": "a", "\\ud83d": 1}', b'{"name": "a", "sizes": [1e400]}', b"\xff\xfe{"],
)  # fmt: skip
@pytest.mark.parametrize("kind", [Thing, dict[str, Any]])
def test_what_is_wrong_is_a_sentence(data, kind):
    """Half a character, which JSON can spell, would only show when it is printed or written."""
    with pytest.raises(Fault) as caught:
        typed(from_json(data, kind), Thing)
    str(caught.value).encode()
