"""Guardrails for certificates in force: when one is made, brought in, merged, restored or renewed, or changed."""

from __future__ import annotations

from collections import deque

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from strongroom.core.private_authorities import PROVIDER
from tests.flow.authorities import Authority
from tests.flow.client import Client
from tests.flow.imported import in_pem, self_signed
from tests.flow.issuing import HOUR_S, ISSUE, YEAR_S, StandIn, lasting_client, look
from tests.flow.test_certificate_pending import merge, requested
from tests.flow.test_guardrails import KEYS, Declare, control, declare, refused_by
from tests.flow.vault_certificates import POLICY, create, made
from tests.world import Simulation

__all__ = ["declare"]

SHORT = """
[[guardrail]]
name = "short lives"
rule = "certificate-validity"
effect = "{effect}"
max_months = 3
"""
ISSUERS = """
[[guardrail]]
name = "our own CA"
rule = "certificate-issuers"
effect = "{effect}"
issuers = ["PrivateCA"]
"""
SOON = """
[[guardrail]]
name = "soon"
rule = "certificate-expiry"
effect = "{effect}"
min_days = {days}
"""
X509 = POLICY["x509_props"] | {"validity_months": 3}


@pytest.fixture(scope="module")
def vault(world: Simulation) -> Client:
    """Administer the first vault, for years."""
    return lasting_client(world)


def test_one_is_not_made_against_them(world: Simulation, vault: Client, declare: Declare) -> None:
    """Nothing is there afterwards; one that keeps to them is made."""
    declare(SHORT)
    answer = vault.ask("POST", "/certificates/new/create", body={"policy": POLICY})
    assert "good for at most 3 months" in refused_by(answer, "short lives")
    assert vault.ask("GET", "/certificates/new").status == 404
    assert "cer" in made(vault, world, "new", x509_props=X509)


def test_the_provider_counts_and_not_a_name(vault: Client, declare: Declare) -> None:
    """A vault's holder may call an issuer as he likes: what stands behind it is looked at."""
    vault.done("PUT", "/certificates/issuers/PrivateCA", body={"provider": "ACME"})
    vault.done("PUT", "/certificates/issuers/anything", body={"provider": PROVIDER.lower()})
    declare(ISSUERS)
    for name in ("PrivateCA", "Self", "Unknown"):
        body = {"policy": POLICY | {"issuer": {"name": name}}}
        refused_by(vault.ask("POST", "/certificates/named/create", body=body), "our own CA")
    create(vault, "named", issuer={"name": "anything"})


def test_an_issuer_that_becomes_anothers_issues_nothing(
    world: Simulation, vault: Client, declare: Declare, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may set issuers has no other provider issue what waits: it is judged again before anybody is asked."""
    slow, other = (StandIn(Authority(world.clock()), deque(steps)) for steps in ((), (ISSUE,)))
    monkeypatch.setattr(world.world, "issuers", {PROVIDER: slow, "Other": other})
    vault.done("PUT", "/certificates/issuers/moving", body={"provider": PROVIDER})
    declare(ISSUERS)
    create(vault, "moving", issuer={"name": "moving"})
    world.settle()
    assert len(slow.asked) == 1
    vault.done("PUT", "/certificates/issuers/moving", body={"provider": "Other"})
    world.advance(HOUR_S)
    look(world)
    operation = vault.done("GET", "/certificates/moving/pending")
    assert (operation["status"], other.asked) == ("failed", [])
    assert "'our own CA: the certificate must come from one of PrivateCA'" in operation["error"]["message"]


def test_what_waits_is_let_go_of(
    world: Simulation, vault: Client, declare: Declare, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a guardrail comes into force meanwhile, the issuer is told, as often as it takes, and asked no more."""
    slow = StandIn(Authority(world.clock()))
    monkeypatch.setattr(world.world, "issuers", {PROVIDER: slow})
    vault.done("PUT", "/certificates/issuers/slow", body={"provider": PROVIDER})
    create(vault, "waiting", issuer={"name": "slow"})
    world.settle()
    ((asked, _),) = slow.asked
    declare(SHORT)
    for slow.away, status in ((True, "inProgress"), (False, "failed")):
        world.advance(HOUR_S)
        look(world)
        assert vault.done("GET", "/certificates/waiting/pending")["status"] == status
    assert (slow.cancelled, len(slow.asked)) == ([asked], 1)


def test_what_an_issuer_gave_is_judged_by_itself(
    world: Simulation, vault: Client, declare: Declare, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be good for longer than the policy asks for, or for too short."""
    issuer = StandIn(Authority(world.clock()), deque([ISSUE, ISSUE]))
    monkeypatch.setattr(world.world, "issuers", {PROVIDER: issuer})
    vault.done("PUT", "/certificates/issuers/giving", body={"provider": PROVIDER})
    for name, rules, months in (
        ("longer", SHORT.replace("max_months = 3", "max_months = 1"), 1),
        ("shorter", SOON.format(effect="{effect}", days=100), 12),
    ):
        declare(rules)
        create(vault, name, issuer={"name": "giving"}, x509_props=X509 | {"validity_months": months})
        world.settle()
        operation = vault.done("GET", f"/certificates/{name}/pending")
        assert operation["status"] == "failed", name
        assert "disallowed by policy" in operation["error"]["message"], name


def test_the_key_that_an_operation_made_counts(world: Simulation, vault: Client, declare: Declare) -> None:
    """A policy that was changed since to another kind of key makes nothing of one that is not allowed."""
    chain = Authority(world.clock()).issue(requested(vault, "rekeyed"))
    vault.done("PATCH", "/certificates/rekeyed/policy", body={"key_props": {"kty": "RSA", "key_size": 2048}})
    declare('[[guardrail]]\nname = "RSA"\nrule = "certificate-keys"\neffect = "{effect}"\ntypes = ["RSA"]\n')
    refused_by(merge(vault, "rekeyed", *chain), "RSA")


def test_a_policy_is_not_changed_away(world: Simulation, vault: Client, declare: Declare) -> None:
    """By neither of the two ways; what was there before stays, and to change it is to mend it."""
    made(vault, world, "older")
    declare(SHORT)
    for path, body in (
        ("/certificates/older/policy", {"key_props": {"reuse_key": True}}),
        ("/certificates/older", {"policy": {"x509_props": {"validity_months": 4}}}),
    ):
        refused_by(vault.ask("PATCH", path, body=body), "short lives")
    assert "key_props" in vault.done("GET", "/certificates/older/policy")
    assert vault.done("PATCH", "/certificates/older", body={"tags": {"a": "b"}})["tags"] == {"a": "b"}
    mended = {"x509_props": {"validity_months": 3}}
    assert vault.done("PATCH", "/certificates/older/policy", body=mended)["x509_props"]["validity_months"] == 3


def test_what_is_brought_in_is_judged_by_itself(world: Simulation, vault: Client, declare: Declare) -> None:
    """How long it is good it says itself, and it comes from outside whoever its policy has the next one from."""
    vault.done("PUT", "/certificates/issuers/inside", body={"provider": PROVIDER})
    long, short = (in_pem(*self_signed(world.clock(), days=days)) for days in (120, 60))
    policy = {"x509_props": {"validity_months": 3}}
    declare(SHORT)
    refused_by(vault.ask("POST", "/certificates/in/import", body={"value": long, "policy": policy}), "short lives")
    vault.done("POST", "/certificates/in/import", body={"value": short, "policy": policy})
    backup = vault.done("POST", "/certificates/in/backup")
    vault.done("DELETE", "/certificates/in")
    vault.done("DELETE", "/deletedcertificates/in")
    declare(ISSUERS)
    inside = {"value": short, "policy": policy | {"issuer": {"name": "inside"}}}
    refused_by(vault.ask("POST", "/certificates/in/import", body=inside), "our own CA")
    refused_by(vault.ask("POST", "/certificates/restore", body=backup), "our own CA")
    assert vault.ask("GET", "/certificates/in").status == 404


def test_what_was_issued_within_them_can_be_brought_in(world: Simulation, vault: Client, declare: Declare) -> None:
    """A vault dates its certificates back a little, which makes them no longer than they were asked for."""
    declare(SHORT)
    made(vault, world, "given", x509_props=X509)
    value = vault.done("GET", "/secrets/given")["value"]
    vault.done("POST", "/certificates/taken/import", body={"value": value})


def test_every_version_that_is_restored_is_judged(world: Simulation, vault: Client, declare: Declare) -> None:
    """Also one that another has followed, by its own time and its own key, which the policy asks for no more."""
    key = ec.generate_private_key(ec.SECP384R1())
    policy = {"x509_props": {"validity_months": 3}}
    for pair in (self_signed(world.clock(), key=key, days=120), self_signed(world.clock(), days=60)):
        vault.done("POST", "/certificates/two/import", body={"value": in_pem(*pair), "policy": policy})
    backup = vault.done("POST", "/certificates/two/backup")
    vault.done("DELETE", "/certificates/two")
    vault.done("DELETE", "/deletedcertificates/two")
    curve = '[[guardrail]]\nname = "curve"\nrule = "certificate-keys"\neffect = "{effect}"\ncurves = ["P-256"]\n'
    for rules, name in ((SHORT, "short lives"), (curve, "curve")):
        declare(rules)
        refused_by(vault.ask("POST", "/certificates/restore", body=backup), name)
    control(world, "DELETE", "/policy")
    vault.done("POST", "/certificates/restore", body=backup)


def test_an_earlier_version_that_has_run_out_keeps_nothing_from_being_restored(
    world: Simulation, vault: Client, declare: Declare
) -> None:
    """It is judged as of when it was made; the latest has to be good for long enough now."""
    vault.done("POST", "/certificates/run-out/import", body={"value": in_pem(*self_signed(world.clock(), days=60))})
    world.advance(100 * 24 * HOUR_S)
    vault.done("POST", "/certificates/run-out/import", body={"value": in_pem(*self_signed(world.clock(), days=60))})
    backup = vault.done("POST", "/certificates/run-out/backup")
    vault.done("DELETE", "/certificates/run-out")
    vault.done("DELETE", "/deletedcertificates/run-out")
    declare(SOON.replace("{days}", "50"))
    vault.done("POST", "/certificates/restore", body=backup)


def test_what_is_merged_is_judged_too(world: Simulation, vault: Client, declare: Declare) -> None:
    """An operation that began before is not the way round them."""
    chain = Authority(world.clock()).issue(requested(vault, "merged"))
    declare(ISSUERS)
    refused_by(merge(vault, "merged", *chain), "our own CA")
    control(world, "DELETE", "/policy")
    assert merge(vault, "merged", *chain).status == 201


def test_an_audit_notes_everything(world: Simulation, vault: Client, declare: Declare) -> None:
    """What its key goes against and what it goes against itself stand in one entry."""
    declare(KEYS + SHORT, "audit")
    create(vault, "noted", key_props={"kty": "EC", "crv": "P-384"})
    (entry,) = (one for one in world.entries() if one["operationName"] == "CertificateCreate" and "noted" in str(one))
    assert entry["properties"]["policyAudits"] == [
        "key types: the key's curve must be one of P-256",
        "short lives: the certificate must be good for at most 3 months",
    ]


def test_a_check_finds_what_is_there(world: Simulation, vault: Client) -> None:
    """Each certificate is looked at, by its policy and by what it says itself."""
    made(vault, world, "there", x509_props=X509 | {"validity_months": 2})
    soon = '[[guardrail]]\nname = "soon"\nrule = "certificate-expiry"\neffect = "audit"\nmin_days = 90\n'
    told = control(world, "POST", "/policy/check", {"text": soon}).json
    assert told["certificates"] >= 1
    assert {
        "vault": world.vault.name,
        "object": "certificates/there",
        "guardrail": "soon",
        "effect": "audit",
        "reason": "the certificate must be good for 90 days more",
    } in told["findings"]


def test_one_is_not_renewed_against_them(world: Simulation, vault: Client, declare: Declare) -> None:
    """What lives too long by its policy gets no other version; once that is mended, it does."""
    before = made(vault, world, "renewed", lifetime_actions=_at(80))["id"]
    declare(SHORT)
    world.advance(YEAR_S * 0.9)
    look(world)
    world.settle()
    assert vault.done("GET", "/certificates/renewed")["id"] == before
    vault.done("PATCH", "/certificates/renewed/policy", body={"x509_props": {"validity_months": 3}})
    look(world)
    world.settle()
    assert vault.done("GET", "/certificates/renewed")["id"] != before


def _at(percentage: int) -> list[dict[str, object]]:
    return [{"trigger": {"lifetime_percentage": percentage}, "action": {"action_type": "AutoRenew"}}]
