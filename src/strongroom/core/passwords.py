"""
What a user's new password has to be, and how long it lasts.

The rules are Entra's: a length, three kinds of characters out of four, nothing that anybody would guess, and no name of
the user or the tenant. A guess is told from a password as Entra tells it: whatever of a short list is found in it
counts as one character, and at least five have to be left.
"""

from __future__ import annotations

from collections.abc import Iterable

from strongroom.core.errors import Invalid
from strongroom.core.identity import Tenant, User
from strongroom.core.limits import PASSWORD_CHARS, PASSWORD_MIN_CHARS
from strongroom.core.sessions import SignInSettings

_DAY_S = 86_400
_KINDS = 3
_POINTS = 5
_NAME_CHARS = 4
"""A shorter name is in too many words to be looked for: Entra's own limit."""
_LOOK_ALIKE = str.maketrans("013457@$!|i", "oleastaslll")
_GUESSABLE = (
    "abcd admin administrator april august autumn azure changeme contoso december default dragon february football"
    " friday hello iloveyou january july june keyvault letmein login march master microsoft monday monkey november"
    " october passw password princess qwerty qwertz secret september shadow spring strongroom summer sunshine superman"
    " vault welcome winter"
)
_RUNS = ("1234567890", "0987654321", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm")
_REFUSED = "The specified password does not comply with password complexity requirements. "


def judge_password(text: str, names: Iterable[str] = ()) -> None:
    """
    Hold a new password against the rules; *names* are those of `names_of`.

    Raises:
        Invalid: it breaks one. The rule is told, and nothing of the password.
    """
    if not PASSWORD_MIN_CHARS <= len(text) <= PASSWORD_CHARS:
        raise Invalid(f"{_REFUSED}It must have {PASSWORD_MIN_CHARS} to {PASSWORD_CHARS} characters.")
    kinds = (
        any(char.islower() for char in text),
        any(char.isupper() for char in text),
        any(char.isdigit() for char in text),
        any(not char.isalnum() for char in text),
    )
    if sum(kinds) < _KINDS:
        raise Invalid(
            f"{_REFUSED}It must have three of these: lower-case letters, upper-case letters, digits, symbols."
        )
    plain, folded = text.casefold(), _fold(text)
    if any(name.casefold() in plain or _fold(name) in folded for name in names if len(name) >= _NAME_CHARS):
        raise Invalid(f"{_REFUSED}It must not contain a name of the user or of the organization.")
    if _points(plain, folded) < _POINTS:
        raise Invalid(f"{_REFUSED}It contains a word, phrase or pattern that makes it easy to guess.")


def names_of(tenant: Tenant, user_principal_name: str, *others: str | None) -> tuple[str, ...]:
    """Give the names that a user's password must not contain: the user's, *others* among them, and the tenant's."""
    domains = (domain.partition(".")[0] for domain in tenant.domains)
    local = user_principal_name.rpartition("@")[0]
    return tuple(name for name in (local, *others, tenant.display_name, *domains) if name)


def password_expires(settings: SignInSettings | None, user: User, now: int) -> int | None:
    """Say when a password that is set now expires: None for never, which is what a tenant has until it is told else."""
    days = settings.password_days if settings is not None else None
    return None if days is None or user.password_never_expires else now + days * _DAY_S


def _fold(text: str) -> str:
    """Read a text as a guesser does: without case, and with the letters that digits and symbols stand for."""
    return text.casefold().translate(_LOOK_ALIKE)


def _points(plain: str, folded: str) -> int:
    """Count a password's characters, each guessable part as one."""
    found = 0
    # The longest first, so that what is part of another is not counted twice.
    for word in sorted(map(_fold, _GUESSABLE.split()), key=len, reverse=True):
        while word in folded:
            at = folded.index(word)
            plain, folded = plain[:at] + plain[at + len(word) :], folded[:at] + folded[at + len(word) :]
            found += 1
    runs, rest = _without_runs(plain)
    return found + runs + rest


def _without_runs(plain: str) -> tuple[int, int]:
    """Count the runs along an alphabet or a keyboard, and repetitions, of three and more, and all that is left."""
    found = rest = at = 0
    while at < len(plain):
        length = _run_length(plain, at)
        if length >= _KINDS:
            found, at = found + 1, at + length
        else:
            rest, at = rest + 1, at + 1
    return found, rest


def _run_length(plain: str, at: int) -> int:
    length = 1
    while at + length < len(plain) and _continues(plain[at : at + length + 1]):
        length += 1
    return length


def _continues(part: str) -> bool:
    return len(set(part)) == 1 or any(part in run or part in run[::-1] for run in _RUNS)
