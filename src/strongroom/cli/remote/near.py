"""Names that were meant, where there is none of the name that was given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches

from strongroom.cli.outcome import Halt
from strongroom.cli.remote.refusals import Refused
from strongroom.cli.text import one_line

_NOT_FOUND = 404
_SHOWN = 5


def not_found(what: str, name: str, there: Iterable[str]) -> Halt:
    """Make the refusal of a name that nothing has; *there* are the names that there are."""
    names = sorted(set(there))
    close = get_close_matches(name.lower(), [one.lower() for one in names], n=_SHOWN, cutoff=0.5)
    near = [one for one in names if one.lower() in close]
    few = near or (names if len(names) <= _SHOWN else [])
    hint = f"; there {'is' if len(few) == 1 else 'are'} {', '.join(few)}" if few else ""
    return Halt(one_line(f"there is no {what} called {name}, as far as you may see{hint}"))


@contextmanager
def naming(what: str, name: str, there: Callable[[], Iterable[str]]) -> Iterator[None]:
    """
    Say of a 404 which names are near; what they are is asked for then.

    Raises:
        Halt: there is none of that name.
    """
    try:
        yield
    except Refused as refused:
        if refused.status != _NOT_FOUND:
            raise
        try:
            names = list(there())
        except Refused:
            # Whoever may not list is told what the service said.
            raise refused from None
        if name.lower() in {one.lower() for one in names}:
            # Something else of it is not there, such as a version.
            raise
        raise not_found(what, name, names) from None
