"""
Accounts with ACME authorities: made there and kept here, used by the vaults of the tenants that the operator names.

    prepare ──> directory, terms, newAccount ──> record      remove ──> deactivated there, forgotten here
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from strongroom.core import acme_limits as limits
from strongroom.core.acme import BadAnswer, read_status
from strongroom.core.acme_accounts import (
    AcmeAccount,
    AcmeChallenge,
    ChallengeType,
    is_account_name,
    is_contact,
    is_dns_name,
)
from strongroom.core.errors import Conflict, Failure, Invalid, NotFound, Unavailable
from strongroom.core.outgoing import parse_destination
from strongroom.core.records import INSTANCE
from strongroom.crypto.context import bind
from strongroom.crypto.protocol import RootKey, Unsealable
from strongroom.egress import Exchange
from strongroom.hooks import HookRefused, judge_hook
from strongroom.objects.issuers.acme_client import AcmeClient, AcmeRefused
from strongroom.store import Transaction

if TYPE_CHECKING:
    from strongroom.crypto.acme_requests import AccountKey

_PURPOSE = "acme account key"


@dataclass(frozen=True, slots=True)
class AccountRequest:
    """An account as its operator wants it."""

    name: str
    directory: str
    tenants: tuple[str, ...]
    challenge: ChallengeType
    agrees_to_terms: bool = False
    contacts: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    hook: str = ""
    dns_wait_s: int = 0
    external_id: str | None = None
    external_key: str | None = field(default=None, repr=False)
    """The key of the external account, in base64url. It is used once and kept nowhere."""


@dataclass(frozen=True, slots=True)
class AccountState:
    """What an authority says of an account now."""

    status: str
    """`valid`, `deactivated` or `revoked` (RFC 8555 section 7.1.6)."""
    terms: str | None
    """The terms of service as they are now."""


async def register(
    exchange: Exchange, clock: Callable[[], float], keys: RootKey, wanted: AccountRequest
) -> AcmeAccount:
    """
    Make an account with the authority, and give the record of it.

    Raises:
        Invalid: a member is malformed, the terms were not agreed to, or the authority refuses.
        Unavailable: the authority cannot be reached.
    """
    from strongroom.crypto.acme_requests import AccountKey, new_account_key, read_external_key  # noqa: PLC0415  costly

    account = _judged(wanted, int(clock()))
    private_key = new_account_key()
    client = AcmeClient(exchange, clock, wanted.directory, AccountKey(private_key))
    found = await client.directory()
    if found.terms is not None and not wanted.agrees_to_terms:
        raise Invalid(f"The authority has terms of service, which the operator has to agree to: {found.terms}")
    if found.external_account_required and wanted.external_id is None:
        raise Invalid("The authority wants an account to be bound to an external one: its key id and key are missing.")
    payload: dict[str, object] = {"termsOfServiceAgreed": wanted.agrees_to_terms}
    if wanted.contacts:
        payload["contact"] = wanted.contacts
    if wanted.external_id is not None and wanted.external_key is not None:
        try:
            external_key = read_external_key(wanted.external_key)
        except ValueError:
            raise Invalid("The key of the external account is base64url of 16 bytes or more.") from None
        payload["externalAccountBinding"] = client.key.bind(found.new_account, wanted.external_id, external_key)
    try:
        reply = await client.post(found.new_account, payload)
    except AcmeRefused as refused:
        raise Invalid(f"The authority makes no account: {refused}.") from None
    url = reply.header("location") or ""
    try:
        parse_destination(url)
    except ValueError:
        raise Unavailable("The ACME authority is out of order: it does not say where the account is.") from None
    sealed = keys.seal(_PURPOSE, bind(account.id, url), private_key)
    return replace(account, url=url, sealed_key=sealed, terms=found.terms)


def open_account(keys: RootKey, account: AcmeAccount) -> AccountKey:
    """
    Open an account's key.

    Raises:
        Unavailable: it does not open here.
    """
    from strongroom.crypto.acme_requests import AccountKey  # noqa: PLC0415  costly to import

    try:
        return AccountKey(keys.open(_PURPOSE, bind(account.id, account.url), account.sealed_key))
    except Unsealable:
        raise Unavailable("The ACME account's key does not open.", reason="unsealable") from None


async def check_account(
    exchange: Exchange, clock: Callable[[], float], keys: RootKey, account: AcmeAccount
) -> AccountState:
    """
    Ask the authority how an account is, and see that its hook can be run.

    Raises:
        Invalid: the authority does not know it, or the hook may not be run.
        Unavailable: the authority cannot be reached.
    """
    if account.hook:
        _judge_hook(account.hook)
    client = AcmeClient(exchange, clock, account.directory, open_account(keys, account), account.url)
    found = await client.directory()
    try:
        reply = await client.post(account.url, None)
        return AccountState(read_status(reply.body), found.terms)
    except AcmeRefused as refused:
        raise Invalid(f"The authority refuses the account: {refused}.") from None
    except BadAnswer as fault:
        raise Unavailable(f"The ACME authority is out of order: {fault}.") from None


async def deactivate(exchange: Exchange, clock: Callable[[], float], keys: RootKey, account: AcmeAccount) -> bool:
    """Have the authority take an account out of use (section 7.3.6); False if it cannot be had to."""
    with suppress(AcmeRefused, Failure):
        client = AcmeClient(exchange, clock, account.directory, open_account(keys, account), account.url)
        await client.post(account.url, {"status": "deactivated"})
        return True
    return False


async def add_account(tx: Transaction, account: AcmeAccount) -> AcmeAccount:
    """
    Keep an account that was made.

    Raises:
        Conflict: another one is called that.
        Invalid: there are as many as there may be.
    """
    known = await tx.records(AcmeAccount, INSTANCE)
    if any(one.id == account.id for one in known):
        raise already_there()
    if len(known) >= limits.ACME_ACCOUNTS:
        raise Invalid(f"There are at most {limits.ACME_ACCOUNTS} ACME accounts. Remove one first.")
    await tx.put(account)
    return account


async def remove_account(tx: Transaction, name: str) -> None:
    """
    Forget an account, with its key and what is answered for it.

    Raises:
        NotFound: there is none.
    """
    known = await tx.record(AcmeAccount, INSTANCE, name)
    if known is None:
        raise not_found()
    for challenge in await tx.records(AcmeChallenge, INSTANCE):
        if challenge.account == name:
            await tx.remove(challenge)
    await tx.remove(known)


def not_found() -> NotFound:
    """Say that there is no such account."""
    return NotFound("There is no such ACME account.")


def already_there() -> Conflict:
    """Say that an account of the name is there."""
    return Conflict("There is an ACME account of this name. Remove it first.")


def _judged(wanted: AccountRequest, now: int) -> AcmeAccount:
    """Judge what can be judged before anybody is asked."""
    if not is_account_name(wanted.name):
        raise Invalid(
            f"An account's name is at most {limits.ACME_ACCOUNT_NAME_CHARS} lower-case letters, digits and hyphens."
        )
    try:
        parse_destination(wanted.directory)
    except ValueError:
        raise Invalid("The authority's directory is an https URL, without user and fragment.") from None
    if not 0 < len(wanted.tenants) <= limits.ACME_ACCOUNT_TENANTS:
        raise Invalid(f"An account is for 1 to {limits.ACME_ACCOUNT_TENANTS} tenants.")
    if len(wanted.contacts) > limits.ACME_ACCOUNT_CONTACTS or not all(map(is_contact, wanted.contacts)):
        raise Invalid(f"Contacts are at most {limits.ACME_ACCOUNT_CONTACTS}, each mailto: and one address.")
    domains = tuple(dict.fromkeys(one.lower().rstrip(".") for one in wanted.domains))
    if len(domains) > limits.ACME_ACCOUNT_DOMAINS or not all(map(is_dns_name, domains)):
        raise Invalid(f"Domains are at most {limits.ACME_ACCOUNT_DOMAINS}, each a DNS name without a wildcard.")
    if (wanted.external_id is None) != (wanted.external_key is None):
        raise Invalid("An external account is named by its key id and its key together.")
    if (wanted.challenge is ChallengeType.DNS) != bool(wanted.hook):
        raise Invalid("A hook is what makes the records of dns-01, and dns-01 needs one.")
    if wanted.hook:
        _judge_hook(wanted.hook)
    if not 0 <= wanted.dns_wait_s <= limits.DNS_WAIT_MAX_S:
        raise Invalid(f"A record is waited for at most {limits.DNS_WAIT_MAX_S} seconds.")
    return AcmeAccount(
        wanted.name,
        wanted.directory,
        "",
        b"",
        now,
        wanted.challenge,
        tuple(dict.fromkeys(wanted.tenants)),
        wanted.contacts,
        domains,
        wanted.hook,
        wanted.dns_wait_s if wanted.challenge is ChallengeType.DNS else 0,
        None,
        wanted.external_id,
    )


def _judge_hook(path: str) -> None:
    try:
        judge_hook(path)
    except HookRefused as refused:
        raise Invalid(str(refused)) from None
