"""Runs: a managed identity lent to one run of one program, and taken back."""

from __future__ import annotations

from dataclasses import dataclass

from strongroom.control.identities import Identity, find_identity, require_identity_principal
from strongroom.control.link import optional_body, require_control
from strongroom.control.names import own_hosts, vault_names
from strongroom.control.wire import RunAnswer, RunBody, RunServicePrincipal
from strongroom.core.errors import Conflict, NotFound
from strongroom.core.identity import Application, CredentialKind, ServicePrincipal
from strongroom.core.installation import Installation
from strongroom.core.names import Surface, azure_names
from strongroom.core.records import tenant_partition
from strongroom.core.vaults import Vault
from strongroom.directory.runs import NewRun, begin_run, end_run, is_current, make_run
from strongroom.flow.call import Call
from strongroom.flow.world import World
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.resources.identities import DEFAULT_IDENTITY
from strongroom.store import Transaction


@dataclass(frozen=True, slots=True)
class _Lent:
    """What a run is lent: an identity, its principal, and the application of its client secret."""

    identity: Identity
    principal: ServicePrincipal
    application: Application | None


async def start_run(call: Call) -> Response:
    """Lend an identity to a run: a header secret for it alone, short-lived, and a client secret if asked for."""
    require_control(call)
    body = await optional_body(call, RunBody)
    world = call.world
    lent = _find_lent(world, body)
    run = make_run(
        world.keys,
        lent.principal,
        lent.application,
        lifetime_s=body.lifetime_seconds,
        now=call.now,
        entropy=world.entropy,
    )
    # The properties name the credentials and never show them.
    call.properties.update(runId=run.id, tenantId=lent.principal.tenant, objectId=lent.principal.id)
    if run.client is not None:
        call.properties["credentialId"] = run.client.credential.id
    over = [
        credential.id
        for credential in world.view.credentials_of(lent.principal.id)
        if credential.kind is CredentialKind.RUN and not is_current(credential, call.now)
    ]
    await call.commit(lambda tx: begin_run(tx, world.keys, run, over=over))
    return json.response(_answer(world, lent, run), headers=[(b"cache-control", b"no-store")])


async def finish_run(call: Call) -> Response:
    """End a run: its credentials are removed, and every token made with them is refused from now on."""
    require_control(call)
    run_id = call.params["run"]
    credential = call.world.view.credential(run_id)
    if credential is None or credential.kind is not CredentialKind.RUN:
        raise NotFound("There is no such run.")
    tenant, keys = credential.tenant, call.world.keys
    call.properties.update(runId=run_id, tenantId=tenant, objectId=credential.owner)

    async def change(tx: Transaction) -> None:
        await end_run(tx, keys, tenant, run_id)

    await call.commit(change)
    return Response(204, content_type=None)


def _find_lent(world: World, body: RunBody) -> _Lent:
    """
    Find what a run asks to be lent.

    Raises:
        Conflict: a name means more than one identity or application.
        NotFound: a name means none.
    """
    identity = find_identity(world.view, body.identity or _default_identity(world))
    principal = require_identity_principal(world.view, identity)
    application = _find_application(world, identity.tenant, body.application) if body.service_principal else None
    return _Lent(identity, principal, application)


def _default_identity(world: World) -> str:
    """Name the identity that the first start made, so that one of its name in another group is not in its way."""
    installation = _installation(world)
    found = world.view.user_assigned_identity(installation.subscription, installation.resource_group, DEFAULT_IDENTITY)
    return found.scope if found is not None else DEFAULT_IDENTITY


def _find_application(world: World, tenant: str, name: str | None) -> Application:
    every = world.view.all(Application, tenant_partition(tenant))
    if name is None:
        wanted = _installation(world).application
        found = [one for one in every if one.id == wanted]
    else:
        found = [one for one in every if name.casefold() in {one.app_id, one.display_name.casefold()}]
    # Without a principal in the tenant its secret would open nothing.
    found = [one for one in found if world.view.service_principal_by_app_id(tenant, one.app_id) is not None]
    if not found:
        raise NotFound("There is no such application with a service principal in the identity's tenant.")
    if len(found) > 1:
        raise Conflict(f"Several applications are named '{name}'. Give the app id.")
    return found[0]


def _answer(world: World, lent: _Lent, run: NewRun) -> RunAnswer:
    hosts, tenant = world.hosts, lent.principal.tenant
    vault = _vault(world, tenant)
    names = vault_names(world, tenant)
    credential = run.header.credential
    client = None
    if run.client is not None and lent.application is not None:
        client = RunServicePrincipal(tenant, lent.application.app_id, run.client.text)
    return RunAnswer(
        run_id=run.id,
        identity_endpoint=world.instance.identity_endpoint,
        identity_header=run.header.text,
        arc_key_folder=world.instance.arc_key_folder,
        client_id=lent.principal.app_id,
        object_id=lent.principal.id,
        tenant_id=tenant,
        subscription_id=lent.identity.subscription,
        vault_name=vault.name if vault is not None else "",
        vault_uri=f"{hosts.url(Surface.VAULT, vault.name)}/" if vault is not None else "",
        authority=hosts.url(Surface.LOGIN),
        azure_hosts=list(azure_names(names)),
        own_hosts=own_hosts(world, names),
        domain=hosts.domain,
        port=hosts.port,
        expires_on=credential.expires or 0,
        service_principal=client,
    )


def _installation(world: World) -> Installation:
    return next(iter(world.view.all(Installation)))


def _vault(world: World, tenant: str) -> Vault | None:
    """Choose the vault that a run is told of: the first one ever made, or the tenant's oldest."""
    first = world.view.vault(_installation(world).vault)
    if first is not None and first.deleted is None and first.tenant == tenant:
        return first
    others = [vault for vault in world.view.vaults() if vault.deleted is None and vault.tenant == tenant]
    return min(others, key=lambda vault: (vault.created, vault.id), default=None)
