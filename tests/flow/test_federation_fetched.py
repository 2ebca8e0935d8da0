"""Outside issuers whose keys are fetched from them; what is simulated is the network, and nothing before it."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from strongroom.core import limits
from strongroom.egress import Documents, Unreachable
from tests.assertions import key_set, rsa_key, sign
from tests.flow.graph import Graph
from tests.flow.test_federation import Workload, control
from tests.flow.test_sts_token import check_refusal
from tests.world import Simulation


class Network:
    """Documents by their URL, and what was asked for."""

    def __init__(self) -> None:
        self.documents: dict[str, bytes] = {}
        self.asked: list[str] = []

    async def get(self, url: str) -> bytes:
        """Answer as the way out does."""
        self.asked.append(url)
        found = self.documents.get(url)
        if found is None:
            raise Unreachable("the answer's status is 404")
        return found

    def publish(self, issuer: str, keys: dict[str, Any], changes: dict[str, Any] | None = None) -> None:
        """Be an issuer."""
        place = "https://keys.example/set"
        metadata = {"issuer": issuer, "jwks_uri": place, **(changes or {})}
        self.documents[f"{issuer.removesuffix('/')}/.well-known/openid-configuration"] = json.dumps(metadata).encode()
        self.documents[place] = json.dumps(keys).encode()


@pytest.fixture
def network(world: Simulation) -> Network:
    """Put a network of the test's own in the place of the world's."""
    network = Network()
    world.world.documents = Documents(network, world.clock)  # type: ignore[arg-type]  # what it needs of the way out
    return network


@pytest.fixture
def workload(world: Simulation, network: Network) -> Workload:
    """Make a workload whose issuer publishes its keys."""
    made = Workload(world, Graph(world, world.administrator))
    assert control(world, "POST", "/issuers", {"issuer": made.issuer}).json["fetched"] is True
    network.publish(made.issuer, key_set(rsa_key(), "k1"))
    return made


def test_keys_are_found_by_the_issuers_metadata(network: Network, workload: Workload) -> None:
    """Metadata, then the key set that it names; and neither again while they are fresh."""
    for _ in range(3):
        assert workload.opens(workload.token())
    assert network.asked == [f"{workload.issuer}.well-known/openid-configuration", "https://keys.example/set"]


def test_a_key_set_that_rolls_over(world: Simulation, network: Network, workload: Workload) -> None:
    """A new kid is looked for at once or after a minute, and unknown ones cost no more than that."""
    workload.token()
    network.documents["https://keys.example/set"] = json.dumps(key_set(rsa_key(), "k1", "k2")).encode()
    for number in range(20):
        check_refusal(workload.ask(workload.assertion(kid=f"x{number}")), 700027, "invalid_client", 401)
    assert len(network.asked) == 2
    world.advance(limits.FETCH_PAUSE_S)
    assert workload.ask(workload.assertion(kid="k2")).status == 200
    assert len(network.asked) == 3


def test_a_key_that_is_withdrawn(world: Simulation, network: Network, workload: Workload) -> None:
    """It counts until the set is fetched anew, an hour at most."""
    workload.token()
    network.documents["https://keys.example/set"] = json.dumps(key_set(rsa_key(1), "k2")).encode()
    world.advance(limits.DOCUMENT_FRESH_S)
    check_refusal(workload.ask(), 700027, "invalid_client", 401)


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://another.example/"},
        {"issuer": None},
        {"jwks_uri": None},
        {"jwks_uri": 1},
    ],
)
def test_metadata_that_is_wrong(
    world: Simulation, network: Network, workload: Workload, changes: dict[str, Any]
) -> None:
    """Another issuer's metadata, or one without a key set: nobody signs in, and it may be mended."""
    network.publish(workload.issuer, key_set(rsa_key(), "k1"), changes)
    check_refusal(workload.ask(), 90033, "temporarily_unavailable", 503)
    assert world.entries()[-1]["properties"]["reason"].startswith("keys of the issuer: ")
    network.publish(workload.issuer, key_set(rsa_key(), "k1"))
    world.advance(limits.FETCH_PAUSE_S)
    assert workload.ask().status == 200


@pytest.mark.parametrize("place", ["https://nowhere.example/set", "http://keys.example/set", "file:///etc/passwd"])
def test_a_key_set_that_is_not_there(network: Network, workload: Workload, place: str) -> None:
    """Metadata that leads nowhere is no metadata to sign in by."""
    network.publish(workload.issuer, key_set(rsa_key(), "k1"), {"jwks_uri": place})
    check_refusal(workload.ask(), 90033, "temporarily_unavailable", 503)


@pytest.mark.parametrize("document", [b"", b"[]", b"<html>", b'{"keys":[]}', b"\xff"])
def test_a_key_set_that_is_none(world: Simulation, network: Network, workload: Workload, document: bytes) -> None:
    """Rubbish in its place is nobody's key, and is not kept once it is mended."""
    network.documents["https://keys.example/set"] = document
    check_refusal(workload.ask(), 90033, "temporarily_unavailable", 503)
    network.publish(workload.issuer, key_set(rsa_key(), "k1"))
    world.advance(limits.FETCH_PAUSE_S)
    assert workload.ask().status == 200


def test_nothing_is_asked_of_whom_nobody_trusts(world: Simulation, network: Network, workload: Workload) -> None:
    """SEC-EGRESS-5: neither a stranger's token nor a federated credential makes this service ask anybody."""
    untrusted = "https://metadata.example"
    workload.graph.make(workload.path, workload.body(issuer=untrusted))
    for issuer in (untrusted, "https://169.254.169.254", "https://never-heard-of.example"):
        check_refusal(workload.ask(workload.assertion(iss=issuer)), 700211, "invalid_client", 401)
    other = world.principal()
    check_refusal(workload.ask(client_id=other.appid), 700211, "invalid_client", 401)
    assert network.asked == []


def test_an_issuer_on_this_machine(tmp_path_factory: pytest.TempPathFactory) -> None:
    """SEC-EGRESS-5: even a trusted one is not connected to over loopback: keys of such an issuer are given by hand."""
    world = Simulation(tmp_path_factory.mktemp("own"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        workload = Workload(world, Graph(world, world.administrator))
        issuer = f"https://127.0.0.1:{server.getsockname()[1]}"
        control(world, "POST", "/issuers", {"issuer": issuer})
        workload.graph.make(workload.path, workload.body(issuer=issuer))
        text = sign(rsa_key(), {"alg": "RS256", "kid": "k1"}, workload.claims(iss=issuer))
        check_refusal(workload.ask(text), 90033, "temporarily_unavailable", 503)
        with pytest.raises(BlockingIOError):
            server.accept()
    world.close()
