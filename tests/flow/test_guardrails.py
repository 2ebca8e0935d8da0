"""Guardrails in force: changes that go against them are refused or noted, whoever makes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from strongroom.core import limits
from strongroom.core.builtin_roles import KEY_VAULT_ADMINISTRATOR
from strongroom.core.network import Link
from tests.flow.arm import Arm
from tests.flow.client import Client
from tests.flow.imported import in_pem, self_signed
from tests.flow.keys import ec_jwk
from tests.world import Answer, Simulation

SECRETS = """
[[guardrail]]
name = "secrets expire"
rule = "secret-expiry"
effect = "{effect}"
max_days = 30
"""
KEYS = """
[[guardrail]]
name = "keys expire"
rule = "key-expiry"
effect = "{effect}"

[[guardrail]]
name = "key types"
rule = "key-types"
effect = "{effect}"
types = ["EC"]
curves = ["P-256"]
"""
VAULTS = """
[[guardrail]]
name = "protected"
rule = "purge-protection"
effect = "{effect}"
[[guardrail]]
name = "roles only"
rule = "rbac-only"
effect = "{effect}"
"""
DAY = 86_400
Declare = Callable[..., Answer]


@pytest.fixture
def declare(world: Simulation) -> Iterator[Declare]:
    """Put guardrails in force, and out of force again."""

    def put(text: str, effect: str = "deny") -> Answer:
        return control(world, "POST", "/policy", {"text": text.replace("{effect}", effect)})

    yield put
    control(world, "DELETE", "/policy")


@pytest.fixture(scope="module")
def arm(world: Simulation) -> Arm:
    """Administer resources."""
    made = Arm(world, world.administrator)
    made.make_group()
    return made


@pytest.fixture(scope="module")
def vault(world: Simulation) -> Client:
    """Administer a vault's secrets."""
    who = world.principal("guarded")
    world.grant(who.oid, KEY_VAULT_ADMINISTRATOR, world.vault.scope)
    return Client(world, who)


def control(world: Simulation, method: str, path: str, body: object = None) -> Answer:
    """Ask as the operator."""
    return world.ask(method, f"http://control{path}", body=body, link=Link.CONTROL, host="control")


def refused_by(answer: Answer, *names: str) -> str:
    """Make sure that a guardrail refused, and give the sentence."""
    assert answer.status == 403, answer.body
    message: str = answer.error["message"]
    assert all(name in message for name in names)
    return message


class TestSecrets:
    """What is set, changed and restored."""

    def test_a_secret_without_an_expiry_date_is_refused(
        self, world: Simulation, vault: Client, declare: Declare
    ) -> None:
        """The right to set it does not help, and nothing is made."""
        declare(SECRETS)
        answer = vault.ask("PUT", "/secrets/endless", body={"value": "v"})
        assert answer.error == {
            "code": "Forbidden",
            "message": "The request was disallowed by policy. Reasons: 'secrets expire: the secret must have an expiry"
            " date'.",
            "innererror": {"code": "DisallowedByPolicy"},
        }
        assert answer.status == 403
        assert world.entries()[-1]["properties"]["reason"] == "guardrail secrets expire"
        assert vault.ask("GET", "/secrets/endless").status == 404

    def test_one_with_a_near_enough_date_is_taken(self, world: Simulation, vault: Client, declare: Declare) -> None:
        """At the limit, and one second past it."""
        declare(SECRETS)
        now = int(world.clock())
        near, far = now + 30 * DAY, now + 30 * DAY + 1
        assert vault.ask("PUT", "/secrets/near", body={"value": "v", "attributes": {"exp": near}}).status == 200
        refused_by(
            vault.ask("PUT", "/secrets/near", body={"value": "v", "attributes": {"exp": far}}), "at most 30 days"
        )
        refused_by(vault.ask("PATCH", "/secrets/near", body={"attributes": {"exp": far}}), "at most 30 days")
        assert vault.ask("GET", "/secrets/near").json["attributes"]["exp"] == near

    def test_what_was_there_before_stays_and_goes_on_working(
        self, world: Simulation, vault: Client, declare: Declare
    ) -> None:
        """It is found by a check; a change of it has to mend it."""
        assert vault.ask("PUT", "/secrets/older", body={"value": "v"}).status == 200
        declare(SECRETS)
        assert vault.ask("GET", "/secrets/older").status == 200
        refused_by(vault.ask("PATCH", "/secrets/older", body={"tags": {"a": "b"}}), "expiry date")
        found = control(world, "POST", "/policy/check").json
        assert {(one["object"], one["guardrail"]) for one in found["findings"]} >= {("secrets/older", "secrets expire")}
        assert (
            vault.ask("PATCH", "/secrets/older", body={"attributes": {"exp": int(world.clock()) + DAY}}).status == 200
        )

    def test_a_backup_brings_nothing_past_it(self, vault: Client, declare: Declare) -> None:
        """Every version of it is looked at, not the last alone."""
        vault.ask("PUT", "/secrets/saved", body={"value": "v"})
        vault.ask("PUT", "/secrets/saved", body={"value": "v", "attributes": {"exp": int(vault.world.clock()) + DAY}})
        blob = vault.ask("POST", "/secrets/saved/backup").json["value"]
        vault.ask("DELETE", "/secrets/saved")
        vault.ask("DELETE", "/deletedsecrets/saved")
        declare(SECRETS)
        refused_by(vault.ask("POST", "/secrets/restore", body={"value": blob}), "expiry date")
        assert vault.ask("GET", "/secrets/saved").status == 404

    def test_an_audit_only_notes_it(self, world: Simulation, vault: Client, declare: Declare) -> None:
        """The change is made, and the entry says what it goes against."""
        declare(SECRETS, "audit")
        assert vault.ask("PUT", "/secrets/noted", body={"value": "v"}).status == 200
        noted = world.entries()[-1]["properties"]["policyAudits"]
        assert noted == ["secrets expire: the secret must have an expiry date"]

    def test_it_is_about_the_vaults_it_names(self, vault: Client, declare: Declare) -> None:
        """Another vault's pattern does nothing here."""
        declare(SECRETS + 'vaults = ["other-*"]\n')
        assert vault.ask("PUT", "/secrets/elsewhere", body={"value": "v"}).status == 200


class TestKeys:
    """What is created, imported, changed, rotated and restored."""

    def test_a_key_without_an_expiry_date_is_refused(self, vault: Client, declare: Declare) -> None:
        """Neither made nor brought in, and nothing is there afterwards."""
        declare(KEYS)
        refused_by(vault.ask("POST", "/keys/endless/create", body={"kty": "EC"}), "the key must have an expiry date")
        refused_by(vault.ask("PUT", "/keys/endless", body={"key": ec_jwk()}), "keys expire")
        assert vault.ask("GET", "/keys/endless").status == 404

    def test_a_key_of_another_type_is_refused(self, world: Simulation, vault: Client, declare: Declare) -> None:
        """Types, sizes and curves are judged of what would be made."""
        declare(KEYS)
        body = {"attributes": {"exp": int(world.clock()) + DAY}}
        assert vault.ask("POST", "/keys/typed/create", body=body | {"kty": "EC"}).status == 200
        refused_by(vault.ask("POST", "/keys/typed/create", body=body | {"kty": "oct"}), "key types")
        refused_by(vault.ask("POST", "/keys/typed/create", body=body | {"kty": "EC", "crv": "P-384"}), "key types")

    def test_a_change_has_to_mend_what_was_there_before(
        self, world: Simulation, vault: Client, declare: Declare
    ) -> None:
        """It is found by a check; an update and a restore are judged as the rest."""
        assert vault.ask("POST", "/keys/older/create", body={"kty": "EC"}).status == 200
        blob = vault.ask("POST", "/keys/older/backup").json["value"]
        declare(KEYS)
        found = control(world, "POST", "/policy/check", {}).json
        assert found["keys"] >= 1
        assert ("keys/older", "keys expire") in {(one["object"], one["guardrail"]) for one in found["findings"]}
        refused_by(vault.ask("PATCH", "/keys/older", body={"tags": {"a": "b"}}), "expiry date")
        mended = {"attributes": {"exp": int(world.clock()) + DAY}}
        assert vault.ask("PATCH", "/keys/older", body=mended).status == 200
        vault.ask("DELETE", "/keys/older")
        vault.ask("DELETE", "/deletedkeys/older")
        refused_by(vault.ask("POST", "/keys/restore", body={"value": blob}), "expiry date")


class TestCertificates:
    """A certificate's key and secret are a key and a secret."""

    def test_an_import_is_judged_as_its_key_and_secret(
        self, world: Simulation, vault: Client, declare: Declare
    ) -> None:
        """A certificate that lives too long, or whose key is of another curve, is not imported, nor restored."""
        short, long = (in_pem(*self_signed(world.clock(), days=days)) for days in (20, 90))
        other = in_pem(*self_signed(world.clock(), key=ec.generate_private_key(ec.SECP384R1()), days=20))
        vault.done("POST", "/certificates/long/import", body={"value": long})
        backup = vault.done("POST", "/certificates/long/backup")
        vault.done("DELETE", "/certificates/long")
        vault.done("DELETE", "/deletedcertificates/long")
        declare(SECRETS + KEYS)
        refused_by(vault.ask("POST", "/certificates/long/import", body={"value": long}), "secrets expire")
        refused_by(vault.ask("POST", "/certificates/other/import", body={"value": other}), "key types")
        refused_by(vault.ask("POST", "/certificates/restore", body=backup), "secrets expire")
        vault.done("POST", "/certificates/short/import", body={"value": short})


class TestVaults:
    """What is made and changed."""

    def test_a_vault_that_breaks_rules_is_not_made(self, world: Simulation, arm: Arm, declare: Declare) -> None:
        """Every reason is told; an Owner is refused as anybody is."""
        declare(VAULTS)
        status, code, message = arm.refused("PUT", arm.vault, arm.vault_body(enableRbacAuthorization=False))
        assert (status, code) == (403, "RequestDisallowedByPolicy")
        assert message == (
            f"Resource '{arm.vault_name}' was disallowed by policy. Reasons: 'protected: enablePurgeProtection must be"
            " true', 'roles only: enableRbacAuthorization must be true'. See error details for policy resource IDs."
        )
        assert world.view.vault_by_name(arm.vault_name) is None

    def test_one_that_keeps_them_is_made_and_cannot_be_changed_away(self, arm: Arm, declare: Declare) -> None:
        """PUT and PATCH alike."""
        declare(VAULTS)
        arm.do("PUT", arm.vault, arm.vault_body(enableRbacAuthorization=True, enablePurgeProtection=True))
        for method, body in (
            ("PATCH", {"properties": {"enableRbacAuthorization": False}}),
            ("PUT", arm.vault_body(enableRbacAuthorization=False, enablePurgeProtection=True)),
        ):
            status, code, _ = arm.refused(method, arm.vault, body)
            assert (status, code) == (403, "RequestDisallowedByPolicy")

    def test_an_audit_only_notes_it(self, world: Simulation, declare: Declare) -> None:
        """The vault is made, and the entry has both."""
        declare(VAULTS, "audit")
        arm = Arm(world, world.administrator)
        arm.make_group()
        arm.do("PUT", arm.vault, arm.vault_body(enableRbacAuthorization=False))
        assert [one.partition(":")[0] for one in world.entries()[-1]["properties"]["policyAudits"]] == [
            "protected",
            "roles only",
        ]


class TestTheOperator:
    """Declaring and checking, over the owner-only socket alone."""

    def test_they_are_told_as_they_were_declared(self, world: Simulation, declare: Declare) -> None:
        """By default there is none; the whole file is replaced."""
        assert control(world, "GET", "/policy").json == {"guardrails": [], "text": None, "created": None}
        declare(SECRETS)
        declare(VAULTS)
        told = control(world, "GET", "/policy").json
        assert [one["name"] for one in told["guardrails"]] == ["protected", "roles only"]
        assert told["text"] == VAULTS.replace("{effect}", "deny")
        assert control(world, "DELETE", "/policy").status == 204
        assert control(world, "DELETE", "/policy").status == 404

    def test_a_bad_file_changes_nothing(self, world: Simulation, declare: Declare) -> None:
        """All its faults are told, and what was in force still is."""
        declare(SECRETS)
        before = control(world, "GET", "/policy").json
        answer = control(world, "POST", "/policy", {"text": '[[guardrail]]\nrule = "none"\n'})
        assert answer.status == 400
        assert "rule must be one of" in answer.error["message"]
        assert "name must be" in answer.error["message"]
        assert control(world, "POST", "/policy", {}).status == 400
        assert control(world, "GET", "/policy").json == before

    def test_a_file_is_checked_without_being_put_in_force(self, world: Simulation, vault: Client) -> None:
        """The findings name vault, object, guardrail and effect."""
        vault.ask("PUT", "/secrets/looked-at", body={"value": "v"})
        text = (SECRETS + VAULTS).replace("{effect}", "audit")
        answer = control(world, "POST", "/policy/check", {"text": text})
        assert answer.status == 200
        told = answer.json
        assert told["found"] == len(told["findings"])
        assert {
            "vault": world.vault.name,
            "object": "secrets/looked-at",
            "guardrail": "secrets expire",
            "effect": "audit",
            "reason": "the secret must have an expiry date",
        } in told["findings"]
        assert (world.vault.name, None, "protected") in {
            (one["vault"], one["object"], one["guardrail"]) for one in told["findings"]
        }
        assert control(world, "GET", "/policy").json["guardrails"] == []

    def test_more_than_can_be_listed_is_counted(
        self, world: Simulation, vault: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """At the limit all is listed, beyond it the number still is right."""
        for number in range(3):
            vault.ask("PUT", f"/secrets/many-{number}", body={"value": "v"})
        text = SECRETS.replace("{effect}", "audit")
        total = control(world, "POST", "/policy/check", {"text": text}).json["found"]
        for limit, listed in ((total, total), (total - 1, total - 1)):
            monkeypatch.setattr("strongroom.control.guardrails.GUARDRAIL_FINDINGS", limit)
            told = control(world, "POST", "/policy/check", {"text": text}).json
            assert (told["found"], len(told["findings"])) == (total, listed)
        assert total < limits.GUARDRAIL_FINDINGS

    def test_the_journal_has_what_was_declared(self, world: Simulation, declare: Declare) -> None:
        """Who changes what everybody may do leaves a record."""
        declare(SECRETS)
        entry: dict[str, Any] = world.entries()[-1]
        assert entry["operationName"] == "PolicySet"
        assert entry["properties"]["guardrails"] == ["secrets expire: secret-expiry deny"]

    def test_nobody_else_reaches_it(self, world: Simulation) -> None:
        """The paths are none on any other listener."""
        for path in ("/policy", "/policy/check"):
            answer = world.ask(
                "PUT", f"{world.arm_url}{path}", body={"text": ""}, token=world.token(world.administrator)
            )
            assert answer.status == 404
