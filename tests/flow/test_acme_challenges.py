"""Challenges of ACME authorities: where `http-01` is answered, and the hook that answers `dns-01`."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from strongroom.core import acme_limits as limits
from strongroom.core.acme_accounts import AcmeChallenge
from strongroom.core.issuance import Issued, Refused, Waiting
from strongroom.core.network import Link
from strongroom.core.records import INSTANCE
from strongroom.objects.issuers.acme import Proof
from tests.flow.acme_authority import problem
from tests.flow.acme_ordering import Ordering, calls, hook, leaf, ordering, request
from tests.flow.client import Client
from tests.flow.vault_certificates import create, loaded
from tests.world import Answer, Simulation

__all__ = ["hook", "ordering"]


# ---- where challenges are answered ----------------------------------------------------------------------------------


def look(world: Simulation, token: str, *, host: str = "www.example.com", link: Link = Link.PKI, **how: Any) -> Answer:
    """Look for a challenge, as an authority does."""
    return world.ask("GET", f"http://{host}/.well-known/acme-challenge/{token}", link=link, host=host, **how)


def test_a_challenge_is_answered_at_any_name(ordering: Ordering) -> None:
    """SEC-ACME-2: over plain HTTP, without a name of ours; once it is over it is not there."""
    ordering.account()
    ordering.step()
    ordering.step()
    (shown,) = [one for one in ordering.world.view.all(AcmeChallenge, INSTANCE) if one.account == ordering.name]
    for host in ("www.example.com", "10.0.0.1:80"):
        answer = look(ordering.world, shown.id, host=host)
        assert (answer.status, answer.body.decode()) == (200, shown.value)
    ordering.end()
    assert look(ordering.world, shown.id).status == 404


def test_a_challenge_ends_by_itself(ordering: Ordering) -> None:
    """SEC-ACME-2: what nobody took back is not answered for ever."""
    ordering.account()
    ordering.step()
    ordering.step()
    (shown,) = [one for one in ordering.world.view.all(AcmeChallenge, INSTANCE) if one.account == ordering.name]
    ordering.world.advance(shown.expires - int(ordering.world.clock()) - 1)
    assert look(ordering.world, shown.id).status == 200
    ordering.world.advance(1)
    assert look(ordering.world, shown.id).status == 404


@pytest.mark.parametrize("token", ["a" * 43, "QQ", "..%2F..%2Fcrl", "%00" * 22, "a" * 200, "a.b" * 10])
def test_a_token_that_nobody_presented(world: Simulation, token: str) -> None:
    """SEC-ACME-2: nothing else is served there, and nothing of what was asked for is repeated."""
    answer = look(world, token)
    assert answer.status in {400, 404}
    assert token not in answer.body.decode()


def test_challenges_are_answered_on_the_plain_listener_alone(ordering: Ordering) -> None:
    """No other listener has the path."""
    ordering.account()
    ordering.step()
    ordering.step()
    (shown,) = [one for one in ordering.world.view.all(AcmeChallenge, INSTANCE) if one.account == ordering.name]
    for link, host in ((Link.PUBLIC, "localhost:8443"), (Link.CONTROL, "control")):
        assert look(ordering.world, shown.id, host=host, link=link).status != 200


def test_a_vaults_certificate(ordering: Ordering, vault: Client, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A vault whose issuer names the account gets its certificate; the key and the secret are there with it."""
    world = ordering.world
    # The clock of this world stands still: nobody waits.
    monkeypatch.setattr(limits, "ACME_POLL_S", 0)
    ordering.account(domains=["example.com"])
    world.world.issuers = {"ACME": ordering.restarted()}
    issuer = {"provider": "ACME", "credentials": {"account_id": ordering.name}}
    vault.done("PUT", "/certificates/issuers/letters", body=issuer)
    pending = create(vault, name, issuer={"name": "letters"})
    assert pending["status"] == "inProgress"
    world.settle()
    assert vault.done("GET", f"/certificates/{name}/pending")["status"] == "completed"
    bundle = vault.done("GET", f"/certificates/{name}")
    assert loaded(bundle).issuer == ordering.authority.certificate.subject
    (_, certificate, above) = pkcs12.load_key_and_certificates(
        base64.b64decode(vault.done("GET", f"/secrets/{name}")["value"]), None
    )
    assert (certificate, above) == (loaded(bundle), [ordering.authority.certificate])


def test_a_vaults_certificate_that_is_refused(ordering: Ordering, vault: Client, name: str) -> None:
    """The operation fails, with a sentence about why."""
    ordering.account(domains=["example.org"])
    ordering.world.world.issuers = {"ACME": ordering.restarted()}
    issuer = {"provider": "ACME", "credentials": {"account_id": ordering.name}}
    vault.done("PUT", "/certificates/issuers/letters", body=issuer)
    create(vault, name, issuer={"name": "letters"})
    ordering.world.settle()
    failed = vault.done("GET", f"/certificates/{name}/pending")
    assert (failed["status"], failed["error"]["message"]) == ("failed", "The ACME account is not for example.com.")


# ---- dns-01 ---------------------------------------------------------------------------------------------------------


def test_a_record_is_made_and_removed(ordering: Ordering, hook: Path) -> None:
    """The hook is told what to do, for which domain, the record's name and value; a wildcard goes by the name above."""
    ordering.account(challenge="dns-01", hook=str(hook), domains=["example.com"])
    ordering.csr = request("*.example.com", "example.com")
    leaf(ordering.end())
    called = calls(hook)
    assert [one[:3] for one in called] == [
        ["present", "example.com", "_acme-challenge.example.com"],
        ["present", "example.com", "_acme-challenge.example.com"],
        ["cleanup", "example.com", "_acme-challenge.example.com"],
        ["cleanup", "example.com", "_acme-challenge.example.com"],
    ]
    assert len({one[3] for one in called}) == 2
    assert {one[3] for one in called[:2]} == {one[3] for one in called[2:]}


def test_a_record_is_given_time(ordering: Ordering, hook: Path) -> None:
    """The authority is told to look after as long as the operator says."""
    ordering.account(challenge="dns-01", hook=str(hook), dnsWaitSeconds=77)
    ordering.step()
    before = int(ordering.world.clock())
    made = ordering.step()
    assert isinstance(made, Waiting)
    assert made.until - before == 77
    assert not any(path.startswith("/chall") for _, path in ordering.authority.asked)


def test_a_hook_that_fails(ordering: Ordering, hook: Path) -> None:
    """It is run so often, with a wait between; then the certificate is given up, with a reason."""
    hook.with_name("fails").touch()
    ordering.account(challenge="dns-01", hook=str(hook))
    began = int(ordering.world.clock())
    assert ordering.refused() == "The operator's hook made no DNS record for www.example.com."
    assert int(ordering.world.clock()) - began == limits.HOOK_RETRY_S * (1 + 2)
    assert len(calls(hook)) == limits.HOOK_TRIES
    ordering.state = b""
    ordering.step()
    ordering.step()
    hook.with_name("fails").unlink()
    leaf(ordering.end())


def test_a_hook_that_takes_its_time(ordering: Ordering, hook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits for it: it goes on, and a later step sees what came of it. It is run once."""
    monkeypatch.setattr(limits, "HOOK_PATIENCE_S", 0.01)
    ordering.account(challenge="dns-01", hook=str(hook), dnsWaitSeconds=0)
    hook.write_text(hook.read_text().replace("echo", "sleep 0.2\necho", 1))
    leaf(_end_patiently(ordering))
    assert sum(one[0] == "present" for one in calls(hook)) == 1


def _end_patiently(ordering: Ordering) -> Issued | Refused:
    while True:
        made = ordering.step()
        if not isinstance(made, Waiting):
            return made
        ordering.world.run(_pause())


async def _pause() -> None:
    await asyncio.sleep(0.05)


def test_hooks_that_nobody_asks_about(ordering: Ordering, hook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of so many is it remembered how they ended, and the oldest are forgotten."""
    monkeypatch.setattr(limits, "HOOKS_REMEMBERED", 2)
    monkeypatch.setattr(limits, "HOOK_PATIENCE_S", 0.0)
    account = ordering.account(challenge="dns-01", hook=str(hook))

    async def run(number: int) -> None:
        await ordering.issuer.run_hook(account, "present", Proof("a.example", f"t{number}"))
        await asyncio.wait(ordering.issuer._running.values())

    for number in range(4):
        ordering.world.run(run(number))
    assert [proof.token for _, _, proof in ordering.issuer._running] == ["t1", "t2", "t3"]


def test_what_is_presented_is_taken_back_when_it_is_refused(ordering: Ordering, hook: Path) -> None:
    """A record does not stay for an order that came to nothing."""
    ordering.account(challenge="dns-01", hook=str(hook), dnsWaitSeconds=0)
    ordering.authority.answers = [("/chall", problem("unauthorized", status=403))]
    ordering.refused()
    assert [one[0] for one in calls(hook)] == ["present", "cleanup"]
