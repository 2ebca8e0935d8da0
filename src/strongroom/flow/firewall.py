"""
The firewall: whether an address may speak to a vault, judged before anyone knows whose address it is.

`judge` is the rule of `core.firewall` on the vault's settings; `admit` turns it into an admission or a refusal. The
refusal names the caller only if its token verified (security.md "The flow").
"""

from __future__ import annotations

from strongroom.core.denials import firewall_denial
from strongroom.core.errors import Forbidden
from strongroom.core.identity import Caller, Unidentified
from strongroom.core.network import Admission, Connection, Passage, Verdict
from strongroom.core.vaults import Vault
from strongroom.flow.world import World

NO_FIREWALL = Verdict(Passage.ADMITTED, "none")
"""The verdict where there is nothing to guard: the management plane and the token service are never filtered."""


def judge(world: World, vault: Vault | None, connection: Connection) -> Verdict:
    """Judge a connection's address by the vault's rules."""
    if vault is None:
        return NO_FIREWALL
    return world.view.firewall(vault).judge(connection)


def admit(verdict: Verdict, identity: Caller | Unidentified, vault: Vault | None, connection: Connection) -> Admission:
    """
    Let a request through, or refuse it.

    A trusted service passes a rule that says so; no principal is one until an operator makes it so, which is a later
    capability, so `ONLY_IF_TRUSTED` refuses today.

    Raises:
        Forbidden: `ForbiddenByFirewall` or `ForbiddenByConnection`.
    """
    if verdict.passage is Passage.ADMITTED or vault is None:
        return Admission("address", verdict.rule)
    caller = identity if isinstance(identity, Caller) else None
    raise Forbidden(
        firewall_denial(verdict, vault, connection.address, caller),
        inner="ForbiddenByConnection" if verdict.by_connection else "ForbiddenByFirewall",
        reason=f"address blocked by {verdict.rule}",
    )
