"""
Every token that must not open anything, and that nothing of it is believed, repeated or recorded.

Pitfalls.md, "Authorization and tokens": a token without `exp`; `tid`, `iss`, `aud` or algorithm unchecked; `alg: none`;
HS256 with a public key.
"""

from __future__ import annotations

from dataclasses import replace

import jwt
import pytest

from strongroom.core.builtin_roles import KEY_VAULT_ADMINISTRATOR
from strongroom.core.identity import ServicePrincipal
from strongroom.core.network import Bypass, DefaultAction, NetworkAcls
from strongroom.core.records import tenant_partition
from strongroom.directory import client_secrets, signing_keys
from strongroom.directory.principals import require_application
from strongroom.flow import authentication
from strongroom.store import Transaction
from tests.flow.client import VERSION, Client, Tenant, make_tenant
from tests.flow.forge import CASES, EXPIRED, MALFORMED, UNKNOWN_KEY, Forge
from tests.flow.users import allow_passwords, person, sign_in
from tests.world import ARM_AUDIENCE, Answer, Principal, Simulation

pytestmark = pytest.mark.usefixtures("restored")
POWERSHELL = "1950a258-227b-4e31-a9cf-717495945fc2"
"""Another client that acts for users."""


@pytest.fixture(scope="module")
def other(world: Simulation) -> Tenant:
    """Make another tenant in the same service."""
    return make_tenant(world)


@pytest.fixture
def forge(world: Simulation, other: Tenant) -> Forge:
    """Make tokens out of the administrator's."""
    return Forge(world, other.id)


def ask(world: Simulation, token: str | None, **how: str) -> Answer:
    """List the secrets of the first vault with a token."""
    return world.ask("GET", f"{world.vault_url}/secrets?api-version={VERSION}", token=token, **how)  # type: ignore[arg-type]  # passed through


def check_refused(world: Simulation, answer: Answer, message: str, reason: str) -> None:
    """Check that a token is refused as the reference says, and that nobody is recorded as its bearer."""
    assert answer.status == 401
    assert answer.json == {"error": {"code": "Unauthorized", "message": message}}
    assert answer.headers["www-authenticate"] == (
        f'Bearer authorization="https://login.localhost:8443/{world.vault.tenant}",'
        ' resource="https://vault.localhost:8443"'
    )
    entry = world.entries()[-1]
    assert entry["operationName"] == "Authentication"
    assert entry["identity"] == {}
    assert entry["resultDescription"] == message
    assert entry["properties"]["httpStatusCode"] == 401
    assert entry["properties"]["reason"] == reason
    assert reason not in answer.body.decode()


def check_silent(world: Simulation, answer: Answer, *planted: str) -> None:
    """Check that nothing of a token is in the answer or in its entry."""
    told = f"{answer.headers}{answer.body.decode()}{world.entries()[-1]}"
    assert not [text for text in planted if text in told]


def test_the_forge_can_make_a_good_token(world: Simulation, forge: Forge) -> None:
    """What the refused tokens are made of is good: each is refused for what its case says, and for nothing else."""
    assert ask(world, forge.claiming()).status == 200
    assert ask(world, forge.claiming(nbf=int(world.clock()) + 60, exp=int(world.clock()) + 1)).status == 200
    assert ask(world, forge.claiming(aud="HTTPS://vault.azure.net/")).status == 200
    assert ask(world, forge.claiming(aud="cfa8b339-82a2-471a-a3c9-0fc0be7a4093")).status == 200


@pytest.mark.parametrize("case", CASES)
def test_a_bad_token_is_refused(world: Simulation, forge: Forge, case: str) -> None:
    """
    A bad token is 401 with the challenge, in the words for its cause; the reason is for the operator alone.

    SEC-FLOW-3, SEC-FLOW-15, SEC-TOKEN-2, SEC-TOKEN-13, SEC-TOKEN-15: no claim is echoed or recorded as identity.
    """
    answer = ask(world, CASES[case].make(forge))
    check_refused(world, answer, CASES[case].message, CASES[case].reason)
    check_silent(world, answer, forge.planted, world.administrator.oid, world.administrator.appid, forge.claims["uti"])


@pytest.mark.parametrize("case", CASES)
def test_a_bad_token_is_refused_again(world: Simulation, forge: Forge, case: str) -> None:
    """What was once refused is refused the second time too, when its signature may be remembered (SEC-FLOW-15)."""
    token = CASES[case].make(forge)
    assert [ask(world, token).status for _ in range(2)] == [401, 401]


@pytest.mark.parametrize("case", CASES)
def test_a_blocked_address_learns_nothing_about_its_token(world: Simulation, forge: Forge, case: str) -> None:
    """From a blocked address a bad token gets the firewall's 403, without a caller (SEC-FLOW-2, SEC-FLOW-4)."""
    world.set_vault(network_acls=NetworkAcls(DefaultAction.DENY, Bypass.AZURE_SERVICES))
    answer = ask(world, CASES[case].make(forge))
    assert answer.status == 403
    assert answer.error["innererror"] == {"code": "ForbiddenByFirewall"}
    assert "Caller:" not in answer.error["message"]
    assert "www-authenticate" not in answer.headers
    entry = world.entries()[-1]
    assert entry["identity"] == {}
    check_silent(world, answer, forge.planted, world.administrator.oid, world.administrator.appid, forge.claims["uti"])


# ---- the header -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "bEaReR", "Bearer ", "Bearer  "])
def test_the_scheme_has_no_case(world: Simulation, forge: Forge, scheme: str) -> None:
    """`Bearer` may be written in any case, and blanks before the token are none of it (RFC 9110 section 11.1)."""
    assert ask(world, None, headers={"Authorization": f"{scheme} {forge.genuine}"}).status == 200  # type: ignore[arg-type]  # passed through


@pytest.mark.parametrize(
    "header", ["PoP {}", "Basic {}", "{}", "Bearer", "Bearer ", "Bearer    ", "Bearer\t{}", "Bearer:{}", "Token {}", ""]
)
def test_without_a_bearer_token_there_is_none(world: Simulation, forge: Forge, header: str) -> None:
    """Another scheme, or nothing after it, is a request without a token, even with a good token in it."""
    answer = ask(world, None, headers={"Authorization": header.format(forge.genuine)})  # type: ignore[arg-type]  # passed through
    check_refused(world, answer, "AKV10000: Request is missing a Bearer or PoP token.", "no bearer token")
    check_silent(world, answer, world.administrator.oid, forge.genuine)


@pytest.mark.parametrize("header", ["Bearer {0} {0}", "Bearer {0}, Bearer {0}", "Bearer {0},", "Bearer {0};a", '"{0}"'])
def test_a_token_with_something_beside_it_is_none(world: Simulation, forge: Forge, header: str) -> None:
    """Two tokens in one header are no token, even if both are good."""
    answer = ask(world, None, headers={"Authorization": header.format(forge.genuine)})  # type: ignore[arg-type]  # passed through
    assert answer.status == 401
    check_silent(world, answer, world.administrator.oid)


@pytest.mark.parametrize("place", ["?access_token={}", "body", "cookie"])
def test_a_token_elsewhere_is_none(world: Simulation, forge: Forge, place: str) -> None:
    """A token in the query, the body or a cookie is not looked for, and not recorded."""
    url = f"{world.vault_url}/secrets?api-version={VERSION}"
    if place == "cookie":
        answer = world.ask("GET", url, headers={"Cookie": f"access_token={forge.genuine}"})
    elif place == "body":
        answer = world.ask("GET", url, form={"access_token": forge.genuine})
    else:
        answer = world.ask("GET", f"{url}&access_token={forge.genuine}")
    assert answer.status == 401
    check_silent(world, answer, forge.genuine, world.administrator.oid)


# ---- what ends a token that was good --------------------------------------------------------------------------------


@pytest.fixture
def admin(world: Simulation) -> Principal:
    """Make a principal with every right in the vault, for the test to take them from."""
    principal = world.principal()
    world.grant(principal.oid, KEY_VAULT_ADMINISTRATOR, world.vault.scope)
    return principal


def test_a_revoked_signing_key_ends_its_tokens_at_once(world: Simulation, admin: Principal) -> None:
    """
    SEC-TOKEN-3, SEC-FLOW-16: an emergency revocation does not overlap, and no remembered signature survives it.

    The next key signs from that moment, so whoever signs in again goes on.
    """
    token = world.token(admin)
    assert ask(world, token).status == 200
    now, tenant = int(world.clock()), world.first.tenant_id
    kid = signing_keys.signs_now(world.view.signing_keys(tenant), now).id
    world.commit(lambda tx: signing_keys.revoke(tx, tenant, kid, now))
    check_refused(world, ask(world, token), UNKNOWN_KEY, "signing key no longer trusted")
    assert ask(world, world.token(admin)).status == 200
    terms = signing_keys.due(world.view.signing_keys(tenant), now)
    made = [signing_keys.make_signing_key(world.keys, tenant, term, now) for term in terms]
    world.commit(lambda tx: signing_keys.roll_over(tx, tenant, made, now))


def test_a_removed_secret_ends_its_tokens_and_no_others(world: Simulation, admin: Principal) -> None:
    """SEC-FLOW-17: removing one secret ends the tokens that were obtained with it; the other secret's go on."""
    now, tenant = int(world.clock()), world.first.tenant_id

    async def add(tx: Transaction) -> Principal:
        application = await require_application(tx, tenant, admin.application)
        secret = client_secrets.make_client_secret(
            world.keys, application, expires=now + 86_400, now=now, entropy=world.world.entropy
        )
        await client_secrets.add_password(tx, secret.credential)
        return replace(admin, secret=secret.text, key_id=secret.credential.id)

    second = world.commit(add)
    tokens = world.token(admin), world.token(second)
    assert [ask(world, token).status for token in tokens] == [200, 200]
    world.commit(lambda tx: client_secrets.remove_password(tx, tenant, admin.application, admin.key_id))
    check_refused(world, ask(world, tokens[0]), MALFORMED, "credential was removed")
    assert ask(world, tokens[1]).status == 200
    assert ask(world, world.token(second)).status == 200


def test_a_look_up_that_broke_off_found_nobody(
    world: Simulation, admin: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault while a token's principal is looked up leaves no earlier answer to go on with."""
    token = world.token(admin)
    assert ask(world, token).status == 200

    async def disable(tx: Transaction) -> None:
        found = await tx.record(ServicePrincipal, tenant_partition(world.first.tenant_id), admin.oid)
        assert found is not None
        await tx.put(replace(found, enabled=False))

    world.commit(disable)
    with monkeypatch.context() as patch:
        patch.setattr(authentication, "_look_up", None)
        assert ask(world, token).status == 500
    check_refused(world, ask(world, token), MALFORMED, "principal is disabled")


def test_a_disabled_principals_tokens_end_and_come_back(world: Simulation, admin: Principal) -> None:
    """SEC-FLOW-15: the directory is asked on every request, so disabling counts at once, and so does enabling."""
    token, tenant = world.token(admin), world.first.tenant_id

    def enable(*, enabled: bool) -> None:
        async def change(tx: Transaction) -> None:
            found = await tx.record(ServicePrincipal, tenant_partition(tenant), admin.oid)
            assert found is not None
            await tx.put(replace(found, enabled=enabled))

        world.commit(change)

    assert ask(world, token).status == 200
    enable(enabled=False)
    check_refused(world, ask(world, token), MALFORMED, "principal is disabled")
    enable(enabled=True)
    assert ask(world, token).status == 200


def test_a_deleted_principals_tokens_end(world: Simulation, admin: Principal) -> None:
    """A principal that is no longer in the directory has no tokens, though its assignments may still name it."""
    token, tenant = world.token(admin), world.first.tenant_id
    assert ask(world, token).status == 200

    async def remove(tx: Transaction) -> None:
        found = await tx.record(ServicePrincipal, tenant_partition(tenant), admin.oid)
        assert found is not None
        await tx.remove(found)

    world.commit(remove)
    check_refused(world, ask(world, token), MALFORMED, "principal not in the directory")


def test_another_principals_uti_is_none(world: Simulation, forge: Forge) -> None:
    """A token id belongs to the credential of one principal: under another's name it opens nothing."""
    claims = Forge(world, forge.other_tenant).claims
    nobody = world.principal()
    token = forge.claiming(oid=nobody.oid, appid=nobody.appid, uti=claims["uti"])
    check_refused(world, ask(world, token), MALFORMED, "credential was removed")


def test_a_remembered_token_still_expires(world: Simulation, forge: Forge) -> None:
    """SEC-FLOW-15: a remembered signature is no longer life: `exp` is asked on every request."""
    token = forge.claiming(exp=int(world.clock()) + 2)
    assert ask(world, token).status == 200
    world.advance(1)
    assert ask(world, token).status == 200
    world.advance(1)
    check_refused(world, ask(world, token), EXPIRED, "expired")


def test_a_remembered_token_still_begins(world: Simulation, forge: Forge) -> None:
    """SEC-FLOW-15: when the clock is set back, a remembered token is refused again until its `nbf`."""
    # The first signing key is as old as the world, and the clock is not to be set back before that.
    world.advance(1)
    world.advance(1)  # so that going back one second does not go before what the tests before this one made
    token = forge.claiming(nbf=int(world.clock()) + 60)
    assert ask(world, token).status == 200
    world.advance(-1)
    check_refused(world, ask(world, token), MALFORMED, "not yet valid")
    world.advance(1)
    assert ask(world, token).status == 200


def test_a_remembered_token_ends_with_its_key(world: Simulation, admin: Principal) -> None:
    """SEC-TOKEN-3: when the time of a signing key is over, so is every token it signed, with no change of anything."""
    now, tenant = int(world.clock()), world.first.tenant_id
    key = signing_keys.signs_now(world.view.signing_keys(tenant), now)
    token = world.token(admin)
    world.commit(lambda tx: tx.put(replace(key, trusted_until=now + 2)))
    assert ask(world, token).status == 200
    world.advance(2)
    check_refused(world, ask(world, token), UNKNOWN_KEY, "signing key no longer trusted")
    world.commit(lambda tx: tx.put(key))
    assert ask(world, token).status == 200


def test_a_remembered_token_ends_when_its_key_is_removed(world: Simulation, admin: Principal) -> None:
    """SEC-TOKEN-3: a key that was cleaned away vouches for nothing; `identify` refuses and does not fail."""
    key = signing_keys.signs_now(world.view.signing_keys(world.first.tenant_id), int(world.clock()))
    token = world.token(admin)
    assert ask(world, token).status == 200
    world.commit(lambda tx: tx.remove(key))
    check_refused(world, ask(world, token), UNKNOWN_KEY, "signing key no longer trusted")
    world.commit(lambda tx: tx.put(key))
    assert ask(world, token).status == 200


def test_a_remembered_token_is_still_for_one_surface(world: Simulation, admin: Principal) -> None:
    """SEC-FLOW-15: a token that a vault has just accepted is refused by the management plane and the directory."""
    token = world.token(admin)
    assert ask(world, token).status == 200
    for url in (f"{world.arm_url}/subscriptions?api-version=2022-12-01", f"{world.graph_url}/v1.0/users"):
        answer = world.ask("GET", url, token=token)
        assert answer.status == 401
        assert admin.oid not in answer.body.decode()


@pytest.fixture(scope="module")
def users_claims(world: Simulation) -> dict[str, object]:
    """Give the claims of a user's genuine token for Resource Manager."""
    allow_passwords(world)
    token = sign_in(world, person(world), scope=f"{ARM_AUDIENCE}/.default").json["access_token"]
    claims: dict[str, object] = jwt.decode(token, options={"verify_signature": False})
    return claims


@pytest.mark.parametrize("changed", ["oid", "appid", "sid"])
def test_a_users_token_is_of_its_own_family(
    world: Simulation, forge: Forge, users_claims: dict[str, object], changed: str
) -> None:
    """The family is the user's, and the client's that it was begun for; one that is not there is none."""
    url = f"{world.arm_url}/subscriptions?api-version=2022-12-01"
    forge.claims = users_claims
    assert world.ask("GET", url, token=forge.claiming()).status == 200
    another = {"oid": person(world).user.id, "appid": POWERSHELL, "sid": "11111111-1111-4111-8111-111111111111"}
    assert world.ask("GET", url, token=forge.claiming(**{changed: another[changed]})).status == 401
    assert world.entries()[-1]["properties"]["reason"] == "credential was removed"


def test_a_vault_that_moves_to_another_tenant_takes_its_tokens(
    world: Simulation, admin: Principal, other: Tenant
) -> None:
    """After a tenant change the old tenant's tokens are 401, with the new authority in the challenge (section 4.8)."""
    token = world.token(admin)
    assert ask(world, token).status == 200
    world.set_vault(tenant=other.id)
    message = (
        f"AKV10032: Invalid issuer. Expected one of https://sts.windows.net/{other.id}/, found"
        f" https://sts.windows.net/{world.first.tenant_id}/."
    )
    check_refused(world, ask(world, token), message, "issuer of another tenant")


def test_before_the_directory_is_loaded_nothing_is_allowed(world: Simulation, admin: Principal) -> None:
    """Pitfalls.md: "fails open until configuration is first loaded": a view without anything in it answers 503."""
    client, full = Client(world, admin), world.world.view
    token = client.token
    world.world.view = type(full)()
    try:
        assert client.ask("GET", "/secrets", token=token).status == 503
        assert world.ask("GET", f"{world.vault_url}/secrets?api-version={VERSION}").status == 503
    finally:
        world.world.view = full
    assert client.ask("GET", "/secrets", token=token).status == 200
