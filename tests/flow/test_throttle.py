"""How much one source may ask without proving who it is, and how much one vault answers."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from strongroom.config import Settings
from strongroom.core.errors import Throttled
from strongroom.core.keys import KeyType
from strongroom.core.network import Bypass, DefaultAction, Link, NetworkAcls
from strongroom.core.service_limits import BY_KEY, REQUESTS, WINDOW_S, Charge, key_creation, key_use
from strongroom.crypto.keys.protocol import KeyProtections
from strongroom.flow import throttle
from strongroom.flow.settings import FlowSettings
from strongroom.flow.throttle import Throttle
from strongroom.vault.key_operations import KEY_ROWS
from tests.assertions import ec_key
from tests.flow import attesting
from tests.flow.arm import Arm
from tests.flow.attesting import Authority, StandIn
from tests.flow.client import VERSION, Client, make_vault
from tests.flow.test_key_byok import blob, pkcs8, wrapped
from tests.flow.vault_certificates import POLICY
from tests.plugins.canary import plant
from tests.world import PUBLIC_ADDRESS, Answer, Simulation

ALLOWANCE = 4
ELSEWHERE = "198.51.100.9"

Knock = Callable[[Simulation, str], Answer]
KNOCKS: dict[str, Knock] = {
    "no token": lambda world, _: world.ask("GET", f"{world.vault_url}/secrets?api-version={VERSION}"),
    "bad token": lambda world, token: world.ask(
        "GET", f"{world.vault_url}/secrets?api-version={VERSION}", token=f"{token}x"
    ),
    "unknown path": lambda world, _: world.ask("GET", f"{world.vault_url}/nothing"),
    "unknown path with a bad token": lambda world, token: world.ask(
        "GET", f"{world.vault_url}/nothing", token=f"{token}x"
    ),
    "unknown vault": lambda world, _: world.ask("GET", "https://nobody.vault.localhost:8443/secrets"),
    "unknown host": lambda world, _: world.ask("GET", "https://nobody.example/secrets"),
    "wrong secret": lambda world, _: world.ask(
        "POST",
        f"{world.login_url}/{world.first.tenant_id}/oauth2/v2.0/token",
        form={"grant_type": "client_credentials", "client_id": "x", "client_secret": "y", "scope": "z/.default"},
    ),
    "a public document": lambda world, _: world.ask("GET", f"{world.vault_url}/healthstatus"),
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Simulation]:
    """Make a world in which four anonymous requests in ten seconds are all that a source has."""
    simulation = Simulation(tmp_path, Settings(data=tmp_path, flow=FlowSettings(anonymous_per_source=ALLOWANCE)))
    yield simulation
    simulation.close()


@pytest.mark.parametrize("how", KNOCKS)
def test_a_source_has_an_allowance_of_anonymous_requests(world: Simulation, how: str) -> None:
    """
    SEC-FLOW-5: what proves nobody counts against its source, and beyond the allowance is 429 with `Retry-After`.

    That holds for a bad token too: it has to be judged before it can be told from a good one, and then it is no better
    than none.
    """
    knock, token = KNOCKS[how], world.token(world.administrator)
    first = [knock(world, token).status for _ in range(ALLOWANCE)]
    assert 429 not in first
    assert len(set(first)) == 1
    refused = knock(world, token)
    assert refused.status == 429
    assert 1 <= int(refused.headers["retry-after"]) <= WINDOW_S
    assert world.entries()[-1]["properties"]["httpStatusCode"] == 429


def test_sources_are_bounded_and_the_one_seen_longest_ago_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """SEC-FLOW-5: more sources than are counted at once fill no memory, and take nothing off those seen last."""
    monkeypatch.setattr(throttle, "_SOURCES", 2)
    counted = Throttle(anonymous_per_source=1)
    for source in ("a", "b", "a", "c"):
        counted.count_anonymous(source, 0.0)
    counted.admit_source("b", 0.0)
    for source in ("a", "c"):
        with pytest.raises(Throttled):
            counted.admit_source(source, 0.0)


def test_a_request_from_before_brings_no_window_back() -> None:
    """SEC-FLOW-5: what was long under way counts in the present window, and empties none, of sources or of vaults."""
    throttle = Throttle(anonymous_per_source=1, service_limits=True)
    now = float(10 * WINDOW_S)
    throttle.count_anonymous("a", now)
    for _ in range(REQUESTS["create"].most):
        throttle.charge("v", REQUESTS["create"], now)
    throttle.count_anonymous("b", now - 1)
    for at in (now - 1, now):
        for source in "ab":
            with pytest.raises(Throttled):
                throttle.admit_source(source, at)
        with pytest.raises(Throttled):
            throttle.charge("v", REQUESTS["create"], at)


def test_the_refusal_is_in_the_surfaces_dialect(world: Simulation) -> None:
    """A vault says `Throttled`, as the real one does; nothing is said about what was asked for."""
    for _ in range(ALLOWANCE):
        KNOCKS["no token"](world, "")
    refused = KNOCKS["no token"](world, "")
    assert refused.error == {
        "code": "Throttled",
        "message": "Too many requests without a valid token came from this address.",
    }
    assert "www-authenticate" not in refused.headers


def test_a_valid_token_is_never_refused_for_it(world: Simulation) -> None:
    """SEC-FLOW-5: behind an address whose allowance is used up, good tokens are answered, new ones too."""
    vault, other = Client(world), Client(world)
    known, new = vault.token, other.token
    assert vault.ask("GET", "/secrets").status == 200
    for _ in range(ALLOWANCE + 1):
        KNOCKS["no token"](world, "")
    for token in (known, new):
        for _ in range(2 * ALLOWANCE):
            assert vault.ask("GET", "/secrets", token=token).status == 200


def test_a_valid_token_uses_nothing_up(world: Simulation) -> None:
    """Calls that end authenticated do not count, whether they are allowed, refused for want of a right, or blocked."""
    vault, nobody = Client(world), Client(world, world.principal())
    tokens = vault.token, nobody.token
    for _ in range(ALLOWANCE + 1):
        assert vault.ask("GET", "/secrets", token=tokens[0]).status == 200
        assert nobody.ask("GET", "/secrets", token=tokens[1]).status == 403
    world.set_vault(network_acls=NetworkAcls(DefaultAction.DENY, Bypass.NONE))
    for _ in range(ALLOWANCE + 1):
        assert vault.ask("GET", "/secrets", token=tokens[0]).status == 403
    assert KNOCKS["no token"](world, "").status == 401


def test_a_token_that_is_issued_uses_nothing_up(world: Simulation) -> None:
    """Signing in with the right secret proves who asks."""
    for _ in range(ALLOWANCE + 1):
        world.token(world.administrator)
    assert KNOCKS["no token"](world, "").status == 401


def test_each_source_has_its_own(world: Simulation) -> None:
    """SEC-FLOW-5, SEC-FLOW-9: one address cannot use up another's, and one address is one, however it is written."""
    url = f"{world.vault_url}/secrets?api-version={VERSION}"
    for _ in range(ALLOWANCE):
        assert world.ask("GET", url, peer=ELSEWHERE).status == 401
    assert world.ask("GET", url, peer=f"::ffff:{ELSEWHERE}").status == 429
    assert world.ask("GET", url, peer=PUBLIC_ADDRESS).status == 401


@pytest.mark.parametrize(("peer", "status"), [("2001:db8:0:1:ffff::9", 429), ("2001:db8:0:2::1", 401)])
def test_a_network_is_one_source(world: Simulation, peer: str, status: int) -> None:
    """SEC-FLOW-5, SEC-FLOW-9: the addresses of an IPv6 /64 have one allowance, and the next network has its own."""
    url = f"{world.vault_url}/secrets?api-version={VERSION}"
    for number in range(ALLOWANCE):
        assert world.ask("GET", url, peer=f"2001:db8:0:1::{number + 1}").status == 401
    assert world.ask("GET", url, peer=peer).status == status


def test_a_forwarding_header_is_no_source(world: Simulation) -> None:
    """SEC-FLOW-10: no proxy is trusted, so a header neither gives a new allowance nor uses up another's."""
    url = f"{world.vault_url}/secrets?api-version={VERSION}"
    headers = {"X-Forwarded-For": ELSEWHERE, "Forwarded": f"for={ELSEWHERE}", "X-Real-IP": ELSEWHERE}
    for _ in range(ALLOWANCE):
        assert world.ask("GET", url, headers=headers).status == 401
        assert world.entries()[-1]["callerIpAddress"] == PUBLIC_ADDRESS
    assert world.ask("GET", url, headers=headers).status == 429
    assert world.ask("GET", url, peer=ELSEWHERE).status == 401


def test_the_allowance_comes_back(world: Simulation) -> None:
    """After the seconds that `Retry-After` says there is a new allowance."""
    for _ in range(ALLOWANCE):
        KNOCKS["no token"](world, "")
    refused = KNOCKS["no token"](world, "")
    world.advance(int(refused.headers["retry-after"]))
    assert KNOCKS["no token"](world, "").status == 401


# ---- who proves itself by a secret ----------------------------------------------------------------------------------

LOOPBACK = "127.0.0.1"


def _sign_in(world: Simulation, secret: str | None = None, scope: str = "https://vault.azure.net") -> Answer:
    """Ask for a token from the loopback address, with the right secret unless the test gives another."""
    admin = world.administrator
    form = {
        "grant_type": "client_credentials",
        "client_id": admin.appid,
        "client_secret": secret or admin.secret,
        "scope": f"{scope}/.default",
    }
    url = f"{world.login_url}/{world.first.tenant_id}/oauth2/v2.0/token"
    return world.ask("POST", url, form=form, peer=LOOPBACK)


def _ask_identity(world: Simulation, header: str) -> Answer:
    """Ask for a managed identity's token with a header secret."""
    url = "http://127.0.0.1:40342/msi/token?api-version=2019-08-01&resource=https://vault.azure.net"
    return world.ask("GET", url, headers={"X-IDENTITY-HEADER": header}, peer=LOOPBACK, link=Link.MANAGED_IDENTITY)


def _use_up_loopback(world: Simulation) -> None:
    """Let somebody else on this machine use up the allowance of its loopback address, and more."""
    url = f"{world.vault_url}/secrets?api-version={VERSION}"
    answers = [world.ask("GET", url, peer=LOOPBACK).status for _ in range(2 * ALLOWANCE)]
    assert answers == [401] * ALLOWANCE + [429] * ALLOWANCE


def test_a_right_client_secret_is_never_refused_for_it(world: Simulation) -> None:
    """SEC-FLOW-5: behind an address whose allowance is used up, a client with its secret gets its tokens."""
    _use_up_loopback(world)
    assert [_sign_in(world).status for _ in range(2 * ALLOWANCE)] == [200] * (2 * ALLOWANCE)


def test_a_right_header_secret_is_never_refused_for_it(world: Simulation) -> None:
    """SEC-FLOW-5: another user of the machine cannot take a run's managed identity away."""
    run = world.ask("POST", "http://control/run", body={}, link=Link.CONTROL, host="control").json
    _use_up_loopback(world)
    assert [_ask_identity(world, run["identityHeader"]).status for _ in range(2 * ALLOWANCE)] == [200] * (2 * ALLOWANCE)


def test_a_proved_clients_own_mistake_is_told(world: Simulation) -> None:
    """Whoever showed the right secret hears what else is wrong, and that uses nothing of the allowance up."""
    for _ in range(ALLOWANCE + 1):
        assert _sign_in(world, scope="https://storage.azure.com").json["error_codes"] == [500011]
    _use_up_loopback(world)
    assert _sign_in(world, scope="https://storage.azure.com").json["error_codes"] == [500011]


def test_a_wrong_secret_gets_429_in_place_of_its_refusal(world: Simulation) -> None:
    """SEC-FLOW-5: it is judged, fails, and then is told what anybody is told; it counts like anybody's request."""
    for _ in range(ALLOWANCE - 1):
        assert _sign_in(world, secret=plant()).status == 401
    assert _ask_identity(world, plant()).status == 401
    for refused in (_sign_in(world, secret=plant()), _ask_identity(world, plant())):
        assert refused.status == 429
        assert 1 <= int(refused.headers["retry-after"]) <= WINDOW_S


# ---- a vault's own limits -------------------------------------------------------------------------------------------


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Simulation]:
    """Make a world with Azure's limits for each vault."""
    simulation = Simulation(tmp_path, Settings(data=tmp_path, flow=FlowSettings(service_limits=True)))
    yield simulation
    simulation.close()


def _use_up(world: Simulation, kind: str) -> None:
    """Have a vault answer all but one of the requests it answers in ten seconds."""
    _use_all_but_one(world, REQUESTS[kind])


def _use_all_but_one(world: Simulation, charge: Charge) -> None:
    """Have a vault answer as many requests that are charged so as leave room for one."""
    for _ in range(charge.most // charge.cost - 1):
        world.world.throttle.charge(world.vault.id, charge, world.clock())


def test_a_vault_answers_so_much_and_no_more(limited: Simulation) -> None:
    """With service limits on, a vault's 4001st request in ten seconds is 429 in the reference's words (section 6)."""
    vault = Client(limited)
    token = vault.token
    _use_up(limited, "other")
    assert vault.ask("GET", "/secrets", token=token).status == 200
    refused = vault.ask("GET", "/secrets", token=token)
    assert refused.status == 429
    assert refused.error == {
        "code": "Throttled",
        "message": (
            "Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached"
        ),
    }
    assert refused.headers["retry-after"]
    entry = limited.entries()[-1]
    assert entry["operationName"] == "SecretList"
    assert entry["identity"]["claim"]["oid"] == limited.administrator.oid


def test_setting_secrets_has_a_limit_of_its_own(limited: Simulation, name: str) -> None:
    """The 301st new version in ten seconds is refused, and reads go on."""
    vault = Client(limited)
    token = vault.token
    _use_up(limited, "create")
    body = {"value": plant()}
    assert vault.ask("PUT", f"/secrets/{name}", token=token, body=body).status == 200
    assert vault.ask("PUT", f"/secrets/{name}", token=token, body=body).status == 429
    assert len(vault.walk(f"/secrets/{name}/versions")) == 1


def test_a_key_that_is_no_key_is_counted(limited: Simulation, name: str) -> None:
    """To find out that an imported key is wrong takes as long as to import one that is right."""
    vault = Client(limited)
    token = vault.token
    _use_all_but_one(limited, REQUESTS["create"])
    number = base64.urlsafe_b64encode(b"\xff" * 256).decode()
    body = {"key": {"kty": "RSA", "n": number, "e": "AQAB", "d": number}}
    assert [vault.ask("PUT", f"/keys/{name}", token=token, body=body).status for _ in range(2)] == [400, 429]


def test_each_vault_has_its_own_limits(limited: Simulation) -> None:
    """One vault's load refuses nobody in another."""
    first = limited.first
    other = make_vault(limited, first.tenant_id, first.subscription_id, first.object_id)
    vault, elsewhere = Client(limited), Client(limited, origin=f"https://{other.name}.vault.localhost:8443")
    _use_up(limited, "other")
    assert [vault.ask("GET", "/secrets").status for _ in range(2)] == [200, 429]
    assert elsewhere.ask("GET", "/secrets").status == 200


def test_what_is_refused_is_not_counted(limited: Simulation) -> None:
    """429s and refusals before them use up nothing, and the next ten seconds are new (section 6)."""
    vault, nobody = Client(limited), Client(limited, limited.principal())
    _use_up(limited, "other")
    assert [nobody.ask("GET", "/secrets").status for _ in range(3)] == [403] * 3
    assert [vault.ask("GET", "/secrets").status for _ in range(3)] == [200, 429, 429]
    limited.advance(WINDOW_S)
    assert vault.ask("GET", "/secrets").status == 200


def test_without_service_limits_there_are_none(world: Simulation) -> None:
    """Azure's limits are Azure's: here they apply only where an operator turns them on."""
    vault = Client(world)
    _use_up(world, "other")
    assert [vault.ask("GET", "/secrets").status for _ in range(3)] == [200] * 3


# ---- keys -----------------------------------------------------------------------------------------------------------

TABLE: dict[KeyType, dict[int | None, int]] = {
    KeyType.RSA: {2048: 4000, 3072: 1000, 4096: 500},
    KeyType.RSA_HSM: {2048: 2000, 3072: 500, 4096: 250},
    KeyType.EC: {None: 4000},
    KeyType.EC_HSM: {None: 2000},
    KeyType.OCT: {128: 4000, 256: 4000},
    KeyType.OCT_HSM: {128: 2000, 256: 2000},
}
"""Uses in ten seconds by type and size (section 6; oct keys, which it does not have, as the cheapest others)."""


@pytest.mark.parametrize("key_type", TABLE)
def test_each_type_of_key_has_its_limit(key_type: KeyType) -> None:
    """As many uses as the table has are answered, and one more is not."""
    for bits, most in TABLE[key_type].items():
        throttle = Throttle(anonymous_per_source=1, service_limits=True)
        for _ in range(most):
            throttle.charge("v", key_use(key_type, bits), 0.0)
        with pytest.raises(Throttled):
            throttle.charge("v", key_use(key_type, bits), 0.0)


def test_keys_share_a_limit_by_weight() -> None:
    """A use of an RSA-4096-HSM key costs as much as 8 of an RSA-2048-HSM key, and keys in software have their own."""
    throttle = Throttle(anonymous_per_source=1, service_limits=True)
    large, small = key_use(KeyType.RSA_HSM, 4096), key_use(KeyType.RSA_HSM, 2048)
    for _ in range(249):
        throttle.charge("v", large, 0.0)
    for _ in range(8):
        throttle.charge("v", small, 0.0)
    for one in (large, small, key_use(KeyType.EC_HSM, None)):
        with pytest.raises(Throttled):
            throttle.charge("v", one, 0.0)
    throttle.charge("v", key_use(KeyType.RSA, 4096), 0.0)
    throttle.charge("v", key_creation(KeyType.RSA_HSM), 0.0)


EC_KEY = {"kty": "EC", "crv": "P-256"}
MAKERS: dict[str, tuple[str, str, object]] = {
    "create": ("POST", "/create", EC_KEY),
    "rotate": ("POST", "/rotate", None),
}


@pytest.mark.parametrize("how", MAKERS)
def test_making_keys_has_a_limit_of_its_own(limited: Simulation, name: str, how: str) -> None:
    """The 21st key of software in ten seconds is refused whichever way it comes, is not there, and use goes on."""
    vault = Client(limited)
    made = vault.done("POST", f"/keys/{name}/create", body=EC_KEY)
    limited.advance(WINDOW_S)
    _use_all_but_one(limited, key_creation(KeyType.EC))
    method, end, body = MAKERS[how]
    answers = [vault.ask(method, f"/keys/{name}{end}", body=body).status for _ in range(2)]
    assert answers == [200, 429]
    assert len(vault.walk(f"/keys/{name}/versions")) == 2
    path = made["key"]["kid"].removeprefix(limited.vault_url)
    assert vault.ask("POST", f"{path}/sign", body={"alg": "ES256", "value": "A" * 43}).status == 200


def test_a_certificate_is_charged_as_the_key_that_is_made_for_it(limited: Simulation, name: str) -> None:
    """It is no other way to more keys than a vault makes in ten seconds."""
    vault = Client(limited)
    _use_all_but_one(limited, key_creation(KeyType.EC))
    answers = [vault.ask("POST", f"/certificates/{name}-{n}/create", body={"policy": POLICY}).status for n in (1, 2)]
    assert answers == [202, 429]
    limited.settle()


def test_keys_and_secrets_made_as_resources_are_charged_as_the_vaults_own(limited: Simulation, name: str) -> None:
    """The management plane is no way to more of them; a key that is there is given free of charge."""
    arm = Arm(limited, limited.administrator)
    vault = limited.vault.scope
    _use_all_but_one(limited, key_creation(KeyType.EC))
    keys = [arm.ask("PUT", f"{vault}/keys/{name}-{n}", {"properties": EC_KEY}) for n in (1, 1, 2)]
    assert [answer.status for answer in keys] == [200, 200, 429]
    assert int(keys[-1].headers["retry-after"]) >= 1
    _use_all_but_one(limited, REQUESTS["create"])
    secret = {"properties": {"value": plant()}}
    secrets = [arm.ask(method, f"{vault}/secrets/{name}", secret).status for method in ("PUT", "PATCH", "PUT")]
    assert secrets[1:] == [429, 429]
    assert secrets[0] in {200, 201}


def test_a_release_is_charged_as_making_a_key(limited: Simulation, name: str) -> None:
    """The 11th key of a token that is made or released in ten seconds is refused."""
    places, vault = limited.world.protections, Client(limited)
    limited.world.protections = KeyProtections(places.software, StandIn(threads=1))
    limited.set_vault(sku="premium")
    authority = Authority(limited, "https://attest.example")
    authority.configure()
    assert attesting.create(vault, name, authority).status == 200
    limited.advance(WINDOW_S)
    _use_all_but_one(limited, key_creation(KeyType.EC_HSM))
    target = {"target": authority.token()}
    assert [vault.ask("POST", f"/keys/{name}/release", body=target).status for _ in range(2)] == [200, 429]
    limited.world.protections = places


def test_imports_are_charged_with_secrets(limited: Simulation, name: str) -> None:
    """Keys that are brought in, in whichever form, share the limit of secrets that are set (section 6)."""
    vault = Client(limited)
    kek = vault.done("POST", f"/keys/{name}-kek/create", body={"kty": "RSA", "key_ops": ["import"]})["key"]
    plain = {"kty": "oct", "k": "AAECAwQFBgcICQoLDA0ODw"}
    transfer = {"kty": "EC", "crv": "P-256", "key_hsm": blob(kek, wrapped(kek, pkcs8(ec_key())))}
    for key in (plain, transfer):
        limited.advance(WINDOW_S)
        _use_all_but_one(limited, key_creation(KeyType.EC))
        _use_all_but_one(limited, REQUESTS["create"])
        assert [vault.ask("PUT", f"/keys/{name}", body={"key": key}).status for _ in range(2)] == [200, 429]
        assert vault.ask("PUT", f"/secrets/{name}", body={"value": plant()}).status == 429
        assert vault.ask("POST", f"/keys/{name}/create", body=EC_KEY).status == 200


USES: dict[str, dict[str, str]] = {
    "encrypt": {"alg": "RSA-OAEP", "value": "AA"},
    "decrypt": {"alg": "RSA-OAEP", "value": "A" * 342},
    "wrapkey": {"alg": "RSA-OAEP", "value": "AA"},
    "unwrapkey": {"alg": "RSA-OAEP", "value": "A" * 342},
    "sign": {"alg": "RS256", "value": "A" * 43},
    "verify": {"alg": "RS256", "digest": "A" * 43, "value": "A" * 342},
}


def test_every_use_is_charged_by_its_key(limited: Simulation, name: str) -> None:
    """The last use that there is room for is answered, one more of any kind is 429, and reading the key goes on."""
    vault = Client(limited)
    vault.done("POST", f"/keys/{name}/create", body={"kty": "RSA"})
    charge = key_use(KeyType.RSA, 2048)
    for use, body in USES.items():
        limited.advance(WINDOW_S)
        _use_all_but_one(limited, charge)
        answers = [vault.ask("POST", f"/keys/{name}/{use}", body=body) for _ in range(2)]
        assert answers[0].status != 429, use
        assert answers[1].status == 429, use
        assert answers[1].error["code"] == "Throttled"
        assert vault.ask("GET", f"/keys/{name}").status == 200


def test_whatever_makes_or_uses_keys_is_charged_by_them() -> None:
    """No row is left out: a row that its handler has to charge has a case above."""
    rows = {op.path.rpartition("/")[2] for op in KEY_ROWS if op.throttle == BY_KEY}
    assert rows == {*USES, "create", "rotate", "release"}
