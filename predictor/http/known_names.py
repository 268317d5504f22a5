"""Names that a request may send: what is not known is refused, with the nearest name that is."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from ..errors import InvalidInput, Problem, quoted, quoted_list

MOST_NAMED = 5
# Longer names are compared by their beginning: the comparison takes time that grows with the square.
LONGEST_COMPARED = 60


def unknown_names(sent: Iterable[object], known: Collection[str]) -> list[str]:
    """The names that are not known, sorted."""
    return sorted(str(name) for name in sent if name not in known)


def nearest(name: str, known: Collection[str]) -> str:
    """The known name that an unknown one is probably meant for; else empty."""
    return next(iter(get_close_matches(name[:LONGEST_COMPARED].lower(), known, n=1)), "")


def fault_of(name: str, known: Collection[str]) -> str:
    """A sentence about an unknown name: the nearest known one, else all of them."""
    if close := nearest(name, known):
        return f"{quoted(name)} is not known; did you mean {quoted(close)}?"
    if not known:
        return f"{quoted(name)} is not known; nothing is taken here."
    return f"{quoted(name)} is not known; known are {quoted_list(sorted(known), 15)}."


def refuse_unknown(
    sent: Iterable[object],
    known: Collection[str],
    *,
    pointer: str = "/",
    hint: str = "",
    others: Collection[str] = (),
) -> None:
    """Raises InvalidInput for names that are not known: the first ones, and how many more there are.

    `others`: names that are known elsewhere, about which `hint` says why they cannot be taken here.
    """
    unknown = unknown_names(sent, known)
    if not unknown:
        return
    faults = [
        f"{quoted(name)} {hint}." if name in others else fault_of(name, known)
        for name in unknown[:MOST_NAMED]
    ]
    n_more = len(unknown) - MOST_NAMED
    more = f" And {n_more:,} more that are not known." if n_more > 0 else ""
    raise InvalidInput(
        " ".join(faults) + more,
        problems=[
            Problem(fault, f"{pointer}{name[:LONGEST_COMPARED]}")
            for fault, name in zip(faults, unknown[:MOST_NAMED], strict=True)
        ],
    )
