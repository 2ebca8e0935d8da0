"""What the token service refuses, and what its audit says then, as tests share it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.flow.users import Person
from tests.world import VAULT_AUDIENCE, Answer, Principal, Simulation

SCOPE = f"{VAULT_AUDIENCE}/.default"
ITSELF = "client_credentials"
TYPED = "typed-in-by-somebody"
"""What names nothing: it might be a secret that was put in the wrong place."""
WHO = (
    "tenantId", "grantType", "appId", "objectId", "credentialId", "userId", "userCredentialId", "secondFactorId",
    "sessionId", "assertionTokenId", "tokenId",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """A refusal: its answer, its number, who the entry is to name, and what must not stand in it."""

    answer: Answer
    number: int | None
    names: Mapping[str, str | None]
    hidden: tuple[str, ...] = ()


Make = Callable[[Simulation], Case]


def hold(world: Simulation, case: Case) -> dict[str, Any]:
    """Hold the last entry to name these and nobody else, the address and the reason, and nothing that was sent."""
    entry = world.entries()[-1]
    said: dict[str, Any] = entry["properties"]
    if case.number is not None:
        told = f"AADSTS{case.number}:" in case.answer.body.decode() or said.get("refusal") == f"AADSTS{case.number}"
        assert told, case.answer.body
        assert case.answer.status >= 400 or "refusalReason" in said
    assert {name: said[name] for name in WHO if name in said} == {"tenantId": world.first.tenant_id, **case.names}
    assert entry["callerIpAddress"]
    assert entry["resultDescription"] or said["refusalReason"]
    assert "omitted" not in said
    text = json.dumps(entry)
    assert TYPED not in text
    for secret in case.hidden:
        assert secret
        assert secret not in text
    return said


def named(app: Principal, grant: str = ITSELF, **more: str) -> dict[str, str | None]:
    """Say what an entry has of an application that was named."""
    return {"appId": app.appid, "objectId": app.oid, "grantType": grant, **more}


def shown(world: Simulation, who: Person) -> dict[str, str]:
    """Say what an entry has of a user whose password was right."""
    (password,) = world.view.credentials_of(who.user.id)
    return {"userId": who.user.id, "userCredentialId": password.id}
