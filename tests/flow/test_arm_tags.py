"""Tags: as a resource of their own, of groups and subscriptions, and the names there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from strongroom.core import limits
from strongroom.core.builtin_roles import READER
from strongroom.core.rbac import RoleDefinition
from strongroom.core.resources import Subscription, TagName
from strongroom.resources.tags import TagOperation, apply
from tests.flow.arm import Arm
from tests.flow.arm_bodies import tags_body
from tests.world import Simulation

pytestmark = pytest.mark.usefixtures("restored")

TAGS = "/providers/Microsoft.Resources/tags/default"
TAG_CONTRIBUTOR = ("Microsoft.Resources/tags/*",)


@pytest.fixture
def arm(world: Simulation) -> Iterator[Arm]:
    """Give the administrator, with names of its own; the subscription has no tags afterwards."""
    made = Arm(world, world.administrator)
    yield made
    made.do("DELETE", f"{made.subscription}{TAGS}")


def scopes(arm: Arm) -> list[str]:
    """Make one of everything that has tags, and give the scopes."""
    for make in (arm.make_endpoint, arm.make_identity, arm.make_machine, arm.make_profile):
        make()
    resources = [arm.vault, arm.identity, arm.machine, arm.network, arm.endpoint, arm.perimeter]
    return [arm.subscription, arm.group, *resources]


def rest_of(document: dict[str, Any]) -> str:
    """Give all of a resource but its tags, who changed it when, and the entity tags."""
    rest = {name: value for name, value in document.items() if name not in {"tags", "systemData"}}
    return re.sub(r'"W/[^,}]+', "", json.dumps(rest))


class TestTags:
    """GET, PUT, PATCH and DELETE of tags/default."""

    def test_everything_that_has_tags(self, arm: Arm) -> None:
        """What is said of tags is the resource's own, and nothing else of it changes."""
        for scope in scopes(arm):
            before = arm.do("GET", scope)
            path = f"{scope}{TAGS}"
            assert arm.do("PUT", path, tags_body({"Env": "prod", "b": "2"})) == {
                "id": path,
                "name": "default",
                "type": "Microsoft.Resources/tags",
                "properties": {"tags": {"Env": "prod", "b": "2"}},
            }
            merged = arm.do("PATCH", path, tags_body({"env": "test", "c": "3"}, "Merge"))
            assert merged["properties"]["tags"] == {"Env": "test", "b": "2", "c": "3"}
            assert arm.do("GET", path) == merged
            after = arm.do("GET", scope)
            assert after["tags"] == {"Env": "test", "b": "2", "c": "3"}
            assert rest_of(after) == rest_of(before)
            removed = arm.do("PATCH", path, tags_body({"ENV": "other", "b": "2", "c": ""}, "delete"))
            assert removed["properties"]["tags"] == {"Env": "test"}
            assert arm.do("PATCH", path, tags_body({"x": "y"}, "Replace"))["properties"]["tags"] == {"x": "y"}
            assert arm.ask("DELETE", path).status == 200
            assert arm.do("GET", path)["properties"]["tags"] == {}

    def test_who_changed_a_vault(self, arm: Arm) -> None:
        """A vault says who tagged it, and keeps whatever else it is."""
        arm.make_vault()
        other = arm.as_(arm.world.principal())
        role = RoleDefinition(
            f"c1000000-0000-4000-8000-0000{arm.tag}", arm.world.first.tenant_id, "Tags", actions=TAG_CONTRIBUTOR
        )
        arm.world.commit(lambda tx: tx.put(role))
        arm.world.grant(other.who.oid, role.id, arm.vault)
        arm.world.advance(5)
        other.do("PATCH", arm.tags, tags_body({"a": "b"}, "Merge"))
        data = arm.do("GET", arm.vault)["systemData"]
        assert data["lastModifiedBy"] == other.who.appid
        assert data["lastModifiedAt"] > data["createdAt"]
        assert other.refused("PATCH", arm.vault, {"tags": {}})[:2] == (403, "AuthorizationFailed")
        assert other.refused("PUT", f"{arm.group}{TAGS}", tags_body({}))[:2] == (403, "AuthorizationFailed")

    def test_a_right_of_its_own(self, arm: Arm) -> None:
        """Who may read may not tag."""
        arm.make_vault()
        reader = arm.as_(arm.world.principal())
        arm.world.grant(reader.who.oid, READER, arm.group)
        reader.do("GET", arm.tags)
        for method, body in (("PUT", tags_body({})), ("PATCH", tags_body({}, "Merge")), ("DELETE", None)):
            assert reader.refused(method, arm.tags, body)[:2] == (403, "AuthorizationFailed")

    def test_what_has_none(self, arm: Arm) -> None:
        """Parts of resources, and what is in a vault, have no tags here."""
        arm.make_vault()
        arm.make_network()
        for scope in (arm.subnet, f"{arm.vault}/secrets/a"):
            assert arm.refused("PUT", f"{scope}{TAGS}", tags_body({}))[:2] == (400, "TagsNotSupportedForResourceType")
        assert arm.refused("GET", f"{arm.group}x{TAGS}")[:2] == (404, "ResourceGroupNotFound")

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (tags_body({"a": "b"}, "Add"), "BadRequest"),
            (tags_body({"a": "b"}), "BadRequest"),
            (tags_body({"a/b": "c"}, "Merge"), "InvalidTagNameCharacters"),
            (tags_body({"a": "1", "A": "2"}, "Merge"), "InvalidTagNames"),
            (tags_body({"a": "1", "A": "2"}, "Delete"), "InvalidTagNames"),
        ],
    )
    def test_bad_input(self, arm: Arm, body: dict[str, Any], code: str) -> None:
        """An operation is one of three, and the tags are as tags are elsewhere."""
        arm.make_vault()
        assert arm.refused("PATCH", arm.tags, body)[:2] == (400, code)

    def test_limit(self, arm: Arm) -> None:
        """What a merge leaves counts."""
        arm.make_vault()
        arm.do("PUT", arm.tags, tags_body({f"t{n}": "" for n in range(limits.ARM_TAGS)}))
        arm.do("PATCH", arm.tags, tags_body({"T0": "x"}, "Merge"))
        assert arm.refused("PATCH", arm.tags, tags_body({"more": ""}, "Merge"))[:2] == (400, "InvalidTagCount")

    def test_apply(self) -> None:
        """The rule itself."""
        there = {"A": "1", "b": "2"}
        assert apply(TagOperation.MERGE, there, {"a": "3", "c": "4"}) == {"A": "3", "b": "2", "c": "4"}
        assert apply(TagOperation.DELETE, there, {"a": "1", "B": "x", "c": ""}) == {"b": "2"}
        assert apply(TagOperation.REPLACE, there, {}) == {}


class TestGroups:
    """PATCH of a resource group, and the subscription's tags."""

    def test_patch(self, arm: Arm) -> None:
        """Tags are replaced where there are some, and left where there are none."""
        arm.make_group()
        assert arm.do("PATCH", arm.group, {"tags": {"a": "b"}})["tags"] == {"a": "b"}
        assert arm.do("PATCH", arm.group, {})["tags"] == {"a": "b"}
        assert "tags" not in arm.do("PATCH", arm.group, {"tags": {}})
        assert arm.refused("PATCH", arm.group, {"tags": {"a?": "b"}})[:2] == (400, "InvalidTagNameCharacters")
        assert arm.refused("PATCH", f"{arm.group}x", {"tags": {}})[:2] == (404, "ResourceGroupNotFound")

    def test_subscription(self, arm: Arm) -> None:
        """The subscription's tags are told with it and in lists, and nothing else of it changed."""
        before = arm.world.view.subscription(arm.world.first.subscription_id)
        assert "tags" not in arm.do("GET", arm.subscription)
        arm.do("PUT", f"{arm.subscription}{TAGS}", tags_body({"a": "b"}))
        assert arm.do("GET", arm.subscription)["tags"] == {"a": "b"}
        assert arm.do("GET", "/subscriptions")["value"][0]["tags"] == {"a": "b"}
        after = arm.world.view.subscription(arm.world.first.subscription_id)
        assert isinstance(before, Subscription)
        assert isinstance(after, Subscription)
        assert (after.display_name, after.management_group) == (before.display_name, before.management_group)


class TestNames:
    """The names of tags in a subscription."""

    def test_counted(self, arm: Arm) -> None:
        """Names are counted without case, values as they are, over the subscription and everything in it."""
        arm.make_vault()
        name = f"n{arm.tag}"
        arm.do("PUT", f"{arm.subscription}{TAGS}", tags_body({name: "x"}))
        arm.do("PATCH", arm.group, {"tags": {name.upper(): "y"}})
        arm.do("PUT", arm.tags, tags_body({name: "x"}))
        path = f"{arm.subscription}/tagNames"
        (found,) = [one for one in arm.do("GET", path)["value"] if one["tagName"] == name]
        assert found == {
            "id": f"{path}/{name}",
            "tagName": name,
            "count": {"type": "Total", "value": 3},
            "values": [
                {"id": f"{path}/{name}/tagValues/x", "tagValue": "x", "count": {"type": "Total", "value": 2}},
                {"id": f"{path}/{name}/tagValues/y", "tagValue": "y", "count": {"type": "Total", "value": 1}},
            ],
        }

    def test_of_what_one_may_read(self, arm: Arm) -> None:
        """A denial below the subscription keeps its tags out of the list; without the right there is none."""
        arm.make_vault()
        arm.do("PUT", arm.tags, tags_body({f"n{arm.tag}": "x"}))
        reader = arm.as_(arm.world.principal())
        assert reader.refused("GET", f"{arm.subscription}/tagNames")[:2] == (403, "AuthorizationFailed")
        arm.world.grant(reader.who.oid, READER, arm.subscription)
        assert f"n{arm.tag}" in str(reader.do("GET", f"{arm.subscription}/tagNames"))
        actions = [{"actions": ["Microsoft.KeyVault/vaults/read"]}]
        arm.do("PUT", arm.denial, arm.denial_body(reader.who.oid, permissions=actions))
        assert f"n{arm.tag}" not in str(reader.do("GET", f"{arm.subscription}/tagNames"))


class TestSuggested:
    """Names and values that a subscription suggests."""

    def test_life(self, arm: Arm) -> None:
        """As `az tag` makes, lists and removes them; a name compares without case."""
        path = arm.tag_name
        name = path.rpartition("/")[2]
        made = {"id": path, "tagName": name, "count": {"type": "Total", "value": 0}, "values": []}
        answer = arm.ask("PUT", path)
        assert (answer.status, answer.json) == (201, made)
        answer = arm.ask("PUT", path.upper().replace("/SUBSCRIPTIONS", "/subscriptions"))
        assert (answer.status, answer.json) == (200, made)
        value = {"id": f"{path}/tagValues/One", "tagValue": "One", "count": {"type": "Total", "value": 0}}
        answer = arm.ask("PUT", f"{path}/tagValues/One")
        assert (answer.status, answer.json) == (201, value)
        assert arm.ask("PUT", f"{path}/tagValues/One").status == 200
        assert {**made, "values": [value]} in arm.do("GET", f"{arm.subscription}/tagNames")["value"]
        assert arm.refused("DELETE", path)[:2] == (409, "TagInUse")
        assert [arm.ask("DELETE", f"{path}/tagValues/One").status for _ in range(2)] == [200, 204]
        assert [arm.ask("DELETE", path).status for _ in range(2)] == [200, 204]
        assert name not in str(arm.do("GET", f"{arm.subscription}/tagNames"))

    def test_in_use(self, arm: Arm) -> None:
        """What some resource has, whoever may read it, stays suggested; its count is told with it."""
        arm.make_tag_value()
        arm.make_group()
        name = arm.tag_name.rpartition("/")[2]
        arm.do("PATCH", arm.group, {"tags": {name.upper(): "v"}})
        assert arm.do("PUT", f"{arm.tag_name}/tagValues/v")["count"]["value"] == 1
        for path in (f"{arm.tag_name}/tagValues/v", arm.tag_name):
            assert arm.refused("DELETE", path)[:2] == (409, "TagInUse")
        arm.do("PATCH", arm.group, {"tags": {}})
        arm.do("DELETE", f"{arm.tag_name}/tagValues/v")
        arm.do("DELETE", arm.tag_name)

    def test_bad_input(self, arm: Arm) -> None:
        """They are names and values as tags have them, and a value is of a name."""
        assert arm.refused("PUT", f"{arm.tag_name}/tagValues/v")[:2] == (404, "TagNameNotFound")
        assert arm.refused("PUT", f"{arm.tag_name}%3F")[:2] == (400, "InvalidTagNameCharacters")
        arm.make_tag_name()
        value = "x" * (limits.ARM_TAG_VALUE_CHARS + 1)
        assert arm.refused("PUT", f"{arm.tag_name}/tagValues/{value}")[:2] == (400, "InvalidTagValueSize")

    def test_gone_at_once(self, arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
        """A name that somebody removes before the answer is written was suggested all the same."""
        commit = type(arm.world.store).commit

        async def followed(self: Any, change: Any, **how: Any) -> Any:
            made = await commit(self, change, **how)
            for one in arm.world.view.all(TagName):
                await commit(self, lambda tx, one=one: tx.remove(one))
            return made

        monkeypatch.setattr(type(arm.world.store), "commit", followed)
        made = arm.do("PUT", arm.tag_name)
        assert (made["tagName"], made["values"]) == (arm.tag_name.rpartition("/")[2], [])
        monkeypatch.undo()
        arm.make_tag_name()
        monkeypatch.setattr(type(arm.world.store), "commit", followed)
        assert arm.do("PUT", f"{arm.tag_name}/tagValues/v")["tagValue"] == "v"

    def test_limits(self, arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
        """As many as there may be, and no more."""
        arm.make_tag_value()
        there = sum(one.subscription == arm.world.first.subscription_id for one in arm.world.view.all(TagName))
        monkeypatch.setattr(limits, "TAG_NAMES", there + 1)
        arm.do("PUT", f"{arm.tag_name}-1")
        assert arm.refused("PUT", f"{arm.tag_name}-2")[:2] == (409, "TagNameCountExceeded")
        arm.do("PUT", arm.tag_name)
        monkeypatch.setattr(limits, "TAG_NAME_VALUES", 2)
        arm.do("PUT", f"{arm.tag_name}/tagValues/2")
        assert arm.refused("PUT", f"{arm.tag_name}/tagValues/3")[:2] == (409, "TagValueCountExceeded")
        arm.do("PUT", f"{arm.tag_name}/tagValues/2")
