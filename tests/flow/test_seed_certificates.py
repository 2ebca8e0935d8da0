"""Certificates, who issues them and who is told of them, as a file says them; and all that a vault can have at once."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from strongroom.cli.seed import certificates, show
from strongroom.cli.seed.export import write_yaml
from strongroom.cli.seed.reading import Invalid
from strongroom.core.issuance import Step, Waiting, Wanted
from tests import seeding
from tests.flow.events import Events
from tests.flow.imported import in_pem, self_signed
from tests.flow.private_authorities import create, publishing
from tests.flow.seed_cases import answering, faults_of, in_vault, lacks, look, made_vault, stays
from tests.flow.seeds import name, settled, steps
from tests.flow.test_certificate_import import pfx
from tests.plugins.canary import plant
from tests.world import START, Simulation

SELF = {"issuer": "Self", "subject": "CN=shop.example", "keyType": "EC", "curve": "P-256"}
"""A policy by which a certificate is quickly made."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    """Make one world for the module, with a private CA."""
    simulation = publishing(tmp_path_factory.mktemp("world"))
    create(simulation, "Internal")
    yield simulation
    simulation.close()


@pytest.fixture
def webhooks(world: Simulation, monkeypatch: pytest.MonkeyPatch) -> Events:
    """Have webhooks answer while a command waits for them."""
    return answering(world, monkeypatch)


# ---- certificates ---------------------------------------------------------------------------------------------------

WHOLE = {
    "issuer": "internal",
    "certificateType": "server",
    "subject": "CN=shop.example, O=Example",
    "alternativeNames": {"dnsNames": ["shop.example", "www.shop.example"], "ipAddresses": ["2001:DB8::1"]},
    "keyType": "EC",
    "curve": "P-384",
    "exportable": False,
    "reuseKey": True,
    "contentType": "application/x-pem-file",
    "validityMonths": 6,
    "keyUsage": ["digitalSignature"],
    "extendedKeyUsage": ["1.3.6.1.5.5.7.3.1"],
    "lifetimeActions": [{"action": "AutoRenew", "daysBeforeExpiry": 30}],
    "enabled": False,
}


def whole(vault: str) -> dict[str, Any]:
    """Make a file with everything that it can say of a vault's certificates."""
    return in_vault(
        vault,
        certificateContacts=[{"email": "ops@shop.example", "name": "Ops", "phone": "1"}, {"email": "b@shop.example"}],
        certificateIssuers=[
            {
                "name": "internal",
                "provider": "PrivateCA",
                "accountId": "Internal",
                "organization": "shop",
                "administrators": [{"firstName": "Ada", "lastName": "B", "email": "ada@shop.example", "phone": "2"}],
            },
            {"name": "elsewhere", "provider": "DigiCert", "password": {"env": "DIGICERT"}, "enabled": False},
        ],
        certificates=[
            {"name": "web", "policy": WHOLE, "tags": {"a": "1"}, "enabled": False},
            {"name": "own", "policy": SELF | {"lifetimeActions": [], "keyUsage": [], "extendedKeyUsage": []}},
            {"name": "outside", "policy": {"subject": "CN=elsewhere.example"}, "preserveOrder": True},
        ],
    )


def test_an_instance_described_and_made_again(
    world: Simulation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a file says is made and exported, changes nothing where it is, and makes the same of another instance."""
    vault, password, secret = name("v"), plant(), plant()
    events = answering(world, monkeypatch)
    file = whole(vault)
    file["resourceGroups"][0]["vaults"][0]["eventSubscriptions"] = [
        {
            "name": "rotate",
            "endpoint": {"env": "HOOK"},
            "events": ["SecretNearExpiry", "KeyExpired"],
            "subjectBeginsWith": "db-",
            "subjectCaseSensitive": True,
            "advancedFilters": [
                {"operator": "StringIn", "key": "data.ObjectName", "values": ["a", "b"]},
                {"operator": "NumberInRange", "key": "data.EXP", "values": [[1, 5.5], [7, 9]]},
                {"operator": "BoolEquals", "key": "data.x", "values": [True]},
                {"operator": "IsNotNull", "key": "data.VaultName"},
            ],
            "schema": "CloudEventSchemaV1_0",
            "maxDeliveryAttempts": 3,
            "minutesToLive": 60,
            "expires": "2040-01-01T00:00:00Z",
            "labels": ["one"],
            "deliveryAttributes": [
                {"name": "X-Key", "secret": {"env": "KEY"}},
                {"name": "X-Team", "value": "shop"},
                {"name": "X-Name", "sourceField": "data.ObjectName"},
            ],
        },
        {"name": "all", "endpoint": {"url": "https://all.example/in"}},
    ]
    url = f"https://hook.example/in?code={secret}"
    how = {"environment": {"DIGICERT": password, "HOOK": url, "KEY": plant()}}
    stays(world, file, **how)
    made = seeding.export(world)
    text = write_yaml(made.document)
    assert made.left_out == []
    assert steps(seeding.plan(world, text)) == []
    for hidden in how["environment"].values():
        assert hidden not in text
    assert len(events.webhooks.asked) == 2

    (described,) = (one for home in made.document["resourceGroups"] for one in home["vaults"] if one["name"] == vault)
    (web,) = (one for one in described["certificates"] if one["name"] == "web")
    assert web["policy"] == {
        **WHOLE,
        "alternativeNames": {"dnsNames": ["shop.example", "www.shop.example"], "ipAddresses": ["2001:db8::1"]},
    }
    again = json.loads(json.dumps(in_vault(vault) | {}))
    again["resourceGroups"][0]["vaults"][0].update(described)
    for one, source in zip(described["eventSubscriptions"], (None, "HOOK"), strict=True):
        one["endpoint"] = {"url": "https://all.example/in"} if source is None else {"env": source}
    described["eventSubscriptions"][1]["deliveryAttributes"][0]["secret"] = {"env": "KEY"}
    elsewhere = publishing(tmp_path / "elsewhere")
    try:
        create(elsewhere, "Internal")
        answering(elsewhere, monkeypatch)
        stays(elsewhere, in_vault(vault, new=False, **described), **how)
        exported = seeding.export(elsewhere).document
    finally:
        elsewhere.close()
    (found,) = (one for home in exported["resourceGroups"] for one in home["vaults"] if one["name"] == vault)
    (was,) = (one for home in made.document["resourceGroups"] for one in home["vaults"] if one["name"] == vault)
    kept = {**was, "eventSubscriptions": [{**one, "endpoint": {"keep": True}} for one in was["eventSubscriptions"]]}
    kept["eventSubscriptions"][1]["deliveryAttributes"][0]["secret"] = {"keep": True}
    assert found == kept


def test_what_is_issued_here_is_waited_for_and_the_rest_is_told(world: Simulation) -> None:
    """After one run certificates of Self and of a private CA are there; one that others sign is told to wait."""
    vault = name("v")
    issuer = {"name": "internal", "provider": "PrivateCA", "accountId": "Internal"}
    own = [{"name": "own", "policy": SELF}, {"name": "ca", "policy": SELF | {"issuer": "internal"}}]
    outside = {"name": "outside", "policy": {"issuer": "Unknown", "subject": "CN=elsewhere.example"}}
    file = in_vault(vault, certificateIssuers=[issuer], certificates=[*own, outside])
    plan, outcome = seeding.apply(world, file)
    settled(outcome)
    for one in ("own", "ca"):
        assert "cer" in look(world, vault, f"/certificates/{one}")
    assert look(world, vault, "/certificates/outside/pending")["status"] == "inProgress"
    told = "\n".join(show.outcome_lines(outcome))
    assert f"strongroom certificate csr {vault} outside" in told
    (waiting,) = (one for one in show.as_json(plan, outcome, dry_run=False)["steps"] if "waits" in one)
    assert (waiting["name"], waiting["status"]) == (f"{vault}/outside", "done")
    assert steps(seeding.plan(world, file)) == []


class Hesitant:
    """An issuer that has everybody wait."""

    async def step(self, wanted: Wanted, state: bytes) -> Step:
        """Say that it takes an hour."""
        return Waiting(state, wanted.now + 3600)

    async def cancel(self, wanted: Wanted, state: bytes) -> None:
        """Let go of it."""


@pytest.mark.parametrize("provider", ["ACME", "PrivateCA"])
def test_what_takes_longer_is_told(world: Simulation, monkeypatch: pytest.MonkeyPatch, provider: str) -> None:
    """An ACME issuer may take days, and is not waited for; a private CA is, for a while. The rest goes on."""
    monkeypatch.setattr(world.world, "issuers", {provider: Hesitant()})
    asked: list[float] = []
    waits = SimpleNamespace(monotonic=lambda: sum(asked), sleep=asked.append)
    monkeypatch.setattr(certificates, "time", waits)
    vault = name("v")
    issuer = {"name": "slow", "provider": provider}
    certificate = {"name": "web", "policy": SELF | {"issuer": "slow"}, "enabled": False}
    file = in_vault(vault, certificateIssuers=[issuer], certificates=[certificate])
    _, outcome = seeding.apply(world, file)
    settled(outcome)
    told = f"it waits for its issuer, slow: strongroom certificate pending show {vault} web"
    assert told in "\n".join(show.outcome_lines(outcome))
    assert sum(asked) == (certificates._PATIENCE_S if provider == "PrivateCA" else 0)
    assert steps(seeding.plan(world, file)) == []


def test_a_policy_changes_and_nothing_is_issued_again(world: Simulation) -> None:
    """What differs is told part by part and changed; the version stays, and what the file does not say does too."""
    vault = name("v")
    certificate: dict[str, Any] = {"name": "web", "policy": SELF}
    settled(seeding.apply(world, in_vault(vault, certificates=[certificate]))[1])
    before = look(world, vault, "/certificates/web")
    changed = {
        "name": "web",
        "policy": {"validityMonths": 3, "keyType": "RSA", "keySize": 3072, "issuer": "self"},
        "tags": {"a": "1"},
        "enabled": False,
    }
    file = in_vault(vault, certificates=[changed])
    plan, outcome = seeding.apply(world, file)
    settled(outcome)
    assert list(show.plan_lines(plan)) == [
        f"~ certificate {vault}/web",
        "    enabled: yes -> no",
        "    tags: nothing -> a=1",
        "    policy.validityMonths: 12 -> 3",
        "    policy.keyType: EC -> RSA",
        "    policy.keySize: nothing -> 3072",
    ]
    after = look(world, vault, "/certificates/web")
    assert after["id"] == before["id"]
    assert after["policy"]["key_props"]["key_size"] == 3072
    assert after["policy"]["x509_props"]["subject"] == "CN=shop.example"
    assert (after["attributes"]["enabled"], after["tags"]) == (False, {"a": "1"})
    assert steps(seeding.plan(world, file)) == []
    never = seeding.plan(world, in_vault(vault, certificates=[{"name": "web", "preserveOrder": True}]))
    assert [fault for _, fault in never.impossible] == [
        "preserveOrder is False for ever and cannot become True: delete it first, or leave preserveOrder out"
    ]


def test_one_that_was_refused_is_begun_again(world: Simulation) -> None:
    """Its issuer's words are told; once that is mended, applying the file again makes the version."""
    vault = name("v")

    def file(account: str) -> dict[str, Any]:
        issuer = {"name": "internal", "provider": "PrivateCA", "accountId": account}
        certificate = {"name": "web", "policy": SELF | {"issuer": "internal"}, "tags": {"a": "1"}}
        return in_vault(vault, certificateIssuers=[issuer], certificates=[certificate])

    _, outcome = seeding.apply(world, file("nobody"))
    (failure,) = outcome.failed
    assert failure.message.startswith("it is not issued: The issuer's account_id names no private CA")
    plan, outcome = seeding.apply(world, file("Internal"))
    settled(outcome)
    assert "    state: failed -> issued" in list(show.plan_lines(plan))
    assert look(world, vault, "/certificates/web")["tags"] == {"a": "1"}
    assert steps(seeding.plan(world, file("Internal"))) == []


def test_one_that_is_cancelled_is_begun_again_and_one_under_way_is_left(world: Simulation) -> None:
    """Nobody's operation is disturbed, and what somebody put an end to is wanted still."""
    vault = made_vault(world)
    file = in_vault(vault, new=False, certificates=[{"name": "web", "policy": {"subject": "CN=a"}, "enabled": False}])
    stays(world, file)
    with seeding.session(world) as asks:
        asks.vault(vault, "DELETE", "/certificates/web/pending")
    plan, outcome = seeding.apply(world, file)
    settled(outcome)
    assert "    state: not begun -> issued" in list(show.plan_lines(plan))
    assert look(world, vault, "/certificates/web/pending")["status"] == "inProgress"


@pytest.mark.parametrize("form", ["pfx", "pem"])
def test_one_is_brought_in_once(world: Simulation, tmp_path: Path, form: str) -> None:
    """A file with its password makes a certificate where there is none; afterwards the file is not asked for."""
    vault, password = name("v"), plant()
    key, certificate = self_signed(START)
    if form == "pfx":
        (tmp_path / "web").write_bytes(base64.b64decode(pfx(key, certificate, password=password)))
    else:
        (tmp_path / "web").write_text(in_pem(key, certificate))
    (tmp_path / "password").write_text(f"{password}\n")
    subject = certificate.subject.rfc4514_string().replace(",", " , ")
    source: dict[str, Any] = {"file": "web"}
    if form == "pfx":
        source["password"] = {"file": "password"}
    file = in_vault(vault, certificates=[{"name": "web", "import": source, "policy": {"subject": subject}}])
    stays(world, file, folder=tmp_path)
    bundle = look(world, vault, "/certificates/web")
    kinds = {"pfx": "application/x-pkcs12", "pem": "application/x-pem-file"}
    assert bundle["policy"]["secret_props"]["contentType"] == kinds[form]
    for one in tmp_path.iterdir():
        one.unlink()
    assert steps(seeding.plan(world, file, folder=tmp_path)) == []
    text = write_yaml(seeding.export(world).document)
    assert "import:" not in text


def test_issuers_and_contacts_change(world: Simulation) -> None:
    """What a file says of them becomes so; a password that nobody can read is not compared, and stays."""
    vault, password = name("v"), plant()

    def file(contacts: list[str], **issuer: object) -> dict[str, Any]:
        return in_vault(
            vault,
            certificateContacts=[{"email": one} for one in contacts],
            certificateIssuers=[{"name": "ca", "provider": "DigiCert", "password": {"env": "P"}, **issuer}],
        )

    how = {"environment": {"P": password}}
    stays(world, file(["a@x.example"], accountId="one", organization="o"), **how)
    people = [{"firstName": "Ada"}]
    plan, outcome = seeding.apply(world, file([], accountId="two", administrators=people, enabled=False), **how)
    settled(outcome)
    assert list(show.plan_lines(plan)) == [
        f"~ certificate contacts of vault {vault}",
        "    certificateContacts: email=a@x.example -> nothing",
        f"~ certificate issuer {vault}/ca",
        "    accountId: one -> two",
        "    administrators: nothing -> firstName=Ada",
        "    enabled: yes -> no",
    ]
    found = look(world, vault, "/certificates/issuers/ca")
    assert found["org_details"] == {"id": "o", "admin_details": [{"first_name": "Ada"}]}
    assert (found["credentials"], found["attributes"]["enabled"]) == ({"account_id": "two"}, False)
    assert steps(seeding.plan(world, file([], accountId="two", enabled=False), **how)) == []


def test_what_a_list_leaves_out_goes_with_prune_alone(world: Simulation, webhooks: Events) -> None:
    """Without it nothing is deleted; an issuer that a certificate of the file has is not deleted at all."""
    vault = name("v")
    issuers = [{"name": one, "provider": "PrivateCA", "accountId": "Internal"} for one in ("first", "second")]
    many = [{"name": one, "policy": SELF} for one in ("web", "api")]
    hooks = [{"name": one, "endpoint": {"url": "https://all.example/in"}} for one in ("hook-1", "hook-2")]
    lists = {"certificateIssuers": issuers, "certificates": many, "eventSubscriptions": hooks}
    settled(seeding.apply(world, in_vault(vault, **lists))[1])
    assert webhooks.webhooks.asked
    less = in_vault(vault, **{member: of[:1] for member, of in lists.items()})
    assert steps(seeding.plan(world, less)) == []
    own = {"resourceGroups": [{"name": "default", "location": "local", "vaults": less["resourceGroups"][0]["vaults"]}]}
    with seeding.reaching(world) as reach:
        others = [one for one, _ in reach.listed("vault") if one != vault]
        document = seeding.read_document(json.dumps({"version": 1, **own}).encode())
        plan = seeding.compare(seeding.read_wanted(document, reach), reach, prune=True)
        going = [one for one in steps(plan) if not any(other in one for other in others)]
    assert going == [
        f"delete event subscription {vault}/hook-2",
        f"delete certificate {vault}/api",
        f"delete certificate issuer {vault}/second",
    ]
    needs = in_vault(
        vault, certificateIssuers=issuers[:1], certificates=[{"name": "web", "policy": {"issuer": "second"}}]
    )
    with pytest.raises(Invalid, match=r"certificate issuer .*/second is needed here, and --prune would delete it"):
        seeding.plan(world, needs, prune=True)


# ---- faults ---------------------------------------------------------------------------------------------------------


def test_faults_of_certificates_are_told_together(world: Simulation) -> None:
    """Every fault of a file has its place, and nothing of it is done."""
    policies: list[dict[str, Any]] = [
        {"issuer": "Self", "subject": "nonsense"},
        {"alternativeNames": {"dnsNames": ["a b"]}},
        {"keyType": "RSA", "curve": "P-256"},
        {"curve": "P-256"},
        {"keyType": "oct"},
        {"keyType": "EC-HSM", "exportable": True},
        {"lifetimeActions": [{"action": "AutoRenew"}]},
        {"lifetimeActions": [{"action": "AutoRenew", "atPercentage": 100}]},
        {"validityMonths": 1, "lifetimeActions": [{"action": "EmailContacts", "daysBeforeExpiry": 28}]},
        {"issuer": "Unknown", "lifetimeActions": [{"action": "AutoRenew", "atPercentage": 50}]},
        {"extendedKeyUsage": ["server"]},
        {"keyUsage": ["anything"]},
        {"nonsense": 1},
    ]
    file = in_vault(
        name("v"),
        certificates=[
            *({"name": f"c{number}", "policy": one} for number, one in enumerate(policies)),
            {"name": "issuers", "policy": SELF},
            {"name": "in", "import": {"file": "x", "password": {"generate": {}}}},
        ],
        certificateIssuers=[{"name": "Self", "provider": "x"}, {"name": "a"}],
        certificateContacts=[{"email": "nobody"}, {"email": "a@"}],
    )
    faults = faults_of(world, file)
    expected = {
        "certificates[0].policy: The subject name provided is not a valid X500 name.",
        "certificates[1].policy: The names in sans.dns_names must be DNS names",
        "certificates[2].policy: ",
        "certificates[3].policy: a curve is of an EC key",
        "certificates[4].policy.keyType: it must be one of RSA, RSA-HSM, EC, EC-HSM",
        "certificates[5].policy: Property exportable cannot be true",
        "certificates[6].policy.lifetimeActions[0]: exactly one of atPercentage, daysBeforeExpiry must be said",
        "certificates[7].policy.lifetimeActions[0].atPercentage: it must be a whole number from 1 to 99",
        "certificates[8].policy: Property days_before_expiry must be from 1 to 27",
        "certificates[9].policy: Property action_type cannot be AutoRenew",
        "certificates[10].policy: Property ekus must be object identifiers",
        "certificates[11].policy.keyUsage[0]: it must be one of",
        "certificates[12].policy: nonsense is not known here",
        "certificates[13]: No certificate can be called issuers.",
        "certificates[14].import.password: ",
        "certificateIssuers[0]: it cannot be called so",
        "certificateIssuers[1]: provider must be said",
        "certificateContacts[0].email: it must be an e-mail address",
        "certificateContacts[1].email: it must be an e-mail address",
    }
    place = "resourceGroups[0].vaults[0]."
    for one in expected:
        assert any(fault.startswith(place + one) for fault in faults), (one, faults)


def test_names_that_mean_nothing(world: Simulation) -> None:
    """An issuer that is nowhere, a name that two things would have, and a password that is not there, are faults."""
    vault = made_vault(world)
    file = in_vault(
        vault,
        new=False,
        secrets=[{"name": "web", "value": {"generate": {}}}],
        certificates=[{"name": "web", "policy": SELF | {"issuer": "nobody"}}],
        certificateIssuers=[{"name": "ca", "provider": "DigiCert", "password": {"env": "NOT_SET"}}],
    )
    assert sorted(faults_of(world, file)) == [
        "the environment variable NOT_SET is not set",
        f"there is no certificate issuer nobody in {vault}, neither there nor in this file",
        f"{vault}/web is a secret of this file too, and a certificate has it",
    ]


def test_an_issuer_that_was_deleted(world: Simulation) -> None:
    """Its certificates stay, and a file that says of them what is so stands; no other can be made by it."""
    vault = name("v")
    issuer = {"name": "leaving", "provider": "PrivateCA", "accountId": "Internal"}
    certificate = {"name": "web", "policy": SELF | {"issuer": "leaving"}}
    settled(seeding.apply(world, in_vault(vault, certificateIssuers=[issuer], certificates=[certificate]))[1])
    with seeding.session(world) as asks:
        asks.vault(vault, "DELETE", "/certificates/issuers/leaving")
    assert steps(seeding.plan(world, in_vault(vault, certificates=[certificate]))) == []
    (fault,) = faults_of(world, in_vault(vault, certificates=[certificate | {"name": "other"}]))
    assert f"there is no certificate issuer leaving in {vault}" in fault


def test_what_a_new_one_cannot_be_made_without(world: Simulation) -> None:
    """A policy with a name, or a file that is there: what is missing of either is told before anything is done."""
    new: list[dict[str, Any]] = [
        {"name": "a"},
        {"name": "b", "policy": {"issuer": "Self"}},
        {"name": "c", "import": {"file": "missing.pfx"}},
        {"name": "d", "policy": {"subject": "CN=a", "lifetimeActions": [{"action": "AutoRenew", "atPercentage": 50}]}},
    ]
    hook = {"name": "hook", "endpoint": {"keep": True}}
    faults = lacks(world, in_vault(name("v"), certificates=new, eventSubscriptions=[hook]))
    assert faults[0].startswith("there is no such certificate: say the policy")
    assert "must have a subject or a subject alternative name" in faults[1]
    assert "missing.pfx cannot be read" in faults[2]
    assert "cannot be AutoRenew where the issuer is Unknown" in faults[3]
    assert faults[4] == "its endpoint: there is none to keep: say where it comes from instead of `keep: true`"


# ---- rights ---------------------------------------------------------------------------------------------------------


def test_an_export_leaves_out_what_may_not_be_seen(world: Simulation) -> None:
    """Whoever may not see a vault's certificates has no export of them, and is told so."""
    vault = name("v")
    settled(seeding.apply(world, in_vault(vault, new=False, enableRbacAuthorization=False))[1])
    made = seeding.export(world)
    assert {one.partition(":")[0] for one in made.left_out if vault in one} == {
        f"the {noun} of vault {vault}"
        for noun in ("secrets", "keys", "certificates", "certificate issuers", "certificate contacts")
    }


def test_a_file_that_first_opens_its_vault(world: Simulation) -> None:
    """What could not be looked at is looked at when its turn comes: nothing is made or issued twice."""
    vault = made_vault(world)
    things = {
        "certificateContacts": [{"email": "a@x.example"}],
        "certificateIssuers": [{"name": "internal", "provider": "PrivateCA", "accountId": "Internal"}],
        "certificates": [{"name": "web", "policy": SELF | {"issuer": "internal"}}],
    }
    settled(seeding.apply(world, in_vault(vault, new=False, **things))[1])
    before = look(world, vault, "/certificates/web")["id"]
    settled(seeding.apply(world, in_vault(vault, new=False, enableRbacAuthorization=False))[1])
    with seeding.session(world) as asks:
        me = str(asks.claims["oid"])
    words = {"certificates": ["all"], "secrets": ["get", "list"], "keys": ["get", "list"]}
    opening = {"accessPolicies": [{"principal": {"objectId": me}, "permissions": words}]}
    things["certificates"] = [{"name": "web", "policy": SELF | {"issuer": "internal", "validityMonths": 5}}]
    file = in_vault(vault, new=False, **opening, **things)
    plan, outcome = seeding.apply(world, file)
    settled(outcome)
    assert f"create certificate {vault}/web" in steps(plan)
    found = look(world, vault, "/certificates/web")
    assert (found["id"], found["policy"]["x509_props"]["validity_months"]) == (before, 5)
    assert steps(seeding.plan(world, file)) == []
