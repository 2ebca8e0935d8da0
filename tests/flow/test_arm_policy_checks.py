"""Guardrails in Azure Policy's words: listed, asked about what is thought of, compared with what there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from strongroom.core.builtin_roles import CONTRIBUTOR, READER
from strongroom.core.guardrails import Rule
from strongroom.core.network import Link
from tests.flow.arm import Arm
from tests.flow.arm_bodies import secret_body
from tests.plugins.canary import plant
from tests.world import Answer, Simulation

DAY = 86_400
AUTHORIZATION = "/providers/Microsoft.Authorization"
INSIGHTS = "/providers/Microsoft.PolicyInsights"
CHECK, STATES = f"{INSIGHTS}/checkPolicyRestrictions", f"{INSIGHTS}/policyStates/latest"
GUARDRAILS = """
[[guardrail]]
name = "roles only"
rule = "rbac-only"
effect = "deny"
[[guardrail]]
name = "protected"
rule = "purge-protection"
effect = "audit"
[[guardrail]]
name = "secrets expire"
rule = "secret-expiry"
effect = "deny"
max_days = 30
[[guardrail]]
name = "elsewhere"
rule = "firewall"
effect = "deny"
vaults = ["other-*"]
"""


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, with a vault and a secret that were there before any guardrail."""
    arm = Arm(world, world.administrator)
    arm.make_vault(enableRbacAuthorization=False)
    arm.do("PUT", arm.secret, secret_body())
    now = int(world.clock())
    arm.do("PUT", f"{arm.vault}/secrets/good", secret_body(attributes={"exp": now + DAY}))
    return arm


@pytest.fixture
def declared(world: Simulation, arm: Arm) -> Iterator[Arm]:
    """Give the same with guardrails in force."""

    def control(method: str, body: object = None) -> Answer:
        return world.ask(method, "http://control/policy", body=body, link=Link.CONTROL, host="control")

    assert control("POST", {"text": GUARDRAILS}).status == 200
    yield arm
    control("DELETE")


def content(name: str = "v-new", kind: str = "Microsoft.KeyVault/vaults", **properties: Any) -> dict[str, Any]:
    """Give the body that asks about a resource."""
    details = {"resourceContent": {"type": kind, "name": name, "properties": properties}, "apiVersion": "2026-02-01"}
    return {"resourceDetails": details}


def against(answer: dict[str, Any]) -> list[tuple[str, str]]:
    """Give what an answer finds: which guardrail, and its effect."""
    return [
        (one["policyInfo"]["policyAssignmentId"].rpartition("/")[2], one["effectDetails"]["policyEffect"])
        for one in answer["contentEvaluationResult"]["policyEvaluations"]
    ]


class TestLists:
    """What is in force, as `az policy` lists it."""

    def test_definitions(self, arm: Arm) -> None:
        """Each kind of rule is a definition, at the tenant and at a subscription."""
        found = arm.do("GET", f"{AUTHORIZATION}/policyDefinitions")["value"]
        assert {one["name"] for one in found} == {rule.value for rule in Rule}
        assert arm.do("GET", f"{arm.subscription}{AUTHORIZATION}/policyDefinitions")["value"] == found
        for one in found:
            assert arm.do("GET", one["id"]) == one
        path = f"{AUTHORIZATION}/policyDefinitions/none"
        assert arm.refused("GET", path)[:2] == (404, "PolicyDefinitionNotFound")

    def test_assignments(self, declared: Arm) -> None:
        """Each guardrail is an assignment, told at the subscription; its patterns of names are not."""
        path = f"{declared.subscription}{AUTHORIZATION}/policyAssignments"
        found = declared.do("GET", path)["value"]
        assert [one["name"] for one in found] == ["elsewhere", "protected", "roles only", "secrets expire"]
        expiry = found[-1]["properties"]
        assert expiry["policyDefinitionId"] == f"{AUTHORIZATION}/policyDefinitions/secret-expiry"
        assert (expiry["scope"], expiry["enforcementMode"]) == (declared.subscription, "Default")
        assert expiry["parameters"] == {"effect": {"value": "Deny"}, "maxDays": {"value": 30}}
        assert "other-" not in str(found)
        for one in found:
            assert declared.do("GET", one["id"]) == one
        group = f"{declared.group}{AUTHORIZATION}/policyAssignments"
        assert declared.do("GET", group)["value"] == found
        assert declared.do("GET", f"{group}?$filter=atExactScope()")["value"] == []
        for function in ("atScope", "atExactScope", "atScopeAndBelow"):
            assert declared.do("GET", f"{path}?$filter={function}()")["value"] == found
        about = f"{path}?$filter=policyDefinitionId eq '{AUTHORIZATION}/policyDefinitions/RBAC-only'"
        assert [one["name"] for one in declared.do("GET", about)["value"]] == ["roles only"]
        for refused in (f"{path}/none", f"{group}/protected"):
            assert declared.refused("GET", refused)[:2] == (404, "PolicyAssignmentNotFound")
        assert declared.refused("GET", f"{path}?$filter=x eq 'y'")[:2] == (400, "InvalidFilterInQueryString")

    def test_none(self, arm: Arm) -> None:
        """By default there is none, and nobody makes one here."""
        path = f"{arm.subscription}{AUTHORIZATION}/policyAssignments"
        assert arm.do("GET", path) == {"value": []}
        assert arm.refused("PUT", f"{path}/mine", {"properties": {}})[0] == 405


class TestCheck:
    """What is thought of."""

    @pytest.mark.parametrize("place", [lambda arm: arm.subscription, lambda arm: arm.group], ids=["sub", "group"])
    def test_vault(self, declared: Arm, place: Callable[[Arm], str]) -> None:
        """A vault is judged as the change that makes it would be; audits are told to who asks for them."""
        path = f"{place(declared)}{CHECK}"
        body = content(enableRbacAuthorization=False)
        found = declared.do("POST", path, body)
        assert against(found) == [("roles%20only", "Deny")]
        (restriction,) = found["fieldRestrictions"]
        assert restriction["field"] == "Microsoft.KeyVault/vaults/enableRbacAuthorization"
        assert restriction["restrictions"][0]["values"] == ["true"]
        found = declared.do("POST", path, {**body, "includeAuditEffect": True})
        assert against(found) == [("roles%20only", "Deny"), ("protected", "Audit")]
        (first, _) = found["contentEvaluationResult"]["policyEvaluations"]
        assert first["evaluationResult"] == "NonCompliant"
        assert first["evaluationDetails"] == {"reason": "enableRbacAuthorization must be true"}
        code = declared.refused("PUT", f"{declared.group}/providers/Microsoft.KeyVault/vaults/{declared.vault_name}b",
                                declared.vault_body(enableRbacAuthorization=False))[1]  # fmt: skip
        assert code == "RequestDisallowedByPolicy"

    def test_what_holds(self, declared: Arm) -> None:
        """What is as it should be finds nothing; the default of the api-version counts, and the name."""
        path = f"{declared.subscription}{CHECK}"
        fine = declared.do("POST", path, content())
        assert fine == {"fieldRestrictions": [], "contentEvaluationResult": {"policyEvaluations": []}}
        old = content()
        old["resourceDetails"]["apiVersion"] = "2023-07-01"
        assert against(declared.do("POST", path, old)) == [("roles%20only", "Deny")]
        assert against(declared.do("POST", path, content("other-1"))) == [("elsewhere", "Deny")]
        pending = {**content(""), "pendingFields": [{"field": "name", "values": ["other-2"]}]}
        assert against(declared.do("POST", path, pending)) == [("elsewhere", "Deny")]

    def test_secret(self, declared: Arm) -> None:
        """A secret is judged by its expiry, and its value comes back in no answer."""
        path, now, value = f"{declared.subscription}{CHECK}", int(declared.world.clock()), plant()
        kind = "Microsoft.KeyVault/vaults/secrets"
        answer = declared.ask("POST", path, content("v-new/s", kind, value=value))
        assert value.encode() not in answer.body
        assert against(answer.json) == [("secrets%20expire", "Deny")]
        for days, found in ((29, []), (31, [("secrets%20expire", "Deny")])):
            body = content("v-new/s", kind, attributes={"exp": now + days * DAY})
            assert against(declared.do("POST", path, body)) == found

    def test_other_types(self, declared: Arm) -> None:
        """No guardrail is about another type."""
        body = content("n", "Microsoft.Network/virtualNetworks", addressSpace={})
        assert against(declared.do("POST", f"{declared.group}{CHECK}", body)) == []

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"resourceDetails": {}},
            {"resourceDetails": {"resourceContent": []}},
            {"resourceDetails": {"resourceContent": {}}},
            {"resourceDetails": {"resourceContent": {"type": 1}}},
            content(publicNetworkAccess="Perhaps"),
            content(enableRbacAuthorization="yes"),
            content(kind="Microsoft.KeyVault/vaults/secrets", attributes=1),
            {"resourceDetails": {**content()["resourceDetails"], "apiVersion": "2000-01-01"}},
        ],
    )
    def test_bad_input(self, declared: Arm, body: dict[str, Any]) -> None:
        """What is malformed is refused as the change would be."""
        assert declared.refused("POST", f"{declared.subscription}{CHECK}", body)[0] == 400

    def test_no_group(self, declared: Arm) -> None:
        """A group that is not there has no answer."""
        path = declared.group.replace("g-", "none-")
        assert declared.refused("POST", f"{path}{CHECK}", content())[:2] == (404, "ResourceGroupNotFound")


class TestStates:
    """What there is."""

    def states(self, arm: Arm, place: str, query: str = "") -> set[tuple[str, str, bool]]:
        """Give how resources stand: what, to which guardrail, and whether they agree."""
        found = arm.do("POST", f"{place}{STATES}/queryResults{query}")["value"]
        return {(one["resourceId"], one["policyAssignmentName"], one["isCompliant"]) for one in found}

    def test_vault(self, declared: Arm) -> None:
        """Each vault and each secret stands to each guardrail that is about it."""
        expected = {
            (declared.vault, "roles only", False),
            (declared.vault, "protected", False),
            (declared.secret, "secrets expire", False),
            (f"{declared.vault}/secrets/good", "secrets expire", True),
        }
        for place in (declared.vault, declared.group):
            assert self.states(declared, place) == expected
        assert expected <= self.states(declared, declared.subscription)
        bad = {one for one in expected if not one[2]}
        assert self.states(declared, declared.group, "?$filter=complianceState eq 'NonCompliant'") == bad
        (one, *_) = declared.do("POST", f"{declared.vault}{STATES}/queryResults")["value"]
        assert (one["resourceType"], one["resourceGroup"]) == ("Microsoft.KeyVault/vaults", f"g-{declared.tag}")
        assert declared.do("GET", one["policyAssignmentId"])["name"] == one["policyAssignmentName"]

    def test_pages(self, declared: Arm) -> None:
        """A page ends after `$top`, and the link behind it is asked as the first was."""
        whole = declared.do("POST", f"{declared.vault}{STATES}/queryResults")["value"]
        found: list[dict[str, Any]] = []
        path, version = f"{declared.vault}{STATES}/queryResults?$top=1", None
        while path:
            answer = declared.do("POST", path, version=version)
            assert len(answer["value"]) == 1
            found += answer["value"]
            path, version = answer.get("@odata.nextLink", "").removeprefix(declared.world.arm_url), ""
        assert found == whole

    def test_summary(self, declared: Arm) -> None:
        """A summary counts what does not agree, of all and of each guardrail."""
        (found,) = declared.do("POST", f"{declared.group}{STATES}/summarize")["value"]
        assert found["results"] == {
            "nonCompliantResources": 2,
            "nonCompliantPolicies": 3,
            "resourceDetails": [
                {"complianceState": "compliant", "count": 1},
                {"complianceState": "noncompliant", "count": 2},
            ],
            "policyDetails": [{"complianceState": "noncompliant", "count": 3}],
        }
        assert len(found["policyAssignments"]) == 3

    def test_rights(self, declared: Arm) -> None:
        """Who may not read a vault hears nothing of it, and who may read none of its secrets nothing of them."""
        who = declared.as_(declared.world.principal())
        assert who.refused("POST", f"{declared.group}{STATES}/queryResults")[:2] == (403, "AuthorizationFailed")
        declared.world.grant(who.who.oid, CONTRIBUTOR, declared.group)
        denial = declared.denial_body(
            who.who.oid, permissions=[{"actions": ["Microsoft.KeyVault/vaults/secrets/read"]}]
        )
        declared.do("PUT", declared.denial, denial)
        assert {one[0] for one in self.states(who, declared.group)} == {declared.vault}
        denial["properties"]["permissions"] = [{"actions": ["Microsoft.KeyVault/vaults/read"]}]
        declared.do("PUT", declared.denial, denial)
        assert self.states(who, declared.group) == set()

    def test_readers(self, declared: Arm) -> None:
        """To ask is an action that readers do not have, as in Azure."""
        reader = declared.as_(declared.world.principal())
        declared.world.grant(reader.who.oid, READER, declared.group)
        assert reader.refused("POST", f"{declared.group}{STATES}/summarize")[:2] == (403, "AuthorizationFailed")

    @pytest.mark.parametrize("query", ["$apply=aggregate(x)", "$orderby=timestamp", "$select=timestamp", "$from=x"])
    def test_options(self, declared: Arm, query: str) -> None:
        """An option that is not served is refused, since the answer without it would be another."""
        path = f"{declared.vault}{STATES}/queryResults?{query}"
        assert declared.refused("POST", path)[:2] == (400, "InvalidQueryOption")
