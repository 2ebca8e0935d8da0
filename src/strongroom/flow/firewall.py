"""
The firewall: whether a connection may speak to a vault, judged before anyone knows whose it is.

`judge` is the rule of `core.firewall` on the vault's settings and surroundings; `admit` turns it into an admission or a
refusal, and asks who calls where the rule leaves it open. The refusal names the caller only if its token verified
(security.md "The flow").
"""

from __future__ import annotations

from typing import assert_never

from strongroom.core.denials import firewall_denial, first_party_denial
from strongroom.core.errors import Forbidden, knowing
from strongroom.core.firewall import subscription_of
from strongroom.core.identity import Caller, Unidentified
from strongroom.core.network import Admission, Connection, Passage, Verdict
from strongroom.core.networks import DeploymentFlag
from strongroom.core.trusted_services import label_of
from strongroom.core.vaults import Vault
from strongroom.flow.world import World

NO_FIREWALL = Verdict(Passage.ADMITTED, "none")
"""The verdict where there is nothing to guard: the management plane and the token service are never filtered."""


def judge(world: World, vault: Vault | None, connection: Connection) -> Verdict:
    """Judge a connection by the vault's rules."""
    if vault is None:
        return NO_FIREWALL
    return world.view.firewall(vault).judge(connection)


def admit(
    world: World,
    verdict: Verdict,
    identity: Caller | Unidentified,
    vault: Vault | None,
    connection: Connection,
    operation: str,
) -> Admission:
    """
    Let a request through, or refuse it; *operation* is the name of what is asked for.

    A trusted service is a service principal that the operator made one for this operation: it passes a rule that says
    so, and needs token and permission as ever. An application id alone never is one.

    Raises:
        Forbidden: `ForbiddenByFirewall` or `ForbiddenByConnection`; `AccessDenied`, if the caller is a trusted service
            and the vault has not the setting that its scenario needs.
    """
    if verdict.passage is Passage.ADMITTED or vault is None:
        kind = "privateEndpoint" if verdict.endpoint else "perimeter" if verdict.by_perimeter else "address"
        return Admission(kind, verdict.rule)
    caller = identity if isinstance(identity, Caller) else None
    admission = _for_its_caller(world, verdict, caller, vault, operation) if caller is not None else None
    if admission is not None:
        return admission
    raise Forbidden(
        firewall_denial(verdict, vault, connection.address, caller),
        inner="ForbiddenByConnection" if verdict.by_connection else "ForbiddenByFirewall",
        reason=f"address blocked by {verdict.rule}",
    )


def _for_its_caller(world: World, verdict: Verdict, caller: Caller, vault: Vault, operation: str) -> Admission | None:
    """Let a request through for who asks, if the verdict leaves that open; None if it does not, or not for this one."""
    if verdict.passage is Passage.ONLY_FROM_SUBSCRIPTIONS:
        subscription = subscription_of(caller)
        return (
            Admission("perimeter", f"perimeterRule {subscription}") if subscription in verdict.subscriptions else None
        )
    if verdict.passage is not Passage.ONLY_IF_TRUSTED:
        return None
    trusted = world.view.trusted_service(caller.tenant, caller.oid)
    if trusted is None or operation not in trusted.operations:
        return None
    if trusted.flag is not None and not _has_flag(vault, trusted.flag):
        with knowing(trustedService=trusted.service):
            raise Forbidden(
                first_party_denial(caller, label_of(trusted.service), vault),
                inner="AccessDenied",
                reason=f"{trusted.flag.value} is not set",
            )
    return Admission("trustedService", "bypass AzureServices", trusted.service)


def _has_flag(vault: Vault, flag: DeploymentFlag) -> bool:
    match flag:
        case DeploymentFlag.DEPLOYMENT:
            return vault.enabled_for_deployment
        case DeploymentFlag.DISK_ENCRYPTION:
            return bool(vault.enabled_for_disk_encryption)
        case DeploymentFlag.TEMPLATE_DEPLOYMENT:
            return bool(vault.enabled_for_template_deployment)
        case _:
            assert_never(flag)
