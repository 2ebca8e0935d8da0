"""
What certificates do by themselves, under a clock that the tests move: renewal, letters, near expiry, expiry.

The job's own function is run, as `strongroom.app.jobs` runs it; nothing else moves the certificates.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from strongroom.app.upkeep import look_after_objects
from strongroom.core import certificate_limits
from strongroom.core.certificate_life import DAY_S, Event
from strongroom.core.certificates import CertificateUpkeep, PendingStatus
from strongroom.core.errors import Unavailable
from strongroom.core.guardrails import THE_GUARDRAILS, Effect, Guardrail, Guardrails, Rule
from strongroom.core.issuance import Refused, Waiting
from strongroom.core.mail import Notice, NoticeKind
from strongroom.core.objects import Collection, StoredObject
from strongroom.core.vaults import Vault
from strongroom.flow.world import Silence
from strongroom.objects.certificate_rows import upkeep_of
from strongroom.store import Transaction
from strongroom.store.sqlite import SqliteStore
from strongroom.vault import certificate_upkeep
from strongroom.vault.certificate_upkeep import WAITING
from strongroom.vault.upkeep import FAILED
from tests.flow.authorities import Authority
from tests.flow.client import Client
from tests.flow.issuing import (
    HOUR_S,
    ISSUE,
    NODE,
    YEAR_S,
    a_time_of_its_own,
    lasting_client,
    look,
    stand_in,
    vault,
)
from tests.flow.keys import MemoryToken
from tests.flow.vault_certificates import POLICY, create, loaded, made
from tests.world import Simulation

__all__ = ["a_time_of_its_own", "vault"]
pytestmark = pytest.mark.usefixtures("restored")
RENEWED = {"CertificateRenew": 1, "CertificateEnroll": 1}


@dataclass(slots=True)
class Letters:
    """Keeps what the contacts would be told."""

    told: list[tuple[NoticeKind, str]] = field(default_factory=list)

    async def write(self, tx: Transaction, vault: Vault, notice: Notice) -> None:
        """Keep it."""
        self.told.append((notice.kind, notice.reason))


@pytest.fixture
def letters(world: Simulation) -> Iterator[Letters]:
    """Have letters kept here."""
    before, world.world.mail = world.world.mail, Letters()
    yield world.world.mail
    world.world.mail = before


def stored_of(world: Simulation, name: str) -> StoredObject:
    """Read a certificate's object."""
    stored = world.run(world.store.object(world.vault.id, Collection.CERTIFICATES, name))
    assert stored is not None
    return stored


def upkeep(world: Simulation, name: str) -> CertificateUpkeep:
    """Read what a certificate keeps."""
    return upkeep_of(stored_of(world, name))


def told(world: Simulation, name: str) -> list[tuple[str, int]]:
    """Read the records of what a certificate did by itself, each with its status."""
    return [
        (one["operationName"], one["properties"]["httpStatusCode"])
        for one in world.entries()
        if "requestUri" not in one["properties"] and f"/certificates/{name}/" in str(one["properties"].get("id"))
    ]


def action(kind: str, **trigger: int) -> list[dict[str, Any]]:
    """Write lifetime actions."""
    return [{"trigger": trigger, "action": {"action_type": kind}}]


def life_of(bundle: Any) -> tuple[int, int]:
    """Give a version's dates."""
    return bundle["attributes"]["nbf"], bundle["attributes"]["exp"]


# ---- renewal --------------------------------------------------------------------------------------------------------


def test_a_certificate_is_renewed_at_its_percentage(vault: Client, world: Simulation, name: str) -> None:
    """At 80 percent of its life and not a second before; the next version has the tags, and a key of its own."""
    body = {"policy": POLICY, "tags": {"owner": "web"}}
    vault.ask("POST", f"/certificates/{name}/create", body=body)
    first = vault.done("GET", f"/certificates/{name}")
    nbf, exp = life_of(first)
    world.advance(nbf + (exp - nbf) * 80 // 100 - world.clock() - 1)
    assert look(world) == {}
    world.advance(1)
    assert look(world) == RENEWED
    second = vault.done("GET", f"/certificates/{name}")
    assert second["id"] != first["id"]
    assert (second["tags"], second["attributes"]["enabled"]) == ({"owner": "web"}, True)
    assert loaded(second).public_key() != loaded(first).public_key()
    assert life_of(second)[0] == int(world.clock()) - 600
    assert vault.done("GET", f"/secrets/{name}")["id"].endswith(second["id"].rpartition("/")[2])
    assert told(world, name) == [("CertificateEnroll", 200), ("CertificateRenew", 200)]
    assert look(world) == {}


def test_a_certificate_is_renewed_so_many_days_before_its_end(vault: Client, world: Simulation, name: str) -> None:
    """The other trigger."""
    first = made(vault, world, name, lifetime_actions=action("AutoRenew", days_before_expiry=40))
    world.advance(life_of(first)[1] - 40 * DAY_S - world.clock() - 1)
    assert look(world) == {}
    world.advance(1)
    assert look(world) == RENEWED


def test_a_change_of_the_policy_holds_for_the_version_that_there_is(
    vault: Client, world: Simulation, name: str
) -> None:
    """At once, in both directions."""
    made(vault, world, name)
    world.advance(100 * DAY_S)
    assert look(world) == {}
    change = {"lifetime_actions": action("AutoRenew", lifetime_percentage=20)}
    vault.done("PATCH", f"/certificates/{name}/policy", body=change)
    assert look(world) == RENEWED
    vault.done("PATCH", f"/certificates/{name}/policy", body={"lifetime_actions": []})
    assert stored_of(world, name).due_at == life_of(vault.done("GET", f"/certificates/{name}"))[1] - 30 * DAY_S


def test_what_was_due_many_times_is_renewed_once(vault: Client, world: Simulation, name: str) -> None:
    """After years in which the service was down: a new version's time begins when it is made."""
    made(vault, world, name)
    world.advance(5 * YEAR_S)
    assert look(world) == RENEWED
    assert stored_of(world, name).versions == 2
    assert look(world) == {}


def test_a_policy_that_is_disabled_does_nothing(vault: Client, world: Simulation, name: str) -> None:
    """No renewal; that it expires is told all the same."""
    made(vault, world, name, attributes={"enabled": False})
    world.advance(2 * YEAR_S)
    assert look(world) == {Event.NEAR_EXPIRY: 1, Event.EXPIRED: 1}


def test_a_certificate_that_is_disabled_is_left_alone(vault: Client, world: Simulation, name: str) -> None:
    """Nothing comes alive behind a name that was put out of use."""
    vault.ask("POST", f"/certificates/{name}/create", body={"policy": POLICY, "attributes": {"enabled": False}})
    vault.done("GET", f"/certificates/{name}/pending")
    world.advance(2 * YEAR_S)
    assert look(world) == {}
    assert stored_of(world, name).versions == 1


def test_a_renewal_goes_through_an_issuers_steps(vault: Client, world: Simulation, name: str, letters: Letters) -> None:
    """While it is under way nothing else is begun; the version before stays the latest until the next is there."""
    issuer, policy = stand_in(vault, world, ISSUE, Waiting(b"", 0), Waiting(b"x", 0))
    first = made(vault, world, name, **policy)
    issuer.steps[1] = Waiting(b"x", int(world.clock()) + 73 * DAY_S)
    world.advance(72 * DAY_S)
    look(world)
    assert vault.done("GET", f"/certificates/{name}/pending")["status"] == "inProgress"
    assert vault.done("GET", f"/certificates/{name}")["id"] == first["id"]
    issuer.authority = Authority(world.clock())
    issuer.steps.append(ISSUE)
    world.advance(2 * DAY_S)
    look(world)
    assert vault.done("GET", f"/certificates/{name}")["id"] != first["id"]
    assert letters.told == [(NoticeKind.RENEWED, "")]


def test_an_issuer_that_gives_what_is_nearly_over_is_left_alone_for_a_while(
    vault: Client, world: Simulation, name: str
) -> None:
    """Four fifths of its life are over when it comes: an hour passes before the next one is asked for."""
    issuer, policy = stand_in(vault, world, ISSUE, ISSUE)
    made(vault, world, name, **policy)
    world.advance(85 * DAY_S)
    assert look(world)["CertificateRenew"] == 1
    assert look(world) == {}
    assert len(issuer.asked) == 2
    world.advance(HOUR_S)
    assert look(world)["CertificateRenew"] == 1


def test_an_issuer_that_gives_less_than_was_asked_for_is_not_asked_without_end(
    vault: Client, world: Simulation, name: str
) -> None:
    """90 days, where the policy renews 300 days before the end: then at four fifths of what there is."""
    _, policy = stand_in(vault, world, ISSUE)
    made(vault, world, name, lifetime_actions=action("AutoRenew", days_before_expiry=300), **policy)
    assert look(world) == {}
    nbf, exp = life_of(vault.done("GET", f"/certificates/{name}"))
    assert stored_of(world, name).due_at == min(nbf + (exp - nbf) * 80 // 100, exp - 30 * DAY_S)


def test_a_process_that_dies_when_a_renewal_has_begun_renews_once(
    vault: Client, world: Simulation, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one makes the step of the operation that stands, with its key."""
    made(vault, world, name)
    world.advance(300 * DAY_S)

    class Dead(BaseException):
        """A process ends: nobody catches it."""

    async def die(*_given: object, **_how: object) -> None:
        raise Dead

    with monkeypatch.context() as patch:
        patch.setattr(certificate_upkeep, "make_step", die)
        with pytest.raises(Dead):
            look(world)
    begun = upkeep(world, name).pending
    assert begun is not None
    assert look(world) == {"CertificateEnroll": 1}
    bundle = vault.done("GET", f"/certificates/{name}")
    assert (bundle["id"].rpartition("/")[2], stored_of(world, name).versions) == (begun.version, 2)


# ---- renewals that fail ---------------------------------------------------------------------------------------------


def test_a_renewal_that_fails_is_tried_again_later_each_time(
    vault: Client, world: Simulation, name: str, letters: Letters
) -> None:
    """The contacts are told; it begins anew, with a key of its own, after an hour, two, four, up to a day."""
    issuer, policy = stand_in(vault, world, ISSUE, *[Refused("Not today.")] * 7)
    made(vault, world, name, **policy)
    world.advance(72 * DAY_S)
    look(world)
    pauses = []
    for _ in range(6):
        retry = upkeep(world, name).retry_at
        assert retry is not None
        pauses.append(retry - int(world.clock()))
        world.advance(pauses[-1])
        look(world)
    first = certificate_limits.RENEWAL_RETRY_S
    assert pauses == [first, 2 * first, 4 * first, 8 * first, 16 * first, DAY_S]
    assert letters.told == [(NoticeKind.NOT_RENEWED, "Not today.")] * 7
    assert len({request_id for request_id, _ in issuer.asked}) == 8
    issuer.steps.append(ISSUE)
    issuer.authority = Authority(world.clock())
    world.advance(DAY_S)
    look(world)
    assert (upkeep(world, name).failures, upkeep(world, name).retry_at) == (0, None)
    assert stored_of(world, name).versions == 2


def test_a_renewal_that_cannot_begin_is_tried_again(
    vault: Client, world: Simulation, name: str, letters: Letters
) -> None:
    """The token is away when the key is to be made: recorded, told, and done when it is back."""
    token = MemoryToken()
    world.world.protections.token = token
    world.set_vault(sku="premium")
    made(vault, world, name, key_props={"kty": "EC-HSM"})
    world.advance(300 * DAY_S)
    token.away = True
    assert look(world) == {FAILED: 1}
    assert told(world, name)[-1] == ("CertificateRenew", 503)
    assert letters.told == [(NoticeKind.NOT_RENEWED, "The token does not answer.")]
    token.away = False
    assert look(world) == {}
    world.advance(HOUR_S)
    assert look(world) == RENEWED
    assert len(token.held) == 2
    world.world.protections.token = None


def test_a_renewal_that_somebody_ends_is_not_begun_again_at_once(vault: Client, world: Simulation, name: str) -> None:
    """Forgotten or cancelled, it waits as after a failure."""
    _, policy = stand_in(vault, world, ISSUE)
    made(vault, world, name, **policy)
    world.advance(72 * DAY_S)
    look(world)
    vault.done("DELETE", f"/certificates/{name}/pending")
    world.settle()
    assert look(world) == {}
    world.advance(HOUR_S)
    assert look(world)["CertificateRenew"] == 1
    vault.done("PATCH", f"/certificates/{name}/pending", body={"cancellation_requested": True})
    assert vault.done("GET", f"/certificates/{name}/pending")["status"] == "cancelled"
    assert upkeep(world, name).retry_at == int(world.clock()) + 2 * HOUR_S


def test_a_renewal_after_the_policy_changed_is_by_the_new_one(vault: Client, world: Simulation, name: str) -> None:
    """What is under way was begun by the old one, and stays so; whatever comes after is by the new one."""
    issuer, policy = stand_in(vault, world, ISSUE, Unavailable("Away."), ISSUE)
    made(vault, world, name, **policy)
    world.advance(72 * DAY_S)
    look(world)
    issuer.authority = Authority(world.clock())
    change = {"x509_props": {"subject": "CN=new.example.com"}, "issuer": {"name": "Self"}}
    vault.done("PATCH", f"/certificates/{name}/policy", body=change)
    world.advance(60)
    look(world)
    bundle = vault.done("GET", f"/certificates/{name}")
    assert loaded(bundle).subject.rfc4514_string() == "CN=example.com"
    world.advance(72 * DAY_S)
    look(world)
    bundle = vault.done("GET", f"/certificates/{name}")
    assert loaded(bundle).subject.rfc4514_string() == "CN=new.example.com"
    assert loaded(bundle).issuer == loaded(bundle).subject


def test_a_renewal_heeds_the_guardrails(vault: Client, world: Simulation, name: str) -> None:
    """What they deny is recorded and tried again; so is a creation refused, with 403."""
    made(vault, world, name)
    world.advance(300 * DAY_S)
    rules = (Guardrail("rsa", Rule.KEY_TYPES, Effect.DENY, types=("RSA",)),)
    world.commit(lambda tx: tx.put(Guardrails(THE_GUARDRAILS, "", rules, int(world.clock()))))
    assert look(world) == {FAILED: 1}
    assert told(world, name)[-1] == ("CertificateRenew", 403)
    answer = vault.ask("POST", f"/certificates/{name}-new/create", body={"policy": POLICY})
    assert (answer.status, answer.error["innererror"]) == (403, {"code": "DisallowedByPolicy"})
    world.commit(lambda tx: tx.put(Guardrails(THE_GUARDRAILS, "", (), int(world.clock()))))
    world.advance(HOUR_S)
    assert look(world) == RENEWED


def in_force(world: Simulation, *rules: Guardrail) -> None:
    """Put guardrails in force, or none."""
    world.commit(lambda tx: tx.put(Guardrails(THE_GUARDRAILS, "", rules, int(world.clock()))))


def test_a_change_has_a_renewal_tried_at_once_that_a_guardrail_refused(
    vault: Client, world: Simulation, name: str
) -> None:
    """Be it its tags: once the guardrail is lifted, nobody has to wait until it would be tried again."""
    made(vault, world, name)
    world.advance(300 * DAY_S)
    in_force(world, Guardrail("rsa", Rule.KEY_TYPES, Effect.DENY, types=("RSA",)))
    assert look(world) == {FAILED: 1}
    in_force(world)
    assert look(world) == {}
    vault.done("PATCH", f"/certificates/{name}", body={"tags": {"a": "b"}})
    assert look(world) == RENEWED


def test_a_renewal_notes_what_is_only_to_be_noted(vault: Client, world: Simulation, name: str) -> None:
    """It is made, and the record of its end says what it goes against."""
    made(vault, world, name)
    world.advance(300 * DAY_S)
    in_force(
        world,
        Guardrail("rsa", Rule.KEY_TYPES, Effect.AUDIT, types=("RSA",)),
        Guardrail("short", Rule.SECRET_EXPIRY, Effect.AUDIT, max_days=30),
    )
    assert look(world) == RENEWED
    in_force(world)
    (entry,) = [one for one in world.entries() if one["operationName"] == "CertificateRenew"][-1:]
    assert [text.partition(":")[0] for text in entry["properties"]["policyAudits"]] == ["rsa", "short"]


def test_what_an_issuer_gives_is_judged_as_it_is(vault: Client, world: Simulation, name: str) -> None:
    """However short a time was asked for: the operation fails with the guardrail's reason, and there is no version."""
    _, policy = stand_in(vault, world, ISSUE)
    policy["x509_props"] = POLICY["x509_props"] | {"validity_months": 1}
    in_force(world, Guardrail("short", Rule.SECRET_EXPIRY, Effect.DENY, max_days=40))
    create(vault, name, **policy)
    world.settle()
    in_force(world)
    found = vault.done("GET", f"/certificates/{name}/pending")
    assert found["status"] == "failed"
    assert found["error"]["message"].startswith("The issuance was disallowed by policy. Reasons: short: ")
    assert vault.ask("GET", f"/secrets/{name}").status == 404
    assert told(world, name)[-1] == ("CertificateEnroll", 400)


# ---- what is told ---------------------------------------------------------------------------------------------------


def test_an_issuer_is_not_asked_often_for_what_is_not_taken(
    vault: Client, world: Simulation, name: str, letters: Letters
) -> None:
    """A CA counts what it issues: it is asked again days later. Meanwhile the version that there is stays as it was."""
    issuer, policy = stand_in(vault, world, ISSUE)
    policy["x509_props"] = POLICY["x509_props"] | {"validity_months": 1}
    before = made(vault, world, name, **policy)["id"]
    world.advance(80 * DAY_S)
    in_force(world, Guardrail("short", Rule.SECRET_EXPIRY, Effect.DENY, max_days=40))
    for _ in range(10 * 24):
        issuer.steps.append(ISSUE)
        issuer.authority.now = datetime.fromtimestamp(int(world.clock()), UTC)
        look(world)
        world.advance(HOUR_S)
    in_force(world)
    assert len(issuer.asked) == 1 + len([0, 1, 3, 7])
    assert [kind for kind, _ in letters.told] == [NoticeKind.NOT_RENEWED] * 4
    assert vault.done("GET", f"/certificates/{name}")["id"] == before
    assert vault.done("GET", f"/secrets/{name}")["value"]


def test_contacts_are_written_to_once(vault: Client, world: Simulation, name: str, letters: Letters) -> None:
    """EmailContacts: at its time, once for each version, and not in the journal's name of anything else."""
    made(vault, world, name, lifetime_actions=action("EmailContacts", days_before_expiry=60))
    exp = life_of(vault.done("GET", f"/certificates/{name}"))[1]
    world.advance(exp - 60 * DAY_S - world.clock())
    assert look(world) == {Event.WRITE: 1}
    assert look(world) == {}
    assert letters.told == [(NoticeKind.NEAR_EXPIRY, "")]
    vault.ask("POST", f"/certificates/{name}/create", body={})
    vault.done("GET", f"/certificates/{name}/pending")
    world.advance(300 * DAY_S)
    look(world)
    assert letters.told == [(NoticeKind.NEAR_EXPIRY, "")]
    world.advance(6 * DAY_S)
    assert look(world) == {Event.WRITE: 1}


def test_expiry_is_told_before_and_when_it_comes(vault: Client, world: Simulation, name: str, letters: Letters) -> None:
    """Once each, recorded under Azure's names, with the version that it is about."""
    bundle = made(vault, world, name, lifetime_actions=[])
    exp = life_of(bundle)[1]
    world.advance(exp - certificate_limits.NEAR_EXPIRY_S - world.clock() - 1)
    assert look(world) == {}
    world.advance(1)
    assert look(world) == {Event.NEAR_EXPIRY: 1}
    assert look(world) == {}
    world.advance(certificate_limits.NEAR_EXPIRY_S)
    assert look(world) == {Event.EXPIRED: 1}
    assert look(world) == {}
    assert told(world, name)[-2:] == [(Event.NEAR_EXPIRY, 200), (Event.EXPIRED, 200)]
    entry = world.entries()[-1]["properties"]
    assert entry["id"].partition("/certificates/")[2] == bundle["id"].partition("/certificates/")[2]
    assert entry["certificateProperties"]["exp"] == exp
    assert letters.told == [(NoticeKind.EXPIRED, "")]
    assert stored_of(world, name).due_at is None


def test_two_nodes_renew_a_certificate_once(tmp_path: Path) -> None:
    """Whoever has the lease does it; the other finds nothing left to do."""
    world = Simulation(tmp_path, database=tmp_path / "store.db")
    vault = lasting_client(world)
    made(vault, world, "one")
    world.advance(300 * DAY_S)

    async def both() -> list[dict[str, int]]:
        store = await SqliteStore.open(tmp_path / "store.db", world.keys.tag, world.clock)
        other = replace(world.world, store=store)
        done = await asyncio.gather(look_after_objects(world.world, NODE), look_after_objects(other, "node-2"))
        await store.close()
        return [dict(one) for one in done]

    assert sorted(map(len, world.run(both()))) == [0, 2]
    assert stored_of(world, "one").versions == 2
    world.close()


def test_a_clock_that_was_ahead_and_is_set_right_leaves_no_certificate_waiting_for_it(
    vault: Client, world: Simulation, name: str
) -> None:
    """Neither an operation whose issuer was away then, nor a renewal that failed then, waits for years."""
    issuer, policy = stand_in(vault, world, ISSUE)
    renewing, waiting, now = f"{name}-renewing", f"{name}-waiting", world.clock()
    vault.ask("POST", f"/certificates/{renewing}/create", body={"policy": POLICY | policy})
    world.settle()
    world.advance(YEAR_S)
    issuer.steps.append(Refused("Not at such a time."))
    assert look(world)[FAILED] == 1
    issuer.away = True
    vault.ask("POST", f"/certificates/{waiting}/create", body={"policy": POLICY | policy})
    world.settle()
    assert upkeep(world, renewing).failures == 1
    world.advance(now - world.clock())
    issuer.away = False
    issuer.steps.append(ISSUE)
    asked = len(issuer.asked)
    assert look(world) == {"CertificateEnroll": 1}
    assert len(issuer.asked) == asked + 1
    pending = upkeep(world, waiting).pending
    assert pending is not None
    assert pending.status is PendingStatus.COMPLETED
    assert (upkeep(world, renewing).failures, upkeep(world, renewing).retry_at) == (0, None)
    assert look(world) == {}


# ---- issuers that do not answer -------------------------------------------------------------------------------------


def test_one_operation_asks_a_silent_issuer_for_all(vault: Client, world: Simulation, name: str) -> None:
    """The others are put off unasked and uncounted, so what else is due does not wait for a CA that hangs."""
    issuer, policy = stand_in(vault, world)
    names = [f"{name}-{number}" for number in range(4)]
    for one in names:
        create(vault, one, **policy)
    world.settle()
    issuer.away, asked = True, len(issuer.asked)
    world.advance(2 * HOUR_S)
    assert look(world) == {WAITING: 4}
    assert len(issuer.asked) == asked + 1
    counted = [(upkeep(world, one).pending or pytest.fail("no operation")).failures for one in names]
    assert sorted(counted) == [0, 0, 0, 1]
    issuer.away = False
    world.advance(certificate_limits.SILENCE_S)
    look(world)
    assert len(issuer.asked) == asked + 5


def test_no_more_silences_are_remembered_than_there_may_be(vault: Client, world: Simulation, name: str) -> None:
    """Past `SILENCES` all are forgotten, and each issuer is asked once more."""
    issuer, policy = stand_in(vault, world)
    create(vault, name, **policy)
    world.settle()
    issuer.away = True
    world.world.silences = {str(number): Silence(issuer, 0) for number in range(certificate_limits.SILENCES)}
    world.advance(2 * HOUR_S)
    look(world)
    assert len(world.world.silences) == 1
