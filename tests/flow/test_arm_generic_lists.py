"""Generic lists: what they are filtered by, what they tell besides, and their pages."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from strongroom.arm.resource_filters import ResourceFilter, parse_resource_filter
from strongroom.core import limits
from strongroom.core.builtin_roles import READER
from strongroom.core.errors import Invalid
from tests.flow.arm import Arm
from tests.flow.arm_bodies import tags_body
from tests.world import Simulation

pytestmark = pytest.mark.usefixtures("restored")

PROPERTIES = frozenset({"resourcetype", "name", "location", "resourcegroup"})
A_VAULT = {"resourcetype": "Microsoft.KeyVault/vaults", "name": "It's-v1", "location": "local", "resourcegroup": "G"}
TAGS = {"Env": "prod", "Team": "blue"}


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, with names of its own."""
    return Arm(world, world.administrator)


class TestFilters:
    """The language of $filter."""

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "resourceType eq 'microsoft.keyvault/VAULTS'",
            "resourceType ne 'Microsoft.Network/virtualNetworks'",
            "name eq 'it''s-v1'",
            "name eq 'x' or location eq 'LOCAL'",
            "name eq 'x' and location eq 'y' or resourceGroup eq 'g'",
            "(name eq 'x' or resourceGroup eq 'g') and location eq 'local'",
            "((((name ne 'x'))))",
            "substringof('''s-', name)",
            "startswith(name, 'IT')",
            "tagName eq 'env'",
            "tagname eq 'ENV' and tagvalue eq 'Prod'",
            "startswith(tagName, 'te')",
            "tagName eq 'env' and location eq 'local'",
            "tagValue eq 'blue'",
            "tagName eq 'none' or name ne 'x'",
        ],
    )
    def test_true(self, text: str) -> None:
        """What holds of a resource finds it."""
        assert parse_resource_filter(text, PROPERTIES).matches(A_VAULT, TAGS)

    @pytest.mark.parametrize(
        "text",
        [
            "resourceType ne 'microsoft.keyvault/vaults'",
            "name eq 'its-v1'",
            "name eq 'x' or location eq 'y'",
            "name ne 'x' and (location eq 'y' or resourceGroup eq 'h')",
            "substringof('v2', name)",
            "startswith(name, 't')",
            "tagName eq 'en'",
            "tagName eq 'env' and tagValue eq 'blue'",
            "tagName eq 'env' and name eq 'x'",
        ],
    )
    def test_false(self, text: str) -> None:
        """What does not hold does not: a name and a value are of one tag."""
        assert not parse_resource_filter(text, PROPERTIES).matches(A_VAULT, TAGS)

    def test_no_tags(self) -> None:
        """Without tags nothing that is said of a tag holds."""
        assert not parse_resource_filter("tagValue eq ''", PROPERTIES).matches(A_VAULT, {})
        assert not parse_resource_filter("startswith(tagName, '')", PROPERTIES).matches(A_VAULT, {})

    @pytest.mark.parametrize(
        "text",
        [
            "name",
            "name eq v1",
            "name gt 'a'",
            "kind eq 'a'",
            "name eq 'a' name eq 'b'",
            "name eq 'a' and",
            "and name eq 'a'",
            "name eq 'a' or or name eq 'b'",
            "(name eq 'a'",
            "name eq 'a')",
            "()",
            "(name eq 'a') (name eq 'b')",
            "not name eq 'a'",
            "tagName ne 'a'",
            "startswith('a', name)",
            "substringof(name, 'a')",
            "name eq 'a' andname eq 'b'",
        ],
    )
    def test_refused(self, text: str) -> None:
        """What is not understood is refused, and never passed over."""
        with pytest.raises(Invalid) as refused:
            parse_resource_filter(text, PROPERTIES)
        assert refused.value.code == "InvalidFilterInQueryString"

    def test_limit(self) -> None:
        """A filter is as long as it may be, whatever it nests, and no longer."""
        nested = f"{'(' * 1000}name ne 'x'{')' * 1000}"
        assert len(nested) <= limits.FILTER_CHARS
        assert parse_resource_filter(nested, PROPERTIES).matches(A_VAULT, {})
        at_most = f"name ne '{'x' * (limits.FILTER_CHARS - 10)}'"
        assert parse_resource_filter(at_most, PROPERTIES).matches(A_VAULT, {})
        with pytest.raises(Invalid):
            parse_resource_filter(f"{at_most[:-1]}x'", PROPERTIES)

    def test_terms(self) -> None:
        """A filter has so many comparisons, however they are joined: they are made for every tag of every resource."""
        many = " or ".join(["name eq 'x'", "startswith(tagName, 'x')"] * (limits.FILTER_TERMS // 2))
        assert not parse_resource_filter(many, PROPERTIES).matches(A_VAULT, TAGS)
        for more in (f"{many} and name eq 'x'", f"({many}) or substringof('x', tagValue)"):
            with pytest.raises(Invalid):
                parse_resource_filter(more, PROPERTIES)

    def test_nothing_is_compared_for_who_may_read_nothing(self, arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
        """A filter is no way to make the service work without any right."""
        arm.make_vault()
        asked: list[str] = []
        monkeypatch.setattr(ResourceFilter, "matches", lambda *_: asked.append("") or True)
        nobody, path = arm.as_(arm.world.principal()), f"{arm.subscription}/resources?$filter=name%20ne%20'x'"
        assert nobody.do("GET", path)["value"] == []
        assert asked == []
        assert arm.do("GET", path)["value"]


def listed(arm: Arm, scope: str, text: str = "", **query: str) -> list[dict[str, Any]]:
    """List with a filter."""
    options = ({"$filter": text} if text else {}) | {f"${name}": value for name, value in query.items()}
    joined = "&".join(f"{name}={quote(value)}" for name, value in options.items())
    found: list[dict[str, Any]] = arm.do("GET", f"{scope}?{joined}" if joined else scope)["value"]
    return found


class TestResources:
    """Lists of resources."""

    def test_filters(self, arm: Arm) -> None:
        """A subscription's list and a group's are filtered alike."""
        arm.make_endpoint()
        arm.do("PUT", arm.tags, tags_body({"env": arm.tag}))
        for scope in (f"{arm.subscription}/resources", f"{arm.group}/resources"):
            assert [one["id"] for one in listed(arm, scope, f"tagName eq 'env' and tagValue eq '{arm.tag}'")] == [
                arm.vault
            ]
            text = f"substringof('{arm.tag}', name) and resourceType ne 'Microsoft.KeyVault/vaults'"
            assert sorted(one["id"] for one in listed(arm, scope, text)) == sorted([arm.endpoint, arm.network])
            text = f"resourceGroup eq 'G-{arm.tag}' and (startswith(name, 'v') or startswith(name, 'n'))"
            assert sorted(one["id"] for one in listed(arm, scope, text)) == sorted([arm.vault, arm.network])
            assert arm.refused("GET", f"{scope}?$filter=kind eq 'x'")[:2] == (400, "InvalidFilterInQueryString")

    def test_expanded(self, arm: Arm) -> None:
        """Times and state are told to whoever asks for them."""
        arm.make_vault()
        arm.world.advance(5)
        arm.do("PATCH", arm.vault, {"tags": {"a": "b"}})
        (plain,) = listed(arm, f"{arm.group}/resources")
        assert set(plain) == {"id", "name", "type", "location", "tags"}
        (full,) = listed(arm, f"{arm.group}/resources", expand="createdTime,changedTime, provisioningState")
        assert full["provisioningState"] == "Succeeded"
        assert full["changedTime"] > full["createdTime"]
        (some,) = listed(arm, f"{arm.group}/resources", expand="createdtime")
        assert set(some) - set(plain) == {"createdTime"}
        refused = arm.refused("GET", f"{arm.group}/resources?$expand=properties")
        assert refused[:2] == (400, "InvalidExpandInQueryString")

    def test_pages(self, arm: Arm) -> None:
        """A page goes on with filter and expansion as they were."""
        arm.make_endpoint()
        text = quote(f"substringof('{arm.tag}', name)")
        query = f"?$top=1&$expand=createdTime&$filter={text}"
        answer = arm.do("GET", f"{arm.group}/resources{query}")
        seen = []
        while True:
            (one,) = answer["value"]
            assert "createdTime" in one
            seen.append(one["id"])
            if "nextLink" not in answer:
                break
            token = arm.world.token(arm.who, "https://management.azure.com/")
            answer = arm.world.ask("GET", answer["nextLink"], token=token).json
        assert sorted(seen) == sorted([arm.vault, arm.network, arm.endpoint])

    def test_by_id(self, arm: Arm) -> None:
        """A resource is read, tagged and removed by its id, with its provider's own versions."""
        arm.make_vault()
        assert arm.do("GET", arm.vault)["id"] == arm.vault
        assert arm.do("PATCH", arm.vault, {"tags": {"a": "b"}})["tags"] == {"a": "b"}
        assert arm.refused("GET", arm.vault, version="2022-12-01")[:2] == (400, "NoRegisteredProviderFound")
        assert arm.ask("HEAD", arm.vault).status == 204
        arm.do("DELETE", arm.vault)
        assert [arm.ask("HEAD", path).status for path in (arm.vault, f"{arm.group}x")] == [404, 404]


class TestGroups:
    """Lists of resource groups."""

    def test_filters(self, arm: Arm) -> None:
        """Groups are found by their tags, names and location, among those that one may read."""
        arm.make_group()
        arm.do("PATCH", arm.group, {"tags": {"env": arm.tag}})
        path = f"{arm.subscription}/resourceGroups"
        text = f"tagName eq 'env' and tagValue eq '{arm.tag}'"
        assert [one["id"] for one in listed(arm, path, text)] == [arm.group]
        assert listed(arm, path, f"{text} and location eq 'elsewhere'") == []
        assert [one["id"] for one in listed(arm, path, f"name eq 'G-{arm.tag}'")] == [arm.group]
        other = arm.as_(arm.world.principal())
        assert listed(other, path, text) == []
        arm.world.grant(other.who.oid, READER, arm.group)
        assert [one["id"] for one in listed(other, path, text)] == [arm.group]
        assert arm.refused("GET", f"{path}?$filter=resourceType eq 'x'")[:2] == (400, "InvalidFilterInQueryString")
