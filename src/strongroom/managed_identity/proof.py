"""
Who asks: the secret of one run, in a header, a path or a key file; each way gives the identities that it opens.

A secret that is wrong opens nothing, whatever else the connection would prove.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from strongroom.core.identity import Credential, ServicePrincipal
from strongroom.crypto.secret_texts import WrongSecret
from strongroom.directory.runs import require_run, run_credential_id
from strongroom.flow.world import World


@dataclass(frozen=True, slots=True)
class Lent:
    """An identity that may be asked for, and the credential that its tokens are bound to."""

    principal: ServicePrincipal
    credential: Credential


@dataclass(frozen=True, slots=True)
class Proof:
    """
    How a caller was proved, and what that opens: evidence.

    `way` is for the journal: `header`, `path`, `key file`. `lent` has no identity that is gone or disabled.
    """

    way: str
    lent: tuple[Lent, ...]
    run: str = ""
    """The run whose secret it was, if it was one."""


def by_secret(world: World, secret: str, way: str, now: int) -> Proof | None:
    """Find the run that a secret belongs to, with equal work if there is none; None if it is missing, wrong or over."""
    found = world.view.credential(run_credential_id(world.keys, secret))
    try:
        credential = require_run(world.keys, found, secret, now)
    except WrongSecret:
        return None
    return Proof(way, _enabled(world, (credential,)), run=credential.id)


def _enabled(world: World, credentials: Sequence[Credential]) -> tuple[Lent, ...]:
    """Leave out the credentials whose identity is gone or disabled."""
    lent = []
    for credential in credentials:
        principal = world.view.principal(credential.tenant, credential.owner)
        if isinstance(principal, ServicePrincipal) and principal.enabled:
            lent.append(Lent(principal, credential))
    return tuple(lent)
