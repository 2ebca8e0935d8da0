"""
How a certificate is issued: step by step, as its issuer gives the steps.

The job's own function is run, as `strongroom.app.jobs` runs it, under a clock that the tests move.
"""

from __future__ import annotations

import base64

import pytest
from cryptography import x509

from strongroom.core import certificate_limits
from strongroom.core.errors import Failure, Unavailable
from strongroom.core.issuance import Issued, Refused, Waiting
from tests.flow.client import Client
from tests.flow.issuing import (
    HOUR_S,
    ISSUE,
    NAME,
    a_time_of_its_own,
    look,
    pending,
    stand_in,
    stored_of,
    vault,
    versions,
)
from tests.flow.vault_certificates import POLICY, create, loaded
from tests.world import Simulation

__all__ = ["a_time_of_its_own", "vault"]
pytestmark = pytest.mark.usefixtures("restored")


def test_an_issuer_that_takes_its_time_is_asked_again_when_it_says(vault: Client, world: Simulation, name: str) -> None:
    """With what it wanted to remember, and not before."""
    until = int(world.clock()) + HOUR_S
    issuer, policy = stand_in(vault, world, Waiting(b"order 7", until, "The order is being validated."), ISSUE)
    operation = create(vault, name, **policy)
    assert pending(vault, name)["status_details"] == "The order is being validated."
    assert look(world) == {}
    world.advance(HOUR_S)
    assert look(world) == {"CertificateEnroll": 1}
    assert issuer.asked == [(operation["request_id"], b""), (operation["request_id"], b"order 7")]
    assert pending(vault, name)["status"] == "completed"
    bundle = vault.done("GET", f"/certificates/{name}")
    assert loaded(bundle).issuer.rfc4514_string() == "CN=Issuing"
    assert (versions(vault, "keys", name), versions(vault, "secrets", name)) == (1, 1)


def test_an_issuer_that_is_nearly_done_is_asked_by_the_same_task(vault: Client, world: Simulation, name: str) -> None:
    """What takes a moment does not wait for the job."""
    now = int(world.clock())
    _, policy = stand_in(vault, world, Waiting(b"1", now), Waiting(b"2", now), ISSUE)
    create(vault, name, **policy)
    assert pending(vault, name)["status"] == "completed"


def test_a_refusal_is_told(vault: Client, world: Simulation, name: str) -> None:
    """The operation has failed, which is told with 200 and recorded; the certificate stays as it was."""
    _, policy = stand_in(vault, world, Refused("The name is not yours.", "Request rejected"))
    create(vault, name, **policy)
    found = pending(vault, name)
    assert (found["status"], "status_details" in found) == ("failed", False)
    assert found["error"] == {"code": "Request rejected", "message": "The name is not yours."}
    entry = next(one for one in reversed(world.entries()) if one["operationName"] == "CertificateEnroll")
    assert (entry["properties"]["httpStatusCode"], entry["resultDescription"]) == (400, "The name is not yours.")
    assert "cer" not in vault.done("GET", f"/certificates/{name}")


def test_what_an_issuer_raises_is_its_error(vault: Client, world: Simulation, name: str) -> None:
    """Its sentence is told under Azure's word for it."""
    _, policy = stand_in(vault, world, Failure("The account is closed."))
    create(vault, name, **policy)
    assert pending(vault, name)["error"] == {
        "code": "Certificate issuer error",
        "message": "The account is closed.",
    }


def test_an_issuer_that_cannot_be_reached_is_tried_again_for_a_while(
    vault: Client, world: Simulation, name: str
) -> None:
    """Each time later, up to an hour; after as many times as the limit says the operation fails and says why."""
    issuer, policy = stand_in(vault, world)
    issuer.away = True
    create(vault, name, **policy)
    pauses = []
    while pending(vault, name)["status"] == "inProgress":
        due = stored_of(world, name).due_at
        assert due is not None
        pauses.append(due - int(world.clock()))
        world.advance(pauses[-1])
        look(world)
    most = certificate_limits.STEP_FAILURES
    assert len(issuer.asked) == most
    assert pauses[:7] == [60, 120, 240, 480, 960, 1920, certificate_limits.STEP_RETRY_MAX_S]
    assert pauses[0] == certificate_limits.STEP_RETRY_S
    assert pauses[-1] == certificate_limits.STEP_RETRY_MAX_S
    message = pending(vault, name)["error"]["message"]
    assert message == f"The issuer could not be reached in {most} attempts: The CA does not answer."


def test_an_issuer_that_answers_again_is_forgiven(vault: Client, world: Simulation, name: str) -> None:
    """The count is of failures in a row."""
    now = int(world.clock())
    away = Unavailable("Away.")
    issuer, policy = stand_in(vault, world, away, Waiting(b"x", now + 2 * HOUR_S), away, ISSUE)
    create(vault, name, **policy)
    for pause in (60, 2 * HOUR_S, 60):
        world.advance(pause)
        look(world)
    assert len(issuer.asked) == 4
    assert pending(vault, name)["status"] == "completed"


def test_an_issuer_has_a_longest_time(vault: Client, world: Simulation, name: str) -> None:
    """One that only ever says later is given up."""
    _, policy = stand_in(vault, world)
    create(vault, name, **policy)
    world.advance(certificate_limits.ISSUANCE_S)
    look(world)
    assert pending(vault, name)["status"] == "inProgress"
    world.advance(HOUR_S)
    look(world)
    assert pending(vault, name)["error"]["message"] == "The issuer did not issue the certificate within 30 days."


@pytest.mark.parametrize("how", ["expired", "foreign", "weak", "garbage"])
def test_what_an_issuer_gives_is_judged(vault: Client, world: Simulation, name: str, how: str) -> None:
    """SEC-KEY-11: it is not believed because it is an issuer's."""
    issuer, policy = stand_in(vault, world)
    issuer.steps.append(Waiting(b"", int(world.clock()) + HOUR_S))
    operation = create(vault, name, **policy)
    world.settle()
    request = x509.load_der_x509_csr(base64.b64decode(operation["csr"]))
    issuer.steps.append(Issued(issuer.authority.spoilt(request, how)))
    world.advance(HOUR_S)
    look(world)
    error = pending(vault, name)["error"]
    assert error["code"] == "Certificate issuer error"
    assert error["message"].startswith("What the issuer gave is not accepted: ")


def test_a_certificate_of_another_key_is_not_accepted(vault: Client, world: Simulation, name: str) -> None:
    """Whoever issued it."""
    issuer, policy = stand_in(vault, world)
    other = create(vault, f"{name}-other", **policy)
    issuer.steps.append(issuer.issued(base64.b64decode(other["csr"])))
    create(vault, name, **policy)
    assert "does not match the public part" in pending(vault, name)["error"]["message"]


def test_an_issuer_that_the_vault_does_not_have_is_refused(vault: Client, name: str) -> None:
    """At once, and no key is made for it."""
    answer = vault.ask("POST", f"/certificates/{name}/create", body={"policy": POLICY | {"issuer": {"name": "none"}}})
    assert (answer.status, answer.error["code"]) == (404, "CertificateIssuerNotFound")
    assert vault.ask("GET", f"/certificates/{name}").status == 404


def test_an_issuer_that_goes_meanwhile_fails_the_operation(vault: Client, world: Simulation, name: str) -> None:
    """With a sentence that says so."""
    _, policy = stand_in(vault, world)
    create(vault, name, **policy)
    world.settle()
    vault.done("DELETE", f"/certificates/issuers/{NAME}")
    world.advance(HOUR_S)
    look(world)
    assert pending(vault, name)["error"]["message"] == f"The vault has no issuer called {NAME} any more."
