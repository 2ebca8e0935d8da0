"""Trusted proxies in the flow: whose word decides where a request comes from, and whose changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from strongroom.config import Settings
from strongroom.core import limits
from strongroom.core.names import Surface
from strongroom.core.network import Bypass, DefaultAction, Link, NetworkAcls
from strongroom.flow.settings import FlowSettings
from tests.flow.client import VERSION, Client
from tests.world import ARM_AUDIENCE, GENEROUS, GRAPH_AUDIENCE, PUBLIC_ADDRESS, Answer, Simulation

PROXY = "10.1.1.1"
SECOND_PROXY = "2001:db8:1::2"
TRUSTED = "10.0.0.0/8, 2001:db8:1::/48, 127.0.0.1"
ADMITTED = "198.51.100.9"
OTHER = "198.51.100.10"
ALLOWANCE = 4

NEVER = {
    "Forwarded": f"for={ADMITTED}",
    "X-Real-IP": ADMITTED,
    "X-Client-IP": ADMITTED,
    "True-Client-IP": ADMITTED,
    "X-Forwarded": ADMITTED,
    "X-Forwarded-Host": "login.localhost:8443",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Port": "1",
}
"""Headers that nobody's word counts in."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    """Make a world with trusted proxies, whose first vault admits one address."""
    folder = tmp_path_factory.mktemp("world")
    simulation = Simulation(folder, Settings(data=folder, flow=GENEROUS, trusted_proxies=TRUSTED))
    acls = NetworkAcls(default_action=DefaultAction.DENY, bypass=Bypass.NONE, ip_rules=(f"{ADMITTED}/32",))
    Client(simulation).ask("PUT", "/secrets/there", body={"value": "there"})
    simulation.set_vault(network_acls=acls)
    yield simulation
    simulation.close()


@pytest.fixture(scope="module")
def vault(world: Simulation) -> Client:
    """Make a client of the first vault that may do everything there, from where it is admitted."""
    return Client(world)


def forwarded(*addresses: str) -> dict[str, str]:
    """Make the header of proxies."""
    return {"X-Forwarded-For": ", ".join(addresses)}


def caller(world: Simulation) -> tuple[str, str | None]:
    """Tell from where the last entry of the journal says that a request came, and by which proxy."""
    entry = world.entries()[-1]
    return entry["callerIpAddress"], entry["properties"].get("proxyIpAddress")


# ---- who is nobody --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [ADMITTED, f"{ADMITTED}, {PROXY}", "garbage", "x" * 5000])
def test_a_forged_header_changes_nothing(world: Simulation, vault: Client, value: str) -> None:
    """SEC-FLOW-10: whoever is no trusted proxy comes from where it comes from, and what it says is not even read."""
    answer = vault.ask("GET", "/secrets", headers={"X-Forwarded-For": value})
    assert (answer.status, answer.error["innererror"]["code"]) == (403, "ForbiddenByFirewall")
    assert PUBLIC_ADDRESS in answer.error["message"]
    assert ADMITTED not in answer.error["message"]
    assert caller(world) == (PUBLIC_ADDRESS, None)
    admitted = vault.ask("GET", "/secrets", headers={"X-Forwarded-For": value}, peer=ADMITTED)
    assert admitted.status == 200
    assert caller(world) == (ADMITTED, None)


@pytest.mark.parametrize("name", NEVER)
@pytest.mark.parametrize("peer", [PUBLIC_ADDRESS, PROXY])
def test_one_header_counts(world: Simulation, vault: Client, peer: str, name: str) -> None:
    """SEC-FLOW-10: no other header counts, trusted proxy or not; a proxy that says nothing speaks for itself."""
    answer = vault.ask("GET", "/secrets", headers={name: NEVER[name]}, peer=peer)
    assert (answer.status, answer.error["innererror"]["code"]) == (403, "ForbiddenByFirewall")
    assert peer in answer.error["message"]
    assert caller(world) == (peer, None)


@pytest.mark.parametrize(
    ("link", "listener"), [(Link.PRIVATE_ENDPOINT, "/subscriptions/s/resourcegroups/g/providers/p"), (Link.CONTROL, "")]
)
def test_on_other_listeners_no_header_counts(world: Simulation, vault: Client, link: Link, listener: str) -> None:
    """SEC-FLOW-10: listener and network prove a private endpoint, its file the owner's socket, and no header."""
    vault.ask("GET", "/secrets", headers=forwarded(ADMITTED), peer="127.0.0.1", link=link, listener=listener)
    assert caller(world) == ("127.0.0.1", None)


def test_a_proxy_in_front_of_the_plain_listener(world: Simulation) -> None:
    """SEC-FLOW-10: who asks about a certificate through a trusted proxy has an allowance of its own."""
    world.ask("GET", "http://pki.example.org/crl/00.crl", link=Link.PKI, peer=PROXY, headers=forwarded(ADMITTED))
    assert caller(world) == (ADMITTED, PROXY)
    world.ask("GET", "http://pki.example.org/crl/00.crl", link=Link.PKI, headers=forwarded(ADMITTED))
    assert caller(world) == (PUBLIC_ADDRESS, None)


# ---- whose word counts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("proxy", [PROXY, f"::ffff:{PROXY}", SECOND_PROXY])
@pytest.mark.parametrize(
    "header",
    [
        (ADMITTED,),
        (f"{ADMITTED}:5678",),
        (f"::ffff:{ADMITTED}",),
        (OTHER, ADMITTED),
        (OTHER, ADMITTED, "10.9.9.9", SECOND_PROXY),
    ],
)
def test_a_trusted_proxy_says_who_the_client_is(
    world: Simulation, vault: Client, proxy: str, header: tuple[str, ...]
) -> None:
    """SEC-FLOW-10: the firewall judges the last address that is no proxy's, and the audit names it and the proxy."""
    answer = vault.ask("GET", "/secrets", headers=forwarded(*header), peer=proxy)
    assert answer.status == 200
    assert caller(world) == (ADMITTED, proxy.removeprefix("::ffff:"))


def test_what_a_client_claims_of_itself_is_nothing(world: Simulation, vault: Client) -> None:
    """SEC-FLOW-10: behind a trusted proxy too, what a client wrote stands before what the proxy did."""
    answer = vault.ask("GET", "/secrets", headers=forwarded(ADMITTED, OTHER), peer=PROXY)
    assert (answer.status, answer.error["innererror"]["code"]) == (403, "ForbiddenByFirewall")
    assert OTHER in answer.error["message"]
    assert ADMITTED not in answer.error["message"]
    assert answer.headers["x-ms-keyvault-network-info"].split(";")[1] == f"addr={OTHER}"
    assert caller(world) == (OTHER, PROXY)


def test_each_request_is_judged_by_its_own_client(world: Simulation, vault: Client) -> None:
    """SEC-FLOW-7: one proxy, one connection, one token: a decision for one client is none for the next."""
    for _ in range(3):
        for address, status in ((ADMITTED, 200), (OTHER, 403)):
            assert vault.ask("GET", "/secrets/there", headers=forwarded(address), peer=PROXY).status == status
            assert caller(world) == (address, PROXY)
    assert vault.ask("GET", "/secrets/there", peer=ADMITTED).status == 200
    assert caller(world) == (ADMITTED, None)
    assert vault.ask("GET", "/secrets/there", headers=forwarded(ADMITTED), peer=SECOND_PROXY).status == 200
    assert caller(world) == (ADMITTED, SECOND_PROXY)


def test_a_change_names_the_proxy_too(world: Simulation, vault: Client, name: str) -> None:
    """The entry that commits with a change says as much as any other."""
    answer = vault.ask("PUT", f"/secrets/{name}", body={"value": name}, headers=forwarded(ADMITTED), peer=PROXY)
    assert answer.status == 200
    assert caller(world) == (ADMITTED, PROXY)


def test_only_proxies_are_named(world: Simulation, vault: Client) -> None:
    """Where all are trusted proxies, the first of them is the client."""
    answer = vault.ask("GET", "/secrets", headers=forwarded("10.7.7.7", "10.8.8.8"), peer=PROXY)
    assert answer.status == 403
    assert caller(world) == ("10.7.7.7", PROXY)


@pytest.mark.parametrize("client", [ADMITTED, PROXY])
def test_the_proxy_protocol_has_spoken(world: Simulation, vault: Client, client: str) -> None:
    """SEC-FLOW-11: a header in what a proxy passes on unread is the client's own, whoever that is: it never counts."""
    answer = vault.ask("GET", "/secrets", headers=forwarded(ADMITTED), peer=client, proxy=PROXY)
    assert answer.status == (200 if client == ADMITTED else 403)
    assert caller(world) == (client, PROXY)


# ---- what cannot be read --------------------------------------------------------------------------------------------

Read = Callable[[Answer], str]
DIALECTS: dict[str, tuple[Callable[[Simulation], str], str | None, Read]] = {
    "vault": (
        lambda world: f"{world.vault_url}/secrets?api-version={VERSION}",
        "https://vault.azure.net",
        lambda answer: answer.error["code"],
    ),
    "management": (
        lambda world: f"{world.arm_url}/subscriptions?api-version=2022-12-01",
        ARM_AUDIENCE,
        lambda answer: answer.error["code"],
    ),
    "graph": (lambda world: f"{world.graph_url}/v1.0/users", GRAPH_AUDIENCE, lambda answer: answer.error["code"]),
    "login": (
        lambda world: f"{world.login_url}/{world.first.tenant_id}/v2.0/.well-known/openid-configuration",
        None,
        lambda answer: answer.json["error"],
    ),
    "no name of ours": (lambda _: "https://192.0.2.5/healthstatus", None, lambda answer: answer.error["code"]),
}
WORDS = {
    "vault": "BadParameter",
    "management": "BadRequest",
    "graph": "Request_BadRequest",
    "login": "invalid_request",
    "no name of ours": "BadParameter",
}


@pytest.mark.parametrize(
    "value", ["unknown", f"{ADMITTED}, garbage", f"garbage, {ADMITTED}", "", "_id", f"{ADMITTED},"]
)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_header_that_cannot_be_read_is_refused(world: Simulation, dialect: str, value: str) -> None:
    """SEC-FLOW-10: from a trusted proxy, what is no address is a 400 in the surface's dialect, before anything else."""
    where, audience, read = DIALECTS[dialect]
    token = world.token(world.administrator, audience) if audience is not None else None
    url = where(world)
    assert world.ask("GET", url, token=token, headers=forwarded(ADMITTED), peer=PROXY).status == 200
    answer = world.ask("GET", url, token=token, headers={"X-Forwarded-For": value}, peer=PROXY)
    assert (answer.status, read(answer)) == (400, WORDS[dialect])
    assert b"X-Forwarded-For" in answer.body
    assert b"garbage" not in answer.body
    # It is whose the proxy says at the end that it is; where that cannot be read, only who handed it on is known.
    assert caller(world) == (ADMITTED if value.endswith(f" {ADMITTED}") else PROXY, PROXY)


def test_a_refused_header_changes_nothing(world: Simulation, vault: Client, name: str) -> None:
    """SEC-FLOW-10: a change that came with it is not made."""
    answer = vault.ask("PUT", f"/secrets/{name}", body={"value": name}, headers=forwarded(ADMITTED, "?"), peer=PROXY)
    assert answer.status == 400
    assert vault.ask("GET", f"/secrets/{name}", headers=forwarded(ADMITTED), peer=PROXY).status == 404


def test_so_many_addresses_are_read(vault: Client) -> None:
    """At the limit a request is served, and with one address more it is refused."""
    addresses = [OTHER] * (limits.FORWARDED_FOR_ENTRIES - 1) + [ADMITTED]
    assert vault.ask("GET", "/secrets", headers=forwarded(*addresses), peer=PROXY).status == 200
    assert vault.ask("GET", "/secrets", headers=forwarded(OTHER, *addresses), peer=PROXY).status == 400


# ---- the allowance of a source --------------------------------------------------------------------------------------


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Simulation]:
    """Make a world in which four anonymous requests in ten seconds are all that a source has."""
    settings = Settings(data=tmp_path, trusted_proxies=TRUSTED, flow=FlowSettings(anonymous_per_source=ALLOWANCE))
    simulation = Simulation(tmp_path, settings)
    yield simulation
    simulation.close()


def test_the_client_is_the_source(strict: Simulation) -> None:
    """SEC-FLOW-5: behind one proxy each client has its own allowance, and none of them uses up the proxy's."""
    url = f"{strict.vault_url}/secrets?api-version={VERSION}"

    def knock(**how: object) -> int:
        return strict.ask("GET", url, **how).status  # type: ignore[arg-type]  # peers and headers

    assert [knock(headers=forwarded(OTHER), peer=PROXY) for _ in range(ALLOWANCE + 1)] == [401] * ALLOWANCE + [429]
    assert knock(headers=forwarded(OTHER), peer=SECOND_PROXY) == 429
    assert knock(peer=OTHER) == 429
    assert knock(headers=forwarded(ADMITTED), peer=PROXY) == 401
    assert knock(peer=PROXY) == 401


def test_what_cannot_be_read_uses_up_nobody_elses(strict: Simulation) -> None:
    """SEC-FLOW-5: it counts against the proxy that handed it on, and whoever that names is served as before."""
    url = f"{strict.vault_url}/secrets?api-version={VERSION}"
    answers = [strict.ask("GET", url, headers=forwarded("?"), peer=PROXY).status for _ in range(ALLOWANCE + 1)]
    assert answers == [400] * ALLOWANCE + [429]
    assert strict.ask("GET", url, headers=forwarded(OTHER), peer=PROXY).status == 401


@pytest.mark.parametrize("claimed", ["?", "garbage, ::1", OTHER + "," * 40, "x" * 3000, f"{OTHER}, {PROXY}x"])
def test_what_a_client_wrote_counts_against_that_client(strict: Simulation, claimed: str) -> None:
    """SEC-FLOW-5: whoever writes what cannot be read uses up its own allowance, and not that of the proxy's probes."""
    url = f"{strict.vault_url}/healthstatus"
    header = forwarded(claimed, ADMITTED, PROXY)
    answers = [strict.ask("GET", url, headers=header, peer=SECOND_PROXY).status for _ in range(ALLOWANCE + 1)]
    assert answers == [400] * ALLOWANCE + [429]
    assert strict.ask("GET", url, peer=SECOND_PROXY).status == 200
    assert strict.ask("GET", url, peer=PROXY).status == 200
    assert strict.ask("GET", url, headers=forwarded(OTHER), peer=SECOND_PROXY).status == 200


# ---- the port that clients write ------------------------------------------------------------------------------------


def test_urls_have_the_port_of_the_proxy(tmp_path: Path) -> None:
    """A service behind a proxy on another port goes by that: in what it answers to, in its challenges, in its links."""
    world = Simulation(tmp_path, Settings(data=tmp_path, flow=GENEROUS, port=8443, public_port=443))
    try:
        url = f"https://{world.vault.name}.vault.localhost"
        challenge = world.ask("GET", f"{url}/secrets?api-version={VERSION}").headers["www-authenticate"]
        assert challenge.startswith('Bearer authorization="https://login.localhost/')
        assert world.world.hosts.url(Surface.GRAPH) == "https://graph.localhost"
        assert world.ask("GET", f"{url}:8443/secrets?api-version={VERSION}").status == 421
    finally:
        world.close()
