"""
The control surface: what the operator and `strongroom run` ask the instance, on the owner-only Unix socket.

Reaching the socket is the proof: its directory is 0700 and it is 0600, so whoever connects is the user who runs the
service. Nothing here is reachable from any other listener, and each handler makes sure of that again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from strongroom.core.echo import RESOURCE_ID, RESOURCE_NAME, shown
from strongroom.core.errors import Conflict, NotFound
from strongroom.core.identity import Application, CredentialKind, ServicePrincipal
from strongroom.core.installation import Installation
from strongroom.core.names import Surface, azure_names
from strongroom.core.permissions import Public
from strongroom.core.records import tenant_partition
from strongroom.core.resources import UserAssignedIdentity
from strongroom.core.vaults import Vault
from strongroom.directory.runs import NewRun, begin_run, end_run, is_current, make_run
from strongroom.flow.call import Call
from strongroom.flow.operation import Op, Target
from strongroom.flow.world import World
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.managed_identity import app_service
from strongroom.managed_identity.control_link import require_control
from strongroom.managed_identity.signing_keys import list_signing_keys, revoke_signing_key
from strongroom.managed_identity.wire import RunAnswer, RunBody, RunServicePrincipal, Status
from strongroom.resources.identities import DEFAULT_IDENTITY
from strongroom.store import Transaction


@dataclass(frozen=True, slots=True)
class _Lent:
    """What a run is lent: an identity, its principal, and the application of its client secret."""

    identity: UserAssignedIdentity
    principal: ServicePrincipal
    application: Application | None


async def start_run(call: Call) -> Response:
    """Lend an identity to a run: a header secret for it alone, short-lived, and a client secret if asked for."""
    require_control(call)
    raw = await call.raw_body()
    body = json.decode(raw, RunBody) if raw.strip() else RunBody()
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


async def status(call: Call) -> Response:
    """Tell how the instance is and what it goes by."""
    require_control(call)
    world, instance, hosts = call.world, call.world.instance, call.world.hosts
    names = _vault_names(world, None)
    answer = Status(
        ready=instance.ready,
        pid=instance.pid,
        version=instance.version,
        domain=hosts.domain,
        port=hosts.port,
        key_protection=world.keys.description,
        recording=world.journal.failure is None,
        main=instance.main,
        managed_identity=instance.managed_identity,
        control_socket=instance.control_socket,
        certificate_expires=instance.certificate_expires,
        authority=hosts.url(Surface.LOGIN),
        arm_uri=hosts.url(Surface.MANAGEMENT),
        graph_uri=hosts.url(Surface.GRAPH),
        own_hosts=_own_hosts(world, names),
        azure_hosts=list(azure_names(names)),
    )
    return json.response(answer)


def control_target(_world: World, _vault: Vault | None, params: Mapping[str, str]) -> Target:
    """Resolve a path: the instance itself is no resource of any tenant."""
    return Target("", params)


OPERATIONS: tuple[Op, ...] = (
    Op("RunStart", "POST", "/run", Public(), start_run, control_target, body=RunBody, authenticates=True),
    Op("RunEnd", "DELETE", "/run/{run}", Public(), finish_run, control_target, success=204, authenticates=True),
    Op("SigningKeyList", "GET", "/signing-keys", Public(), list_signing_keys, control_target, authenticates=True),
    Op("SigningKeyRevoke", "POST", "/signing-keys/{kid}/revoke", Public(), revoke_signing_key, control_target,
       success=204, authenticates=True),
    Op("StatusGet", "GET", "/status", Public(), status, control_target, authenticates=True),
)  # fmt: skip


def _find_lent(world: World, body: RunBody) -> _Lent:
    """
    Find what a run asks to be lent.

    Raises:
        Conflict: a name means more than one identity or application.
        NotFound: a name means none.
    """
    identity = _find_identity(world, body.identity or DEFAULT_IDENTITY)
    principal = world.view.principal(identity.tenant, identity.principal_id)
    if not isinstance(principal, ServicePrincipal) or not principal.enabled:
        raise NotFound(f"The managed identity '{identity.name}' has no enabled principal.")
    application = _find_application(world, identity.tenant, body.application) if body.service_principal else None
    return _Lent(identity, principal, application)


def _find_identity(world: World, name: str) -> UserAssignedIdentity:
    wanted = name.casefold()
    by_id = wanted.startswith("/")
    every = world.view.all(UserAssignedIdentity)
    found = [one for one in every if (one.scope if by_id else one.name).casefold() == wanted]
    if not found:
        wanted_name = shown(name, RESOURCE_ID if by_id else RESOURCE_NAME)
        known = ", ".join(sorted({one.name for one in every})) or "none"
        raise NotFound(f"There is no managed identity named '{wanted_name}'. There is: {known}.")
    if len(found) > 1:
        raise Conflict(
            f"Several managed identities are named '{name}': {', '.join(sorted(one.scope for one in found))}."
        )
    return found[0]


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
    names = _vault_names(world, tenant)
    credential = run.header.credential
    client = None
    if run.client is not None and lent.application is not None:
        client = RunServicePrincipal(tenant, lent.application.app_id, run.client.text)
    return RunAnswer(
        run_id=run.id,
        identity_endpoint=world.instance.managed_identity + app_service.PATH,
        identity_header=run.header.text,
        client_id=lent.principal.app_id,
        object_id=lent.principal.id,
        tenant_id=tenant,
        subscription_id=lent.identity.subscription,
        vault_name=vault.name if vault is not None else "",
        vault_uri=f"{hosts.url(Surface.VAULT, vault.name)}/" if vault is not None else "",
        authority=hosts.url(Surface.LOGIN),
        azure_hosts=list(azure_names(names)),
        own_hosts=_own_hosts(world, names),
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


def _vault_names(world: World, tenant: str | None) -> tuple[str, ...]:
    """List the names of the vaults that answer now, of one tenant or of all."""
    return tuple(
        sorted(
            vault.name.lower()
            for vault in world.view.vaults()
            if vault.deleted is None and tenant in {None, vault.tenant}
        )
    )


def _own_hosts(world: World, names: tuple[str, ...]) -> list[str]:
    """List the instance's own host names, with the port that its URLs carry."""
    hosts = world.hosts
    surfaces = [hosts.netloc(surface) for surface in (Surface.LOGIN, Surface.MANAGEMENT, Surface.GRAPH)]
    return [*surfaces, *(hosts.netloc(Surface.VAULT, name) for name in names)]
