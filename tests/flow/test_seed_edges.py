"""What a file may say besides the usual: other spellings, values that are not there, and things that hold others."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.cli.seed.reading import Invalid
from tests import seeding
from tests.flow.test_seed import fresh, group, name, settled
from tests.world import Simulation

__all__ = ["fresh"]


def stays(world: Simulation, file: dict[str, Any], **how: Any) -> None:
    """See that a file is applied, and that there is nothing to do the second time."""
    settled(seeding.apply(world, file, **how)[1])
    again = seeding.plan(world, file, **how)
    assert (again.changes, again.impossible) == ((), ())


# ---- spellings ------------------------------------------------------------------------------------------------------


def test_what_is_said_twice_in_a_list(world: Simulation) -> None:
    """Lists are sets: what stands there twice, or in two spellings, is there once, and is no difference."""
    user = f"{name('u')}@strongroom.localhost"
    twice = [{"user": user}, {"user": user.upper()}]
    vault = {"name": name("v"), "networkAcls": {"ipRules": ["203.0.113.7", "203.0.113.7/32"]}}
    home, members = {"resourceGroup": "default"}, {"displayName": name("g"), "members": twice}
    role = {"name": name("R"), "actions": ["*/read", "*/read"], "assignableScopes": [home, home]}
    denial = {"name": name("d"), "scope": home, "principals": twice, "dataActions": ["*"]}
    file = {
        **group([vault]),
        "users": [{"userPrincipalName": user, "password": {"generate": {"length": 20}}}],
        "groups": [members],
        "roleDefinitions": [role],
        "denyAssignments": [denial],
    }
    stays(world, file)


def test_ranges_and_subnets_in_another_spelling(world: Simulation) -> None:
    """The service writes ranges in its own way, and a subnet's name keeps the case that it was made in."""
    net = {"name": name("n"), "addressPrefixes": ["10.0.0.0/16", "FD00:0::/48"]}
    stays(world, group(virtualNetworks=[{**net, "subnets": [{"name": "Main", "addressPrefixes": ["FD00:0::/64"]}]}]))
    stays(world, group(virtualNetworks=[{**net, "subnets": [{"name": "main", "addressPrefixes": ["fd00::/64"]}]}]))
    (failed,) = seeding.apply(world, group(virtualNetworks=[{"name": name("n"), "addressPrefixes": ["10.0.0.1/16"]}]))[
        1
    ].failed
    assert "10.0.0.0/16" in failed.message


def test_tags_without_a_value(world: Simulation) -> None:
    """A tag without a value is one: it is added, and it goes."""
    vault = {"name": name("v"), "tags": {"a": "1"}}
    stays(world, group([vault]))
    for tags in ({"a": "1", "b": ""}, {"a": ""}, {}):
        stays(world, group([{**vault, "tags": tags}]))
        made = world.view.vault_by_name(vault["name"])
        assert made is not None
        assert made.tags == tags


# ---- values that are not there --------------------------------------------------------------------------------------


def test_every_value_that_is_missing_is_told(world: Simulation) -> None:
    """Values that cannot be read are faults of the file, all of them with their lines, before anything is done."""
    user = f"{name('u')}@strongroom.localhost"
    text = f"""\
version: 1
users:
  - userPrincipalName: {user}
    password: {{ env: NOT_SET }}
"""
    with seeding.reaching(world) as reach:
        plan = seeding.compare(seeding.read_wanted(seeding.read_document(text.encode()), reach), reach, prune=False)
        (fault,) = seeding.missing(plan, reach)
    assert str(fault) == f"line 3: {user}: the environment variable NOT_SET is not set"
    text = f"""\
version: 1
resourceGroups:
  - name: default
    location: local
    vaults:
      - name: {world.vault.name}
        secrets:
          - {{name: a, value: {{env: NOT_SET}}}}
          - {{name: b, value: {{file: not-there}}}}
          - {{name: c, value: {{env: NO_TEXT}}}}
"""
    with pytest.raises(Invalid) as caught:
        seeding.plan(world, text, environment={"NO_TEXT": "s3cret\udcff"})
    told = [str(fault) for fault in caught.value.faults]
    assert told[0] == "line 8: the environment variable NOT_SET is not set"
    assert told[1].startswith("line 9: ")
    assert told[1].endswith("not-there cannot be read: No such file or directory")
    assert told[2] == "line 10: the environment variable NO_TEXT is not UTF-8, and a secret is a text"


def test_everyone_is_given_nothing(world: Simulation) -> None:
    """Everybody is somebody that rights are taken from, and is refused elsewhere with the line."""
    text = "version: 1\ngroups:\n  - displayName: g\n    members:\n      - everyone: true\n"
    with pytest.raises(Invalid, match="line 5: nothing is given to everyone"):
        seeding.plan(world, text)
