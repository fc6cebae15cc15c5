"""Attacks on the whole tool, in bounded time, on a tiny real study: `python -m scripts.torture`.

What each attack does stands in its function; `docs/reliability.md` says what they found. A computation under attack is
a process of its own, forked from this one, which has imported torch already: thus a hundred of them take minutes.
"""
