"""
Every way of getting a token, times every way of ending it: the next request is refused, and nobody else's.

Each way of getting one has tests of its own beside what it is about; here is the whole table, so that a way which is
added is asked the same. What it takes in time is measured by the benchmark, and not tested.
"""

from __future__ import annotations

from collections.abc import Callable

import jwt
import pytest

from strongroom.sts.grants import GRANTS
from strongroom.sts.grants.device_code import DEVICE_CODE_V1
from tests.flow import holders
from tests.flow.arm import Arm
from tests.flow.graph import Graph
from tests.flow.holders import Holder
from tests.flow.policies import VAULT, Policies, challenged, policies
from tests.flow.test_federation import control
from tests.world import Answer, Principal, Simulation

__all__ = ["policies"]

WAYS: dict[str, Callable[[Simulation], Holder]] = {
    "secret": holders.by_secret,
    "certificate": holders.by_certificate,
    "federation": holders.by_federation,
    "issuer": holders.by_outside_issuer,
    "password": holders.by_password,
    "refresh token": holders.by_refresh_token,
    "device code": holders.by_device_code,
    "second factor": holders.by_second_factor,
    "code": holders.by_code,
    "on behalf of": holders.by_on_behalf_of,
    "run": holders.by_run,
    "identity map": holders.by_identity_map,
}
APPLICATIONS = ("secret", "certificate", "federation", "issuer")
USERS = ("password", "refresh token", "device code", "second factor", "code", "on behalf of")
IDENTITIES = ("run", "identity map")


# ---- ways of ending it ----------------------------------------------------------------------------------------------


def credential_removed(_world: Simulation, holder: Holder) -> None:
    """Remove what was shown: secret, certificate, federated credential, issuer, run, map."""
    assert holder.remove is not None
    holder.remove()


def principal_disabled(world: Simulation, holder: Holder) -> None:
    """Disable the user or service principal."""
    kind = "users" if holder.user is not None else "servicePrincipals"
    Graph(world).do("PATCH", f"{kind}/{holder.oid}", {"accountEnabled": False})


def principal_deleted(world: Simulation, holder: Holder) -> None:
    """Delete the user or service principal."""
    kind = "users" if holder.user is not None else "servicePrincipals"
    Graph(world).do("DELETE", f"{kind}/{holder.oid}")


def identity_deleted(_world: Simulation, holder: Holder) -> None:
    """Delete the managed identity on the management plane."""
    assert holder.delete is not None
    holder.delete()


def sessions_revoked(world: Simulation, holder: Holder) -> None:
    """Sign the user out of everything."""
    assert Graph(world).ask("POST", f"users/{holder.oid}/revokeSignInSessions").status == 200


def password_reset(world: Simulation, holder: Holder) -> None:
    """Give the user another password."""
    profile = {"password": "An-invented-password-2", "forceChangePasswordNextSignIn": False}
    Graph(world).do("PATCH", f"users/{holder.oid}", {"passwordProfile": profile})


def factor_removed(world: Simulation, holder: Holder) -> None:
    """Remove the second factor that was shown; the user has another one."""
    Graph(world).do("DELETE", f"users/{holder.oid}/authentication/softwareOathMethods/{holder.factor}")


def client_secret_removed(world: Simulation, holder: Holder) -> None:
    """Remove the secret of the application that has the user's token."""
    _remove_secret(world, _known(holder.app))


def client_disabled(world: Simulation, holder: Holder) -> None:
    """Disable that application's principal."""
    Graph(world).do("PATCH", f"servicePrincipals/{_known(holder.app).oid}", {"accountEnabled": False})


def application_deleted(world: Simulation, holder: Holder) -> None:
    """Delete the application that has the token."""
    Graph(world).do("DELETE", f"applications/{_known(holder.app).application}")


def caller_secret_removed(world: Simulation, holder: Holder) -> None:
    """Remove the secret of the application that called the one that has the token."""
    _remove_secret(world, _known(holder.caller))


def caller_disabled(world: Simulation, holder: Holder) -> None:
    """Disable that application's principal."""
    Graph(world).do("PATCH", f"servicePrincipals/{_known(holder.caller).oid}", {"accountEnabled": False})


def caller_deleted(world: Simulation, holder: Holder) -> None:
    """Delete that application."""
    Graph(world).do("DELETE", f"applications/{_known(holder.caller).application}")


ENDS: dict[Callable[[Simulation, Holder], None], tuple[str, ...]] = {
    credential_removed: APPLICATIONS + IDENTITIES,
    principal_disabled: APPLICATIONS + USERS + IDENTITIES,
    principal_deleted: APPLICATIONS + USERS,
    identity_deleted: IDENTITIES,
    sessions_revoked: USERS,
    password_reset: USERS,
    factor_removed: ("second factor",),
    client_secret_removed: ("code", "on behalf of"),
    client_disabled: ("code", "on behalf of"),
    application_deleted: (*APPLICATIONS, "code", "on behalf of"),
    caller_secret_removed: ("on behalf of",),
    caller_disabled: ("on behalf of",),
    caller_deleted: ("on behalf of",),
}
TABLE = [(way, end) for end, ways in ENDS.items() for way in ways]


@pytest.mark.parametrize(("way", "end"), TABLE, ids=[f"{way}-{end.__name__}" for way, end in TABLE])
def test_the_next_request_is_refused(world: Simulation, way: str, end: Callable[[Simulation, Holder], None]) -> None:
    """SEC-FLOW-17: with the token, and with what would get another one; who got one in the same way goes on."""
    holder, bystander = WAYS[way](world), WAYS[way](world)
    assert [read(world, one).status for one in (holder, bystander, holder)] == [200, 200, 200]
    end(world, holder)
    assert read(world, holder).status == 401
    again = holder.again()
    assert 400 <= again.status < 500, again.body
    assert "access_token" not in again.json
    assert read(world, bystander).status == 200
    assert bystander.again().status == 200


def test_every_grant_is_in_the_table(world: Simulation) -> None:
    """A grant that is added has a row here; the older version's device code is the same one by another name."""
    before = len(world.entries())
    for way in WAYS.values():
        way(world)
    issued = [entry for entry in world.entries()[before:] if entry["operationName"] == "TokenIssue"]
    asked = {entry["properties"]["grantType"] for entry in issued}
    assert set(GRANTS) - asked == {DEVICE_CODE_V1.name}


@pytest.mark.parametrize("way", WAYS)
def test_a_revoked_signing_key_ends_every_one(world: Simulation, way: str) -> None:
    """SEC-TOKEN-3: its token is refused at once, and what it was got with gets another by the next key."""
    holder = WAYS[way](world)
    assert read(world, holder).status == 200
    kid = jwt.get_unverified_header(holder.token)["kid"]
    assert control(world, "POST", f"/signing-keys/{kid}/revoke").status == 204
    assert read(world, holder).status == 401
    if way == "on behalf of":
        # What the API was called with is a token too, by the same key.
        assert holder.again().status == 400
    else:
        token = holder.again().json["access_token"]
        assert jwt.get_unverified_header(token)["kid"] != kid
        assert read(world, holder, token).status == 200


@pytest.mark.parametrize("way", WAYS)
def test_a_right_that_was_taken_away_ends_for_every_one(world: Simulation, way: str) -> None:
    """The caller is known still, and may not: 403; the next request is decided anew."""
    holder, bystander = WAYS[way](world), WAYS[way](world)
    assert [read(world, one).status for one in (holder, bystander)] == [200, 200]
    Arm(world, world.administrator).do("DELETE", holder.assignment.arm_id)
    assert read(world, holder).status == 403
    assert read(world, bystander).status == 200


@pytest.mark.parametrize("way", [*APPLICATIONS, *USERS])
def test_a_policy_that_blocks_ends_it_for_clients_that_understand(
    world: Simulation, policies: Policies, way: str
) -> None:
    """SEC-ACCESS-8: the next request gets a claims challenge, and what answers it is refused."""
    holder, bystander = WAYS[way](world), WAYS[way](world)
    assert [read(world, one).status for one in (holder, bystander)] == [200, 200]
    applications = {"includeApplications": [VAULT]}
    if holder.user is not None:
        policies.about(holder.user, "block", applications=applications)
    else:
        who = {"includeServicePrincipals": [holder.oid]}
        policies.add("block", clientApplications=who, applications=applications)
    assert challenged(read(world, holder)) is not None
    assert holder.again().json["error_codes"] == [53003]
    assert read(world, bystander).status == 200


def read(world: Simulation, holder: Holder, token: str | None = None) -> Answer:
    """List the first vault's secrets."""
    return world.ask("GET", f"{world.vault_url}/secrets?api-version=7.4", token=token or holder.token)


def _known(app: Principal | None) -> Principal:
    assert app is not None
    return app


def _remove_secret(world: Simulation, app: Principal) -> None:
    Graph(world).do("POST", f"applications/{app.application}/removePassword", {"keyId": app.key_id})
