"""The operator's hold on ACME accounts: with which authorities, for whom, and how names are proved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from strongroom.control.acme_wire import (
    AcmeAccountBody,
    AcmeAccountChangeBody,
    AcmeAccountCheck,
    AcmeAccountEntry,
    AcmeAccountList,
    AcmeAccountRemoved,
)
from strongroom.control.link import require_control
from strongroom.control.tenants import require_tenant
from strongroom.core import acme_limits as limits
from strongroom.core.acme_accounts import AcmeAccount, ChallengeType
from strongroom.core.errors import Invalid, Unavailable
from strongroom.core.records import INSTANCE
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.objects.issuers import acme_accounts


async def list_acme_accounts(call: Call) -> Response:
    """List every account. By default there is none."""
    require_control(call)
    return json.response(AcmeAccountList([_show(one) for one in call.world.view.all(AcmeAccount, INSTANCE)]))


async def get_acme_account(call: Call) -> Response:
    """Show one account."""
    require_control(call)
    return json.response(_show(_find(call)))


async def add_acme_account(call: Call) -> Response:
    """
    Make an account with an authority, which is asked for it now, and keep its key.

    The terms of service have to be agreed to by the operator: nothing here does that by itself.
    """
    require_control(call)
    body, world = await call.body(AcmeAccountBody), call.world
    if world.view.get(AcmeAccount, INSTANCE, body.name) is not None:
        raise acme_accounts.already_there()
    tenants = tuple(require_tenant(world.view, one).id for one in body.tenants or (None,))
    wanted = acme_accounts.AccountRequest(
        body.name,
        body.directory,
        tenants,
        body.challenge,
        body.agree_to_terms,
        body.contacts,
        body.domains,
        body.hook,
        body.dns_wait_seconds,
        body.external_key_id,
        body.external_key,
    )
    async with _in_time():
        made = await acme_accounts.register(world.egress, world.clock, world.keys, wanted)
    await call.commit(lambda tx: acme_accounts.add_account(tx, made), _describe)
    return json.response(_show(made), status=201)


async def change_acme_account(call: Call) -> Response:
    """Change who may use an account, for which names, and how they are proved."""
    require_control(call)
    one, world, body = _find(call), call.world, await call.body(AcmeAccountChangeBody)
    tenants = None if body.tenants is None else tuple(require_tenant(world.view, name).id for name in body.tenants)
    wanted = acme_accounts.AccountChange(
        tenants, body.challenge, body.contacts, body.domains, body.hook, body.dns_wait_seconds
    )
    async with _in_time():
        changed = await acme_accounts.change(world.egress, world.clock, world.keys, one, wanted)
    kept = await call.commit(lambda tx: acme_accounts.replace_account(tx, one, changed), _describe)
    return json.response(_show(kept))


async def check_acme_account(call: Call) -> Response:
    """Ask the authority how an account is, and see that its hook can be run."""
    require_control(call)
    one, world = _find(call), call.world
    if one.challenge is ChallengeType.HTTP and not world.instance.pki_url:
        raise Invalid("Nobody answers http-01 here: the setting pki_listen says where the service is to listen for it.")
    async with _in_time():
        found = await acme_accounts.check_account(world.egress, world.clock, world.keys, one)
    return json.response(AcmeAccountCheck(one.id, found.status, found.terms))


async def remove_acme_account(call: Call) -> Response:
    """Forget an account and its key, once the authority was asked to take it out of use; its certificates stay."""
    require_control(call)
    one, world = _find(call), call.world
    try:
        async with _in_time():
            is_deactivated = await acme_accounts.deactivate(world.egress, world.clock, world.keys, one)
    except Unavailable:
        is_deactivated = False
    await call.commit(
        lambda tx: acme_accounts.remove_account(tx, one.id),
        lambda _: {"acmeAccount": one.id, "acmeDirectory": one.directory},
    )
    return json.response(AcmeAccountRemoved(one.id, is_deactivated))


def _find(call: Call) -> AcmeAccount:
    """
    Find the account that the path names.

    Raises:
        NotFound: there is none.
    """
    found = call.world.view.get(AcmeAccount, INSTANCE, call.params["account"])
    if found is None:
        raise acme_accounts.not_found()
    return found


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    """
    Give authorities as long as whoever waits at the socket has.

    Raises:
        Unavailable: it took longer.
    """
    try:
        async with asyncio.timeout(limits.ACME_CONTROL_S):
            yield
    except TimeoutError:
        raise Unavailable("The ACME authority does not answer in time.", reason="timeout") from None


def _describe(one: AcmeAccount) -> dict[str, object]:
    """Give what the journal says: who may have what by it, and what is run."""
    return {
        "acmeAccount": one.id,
        "acmeDirectory": one.directory,
        "acmeDomains": list(one.domains),
        "acmeHook": one.hook or None,
        "tenantIds": list(one.tenants),
    }


def _show(one: AcmeAccount) -> AcmeAccountEntry:
    return AcmeAccountEntry(
        one.id,
        one.directory,
        one.url,
        list(one.contacts),
        one.terms,
        one.external_id,
        one.challenge.value,
        one.hook or None,
        one.dns_wait_s,
        list(one.tenants),
        list(one.domains),
        one.created,
    )
