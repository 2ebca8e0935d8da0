"""What a file may say besides the usual: other spellings, values that are not there, and things that hold others."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from strongroom.cli.outcome import Halt
from strongroom.cli.remote.refusals import Refused
from strongroom.cli.seed import command, show
from strongroom.cli.seed.export import make_export, write_yaml
from strongroom.cli.seed.reading import Invalid
from tests import seeding
from tests.flow.arm import Arm
from tests.flow.seed_cases import stays
from tests.flow.seeds import READER, fresh, group, name, settled, steps
from tests.world import Simulation

__all__ = ["fresh"]
KEY_VAULT_READER = "21090545-7ca7-4776-b22c-e363652d74d2"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"


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


def test_defaults_that_are_said(world: Simulation) -> None:
    """Resource Manager does not tell what nobody said, nor an open firewall: a file that says it is no difference."""
    one = name("v")
    seeding.apply(world, group([{"name": one}]))
    acls = {"bypass": "AzureServices", "defaultAction": "Allow", "ipRules": [], "virtualNetworkRules": []}
    flags = {"enabledForDeployment": False, "enabledForDiskEncryption": False, "enabledForTemplateDeployment": False}
    stays(world, group([{"name": one, "networkAcls": acls, "softDeleteRetentionInDays": 90, **flags}]))


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


# ---- who applies a file, and what it holds on to --------------------------------------------------------------------


def operator(world: Simulation) -> tuple[Any, str]:
    """Make an operator whose rights come from a group that he is in; the group's name."""
    team, app = name("team"), name("op")
    who = world.principal(app)
    settled(
        seeding.apply(
            world,
            {
                "version": 1,
                "groups": [{"displayName": team, "members": [{"application": app}]}],
                "directoryRoles": [{"role": "Global Administrator", "principal": {"application": app}}],
                "roleAssignments": [
                    {"principal": {"group": team}, "role": "Owner", "scope": {"subscription": True}},
                ],
            },
        )[1]
    )
    return who, team


def test_nobody_prunes_what_he_works_with(fresh: Simulation) -> None:
    """Rights by a group, the group, and one's own credentials stay, though no list names them."""
    who, team = operator(fresh)
    file: dict[str, Any] = {"version": 1, "groups": [], "roleAssignments": [], "directoryRoles": []}
    gone = steps(seeding.plan(fresh, file, prune=True, who=who))
    assert gone
    assert not any(team in one for one in gone)
    own = {"version": 1, "applications": [{"displayName": "Strongroom administrator", "passwords": []}]}
    assert not [one for one in steps(seeding.plan(fresh, own, prune=True)) if "secret" in one]


def test_whoever_leaves_does_so_last(fresh: Simulation) -> None:
    """What its author loses rights by comes after all the rest, and not at all once something failed."""
    who, team = operator(fresh)
    file = {**group([{"name": name("v")}]), "groups": [{"displayName": team, "members": []}]}
    plan = seeding.plan(fresh, file, who=who)
    assert steps(plan)[-1] == f"change members of group {team}"
    bad = {**group([{"name": fresh.vault.name + "-x", "location": "local", "tags": {"a" * 600: "b"}}])}
    _, outcome = seeding.apply(fresh, {**bad, "groups": file["groups"]}, who=who)
    assert len(outcome.failed) == 1
    assert [one.item.name for one in outcome.untried] == [team]
    settled(seeding.apply(fresh, file, who=who)[1])


def test_what_the_file_needs_is_not_pruned(world: Simulation) -> None:
    """A list that leaves out what is named elsewhere in the file is a mistake, told with the line."""
    user, home, vault = f"{name('u')}@strongroom.localhost", name("rg"), name("v")
    place = {"name": home, "location": "local", "vaults": [{"name": vault}], "identities": [{"name": "runner"}]}
    users = [{"userPrincipalName": user, "password": {"generate": {"length": 20}}}]
    settled(seeding.apply(world, {"version": 1, "users": users, "resourceGroups": [place]})[1])
    for kind, scope in (("user", {"vault": vault}), ("resource group", {"resourceGroup": home})):
        text: dict[str, Any] = {
            "version": 1,
            **({"users": []} if kind == "user" else {"resourceGroups": []}),
            "roleAssignments": [{"principal": {"user": user}, "role": "Reader", "scope": scope}],
        }
        with pytest.raises(Invalid, match=f"{kind} .* is needed here, and --prune would delete it"):
            seeding.plan(world, text, prune=True)
        assert seeding.plan(world, text).changes
    inside = [{"principal": {"identity": f"{home}/runner"}, "role": "Reader", "scope": {"vault": vault}}]
    with pytest.raises(Invalid, match=f"resource group {home} is needed here"):
        seeding.plan(world, {"version": 1, "resourceGroups": [], "roleAssignments": inside}, prune=True)


def test_credentials_of_one_name_go_together(world: Simulation) -> None:
    """A client secret that a list leaves out is gone, however many of its name there are."""
    app = name("app")
    wanted = {"displayName": app, "passwords": [{"displayName": "web"}]}
    settled(seeding.apply(world, {"version": 1, "applications": [wanted]})[1])
    with seeding.session(world) as session:
        (found,) = [one for one in session.graph_pages("/applications") if one["displayName"] == app]
        session.graph(
            "POST", f"/applications/{found['id']}/addPassword", {"passwordCredential": {"displayName": "web"}}
        )
        file = {"version": 1, "applications": [{"displayName": app, "passwords": []}, *_others(world, app)]}
        settled(seeding.apply(world, file, prune=True)[1])
        assert session.graph("GET", f"/applications/{found['id']}")["passwordCredentials"] == []


def _others(world: Simulation, app: str) -> list[dict[str, Any]]:
    listed = seeding.export(world).document["applications"]
    return [{"displayName": one["displayName"]} for one in listed if one["displayName"] != app]


# ---- going on -------------------------------------------------------------------------------------------------------


def test_it_goes_on_where_the_rights_were_to_come(world: Simulation) -> None:
    """A vault that was made before its rights were given can be filled by applying the file again."""
    app, vault = name("op"), name("v")
    who = world.principal(app)
    subscription = f"/subscriptions/{world.first.subscription_id}"
    world.grant(who.oid, OWNER, subscription)
    secrets = [
        {"name": "made", "value": {"generate": {}}, "tags": {"a": "b"}},
        {"name": "said", "value": {"env": "SAID"}},
        {"name": "kept", "value": {"keep": True}},
    ]
    file = group([{"name": vault, "enableRbacAuthorization": True, "secrets": secrets}])
    right = {"principal": {"objectId": who.oid}, "role": "Key Vault Secrets Officer", "scope": {"vault": vault}}
    how: dict[str, Any] = {"who": who, "environment": {"SAID": "one"}}
    settled(seeding.apply(world, group([{"name": vault, "enableRbacAuthorization": True}]), **how)[1])
    with pytest.raises(Refused, match="ForbiddenByRbac"):
        seeding.plan(world, file, **how)

    whole = {**file, "roleAssignments": [right]}
    outcome = seeding.apply(world, whole, **how)[1]
    assert [one.change.item.name for one in outcome.failed] == [f"{vault}/kept"]
    assert "there is no value to keep" in outcome.failed[0].message
    with seeding.session(world, who) as session:
        before = session.vault(vault, "GET", "/secrets/made")
        session.vault(vault, "PUT", "/secrets/kept", {"value": "mine"})
        assert session.vault(vault, "GET", "/secrets/said")["value"] == "one"

    again = _without_right(world, who, vault)
    secrets[0]["tags"] = {"a": "c"}
    how["environment"]["SAID"] = "two"
    settled(seeding.apply(world, {**whole, "roleAssignments": [again]}, **how)[1])
    with seeding.session(world, who) as session:
        after = session.vault(vault, "GET", "/secrets/made")
        assert (after["id"], after["value"], after["tags"]) == (before["id"], before["value"], {"a": "c"})
        assert session.vault(vault, "GET", "/secrets/said")["value"] == "two"
        assert session.vault(vault, "GET", "/secrets/kept")["value"] == "mine"
    assert steps(seeding.plan(world, {**whole, "roleAssignments": [again]}, **how)) == []


def _without_right(world: Simulation, who: Any, vault: str) -> dict[str, Any]:
    """Take the right to a vault away, and give how it is said again."""
    file = {"version": 1, "roleAssignments": []}
    with seeding.reaching(world) as reach:
        plan = seeding.compare(
            seeding.read_wanted(seeding.read_document(json.dumps(file).encode()), reach), reach, prune=True
        )
        mine = [one for one in plan.changes if vault in one.item.name]
        assert len(mine) == 1
        settled(seeding.carry_out(replace(plan, changes=tuple(mine)), reach))
    return {"principal": {"objectId": who.oid}, "role": "Key Vault Secrets Officer", "scope": {"vault": vault}}


# ---- exports --------------------------------------------------------------------------------------------------------


def test_values_that_may_not_be_read_are_left_out(world: Simulation) -> None:
    """Whoever may list secrets and not read them gets an export with the rest, and is told."""
    vault = {"name": name("v"), "enableRbacAuthorization": True, "secrets": [{"name": "a", "value": {"generate": {}}}]}
    settled(seeding.apply(world, group([vault]))[1])
    reader = world.principal()
    for role in (READER, KEY_VAULT_READER):
        world.grant(reader.oid, role, f"/subscriptions/{world.first.subscription_id}")
    with seeding.reaching(world, reader, operator=False) as reach:
        made = make_export(reach, values=True)
    assert any(one.startswith(f"the value of secret {vault['name']}/a: ") for one in made.left_out)
    homes = made.document["resourceGroups"]
    (shown,) = [one for home in homes for one in home.get("vaults", ()) if one["name"] == vault["name"]]
    assert shown["secrets"] == [{"name": "a", "value": {"keep": True}}]


def test_an_export_goes_into_a_file_of_ones_own(
    world: Simulation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is somebody else's, or leads to one, gets nothing, and stays as it is."""

    @contextmanager
    def opened(*_: object) -> Iterator[Any]:
        with seeding.session(world) as session:
            yield session, None

    monkeypatch.setattr(command, "_open", opened)
    how: dict[str, Any] = {"tenant": None, "subscription": None, "values": True, "as_json": False}
    path, link = tmp_path / "export.yaml", tmp_path / "link.yaml"
    path.write_text("old")
    link.symlink_to(path)
    with pytest.raises(Halt, match="cannot be written"):
        command.export(None, link, **how)
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
        with pytest.raises(Halt, match="is no file of yours"):
            command.export(None, path, **how)
    assert path.read_text() == "old"
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Halt):
        command.export(None, tmp_path / "pipe", **how)


def test_an_export_of_odd_names_can_be_applied(fresh: Simulation) -> None:
    """What the service takes as a name or a text is exported so that it can be applied, and steers no terminal."""
    odd = "odd\n\x1b[2J\u202ename"
    with seeding.session(fresh) as session:
        base = {"mailEnabled": False, "securityEnabled": True}
        made = session.graph("POST", "/groups", {**base, "displayName": odd, "mailNickname": "a/b"})
        session.graph("POST", f"/groups/{made['id']}/members/$ref", {"@odata.id": _reference(session.claims["oid"])})
        app = session.graph("POST", "/applications", {"displayName": odd, "notes": "a\r\nb"})
        role = {"displayName": "none", "description": "d", "allowedMemberTypes": ["User"], "isEnabled": True}
        role["id"] = "11111111-1111-4111-8111-111111111111"
        session.graph("PATCH", f"/applications/{app['id']}", {"appRoles": [role]})
        tags = {"": "e", "a b": "x\ny", "<<": "m", "yes": "no", "c": ""}
        body = {"value": secrets.token_hex(8), "contentType": "a\nb\u0085c\u2028d", "tags": tags}
        session.vault(fresh.vault.name, "PUT", "/secrets/odd", body)
    text = write_yaml(seeding.export(fresh).document)
    assert steps(seeding.plan(fresh, text)) == []
    changed = text.replace("description: d\n", "description: e\n")
    plan, outcome = seeding.apply(fresh, changed)
    settled(outcome)
    assert len(plan.changes) == 1
    with seeding.session(fresh) as session:
        (kept,) = session.graph("GET", f"/applications/{app['id']}")["appRoles"]
        assert (kept["id"], kept["description"]) == (role["id"], "e")
    twice = {"version": 1, "groups": [{"displayName": odd}, {"displayName": odd}]}
    with pytest.raises(Invalid) as caught:
        seeding.plan(fresh, twice)
    assert str(caught.value).isprintable()
    lines = [*show.plan_lines(plan), *show.outcome_lines(outcome)]
    assert all(line.isprintable() for line in lines)


def _reference(object_id: str) -> str:
    return f"https://graph.microsoft.com/v1.0/directoryObjects/{object_id}"


# ---- diagnostic settings --------------------------------------------------------------------------------------------


def test_diagnostic_settings(fresh: Simulation) -> None:
    """A vault's audit is sent where the file says, each setting as a whole, and what a list leaves out goes."""
    arm = Arm(fresh, fresh.administrator)
    arm.make_vault()
    arm.make_sink()
    sent = {"name": "to storage", "logs": ["auditevent"], "metrics": ["AllMetrics"], "storageAccountId": arm.storage}
    vault: dict[str, Any] = {"name": arm.vault_name, "diagnosticSettings": [sent]}
    home = {"name": arm.vault.split("/")[4], "location": "local", "vaults": [vault]}
    file = {"version": 1, "resourceGroups": [home, {"name": "default", "location": "local"}]}
    stays(fresh, file)
    assert steps(seeding.plan(fresh, write_yaml(seeding.export(fresh).document))) == []
    del sent["metrics"]
    sent["logs"], sent["logGroups"] = [], ["allLogs"]
    stays(fresh, file)
    (setting,) = arm.do("GET", arm.setting.rpartition("/")[0])["value"]
    assert [one["categoryGroup"] for one in setting["properties"]["logs"]] == ["allLogs"]
    assert setting["properties"]["metrics"] == []
    vault["diagnosticSettings"] = []
    stays(fresh, file)
    settled(seeding.apply(fresh, file, prune=True)[1])
    assert arm.do("GET", arm.setting.rpartition("/")[0]) == {"value": []}


def test_tags_of_the_subscription(fresh: Simulation) -> None:
    """They are said whole, as those of everything else, and stay where a file says nothing of them."""
    stays(fresh, {"version": 1, "subscriptionTags": {"team": "shop", "empty": ""}})
    assert seeding.export(fresh).document["subscriptionTags"] == {"team": "shop", "empty": ""}
    stays(fresh, {"version": 1, "groups": []})
    plan, outcome = seeding.apply(fresh, {"version": 1, "subscriptionTags": {"team": "ops"}}, prune=True)
    settled(outcome)
    assert list(show.plan_lines(plan)) == ["~ subscription tags", "    tags: team=shop empty=nothing -> team=ops"]
    settled(seeding.apply(fresh, {"version": 1, "subscriptionTags": {}})[1])
    assert "subscriptionTags" not in seeding.export(fresh).document
