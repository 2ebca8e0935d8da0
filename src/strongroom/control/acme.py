"""The operator's hold on ACME accounts: with which authorities, for whom, and how names are proved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from strongroom.control.acme_wire import (
    AcmeAccountBody,
    AcmeAccountCheck,
    AcmeAccountEntry,
    AcmeAccountList,
    AcmeAccountRemoved,
)
from strongroom.control.link import require_control
from strongroom.control.tenants import require_tenant
from strongroom.core import acme_limits as limits
from strongroom.core.acme_accounts import AcmeAccount
from strongroom.core.errors import Unavailable
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
    tenants = tuple(require_tenant(world.view, one).id for one in (body.tenants or [None]))
    wanted = acme_accounts.AccountRequest(
        body.name,
        body.directory,
        tenants,
        body.challenge,
        body.agree_to_terms,
        tuple(body.contacts),
        tuple(body.domains),
        body.hook,
        body.dns_wait_seconds,
        body.external_key_id,
        body.external_key,
    )
    async with _in_time():
        made = await acme_accounts.register(world.egress, world.clock, world.keys, wanted)
    await call.commit(
        lambda tx: acme_accounts.add_account(tx, made),
        lambda one: {"acmeAccount": one.id, "directory": one.directory, "tenantIds": list(one.tenants)},
    )
    return json.response(_show(made), status=201)


async def check_acme_account(call: Call) -> Response:
    """Ask the authority how an account is, and see that its hook can be run."""
    require_control(call)
    one, world = _find(call), call.world
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
        lambda _: {"acmeAccount": one.id, "directory": one.directory},
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
