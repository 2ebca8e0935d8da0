"""Applications, their principals, credentials and app roles: through Microsoft Graph."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from strongroom.cli.seed.items import Item, key_of
from strongroom.cli.seed.kind import (
    Kind,
    Parents,
    Wanting,
    among,
    pick,
    principal_id,
    say_principal,
    service_principal,
    show_principal,
    without_nothing,
)
from strongroom.cli.seed.plan import Act, Change, Rules
from strongroom.cli.seed.principals import references
from strongroom.cli.seed.reach import Document, Reach, Unclear
from strongroom.cli.seed.schema import Entry

_PLAIN = ("identifierUris", "signInAudience", "notes", "tags", "isFallbackPublicClient")
_PLATFORMS = ("web", "spa", "publicClient")
_ROLE = ("value", "displayName", "description", "allowedMemberTypes", "isEnabled")
_PRINCIPAL = ("accountEnabled", "appRoleAssignmentRequired", "description", "notes", "tags")
_EXCHANGE = "api://AzureADTokenExchange"
_DAYS = 90


# ---- applications ---------------------------------------------------------------------------------------------------


def _read_application(_: Wanting, entry: Entry, __: Item | None) -> Item:
    values = pick(entry, *_PLAIN, "redirectUris", "requestedAccessTokenVersion")
    if "appRoles" in entry:
        values["appRoles"] = [{"isEnabled": True, **role} for role in entry["appRoles"]]
    return Item("application", entry["displayName"], values, line=entry.line)


def _found_applications(reach: Reach, _: Parents) -> Iterable[Item]:
    own = reach.session.claims.get("appid")
    for name, one in reach.listed("application"):
        values = {
            **pick(one, *_PLAIN),
            "redirectUris": without_nothing({platform: one[platform]["redirectUris"] for platform in _PLATFORMS}),
            "requestedAccessTokenVersion": one["api"]["requestedAccessTokenVersion"],
            "appRoles": [without_nothing(pick(role, *_ROLE)) for role in one["appRoles"]],
        }
        yield Item("application", name, values, id=one["id"], protected=one["appId"] == own)


def _put_application(reach: Reach, change: Change) -> None:
    item = change.item
    there = reach.find("application", item.name) if change.act is Act.CHANGE else {}
    wanted = change.changed if change.act is Act.CHANGE else item.values.keys()
    body: Document = {name: item.values[name] for name in _PLAIN if name in wanted}
    if "notes" in body:
        body["notes"] = body["notes"] or None
    if "redirectUris" in wanted:
        body |= {name: {"redirectUris": uris} for name, uris in item.values["redirectUris"].items()}
    if "requestedAccessTokenVersion" in wanted:
        body["api"] = {"requestedAccessTokenVersion": item.values["requestedAccessTokenVersion"]}
    if "appRoles" in wanted:
        _replace_roles(reach, there, item.values["appRoles"], body)
    if change.act is Act.CHANGE:
        reach.session.graph("PATCH", f"/applications/{there['id']}", body)
        made = reach.session.graph("GET", f"/applications/{there['id']}")
    else:
        made = reach.session.graph("POST", "/applications", {**body, "displayName": item.name})
    reach.learn("application", made)


def _replace_roles(reach: Reach, there: Document, wanted: Iterable[Document], body: Document) -> None:
    """Say the app roles, those that stay with their ids; one that goes has to be switched off first, as Graph wants."""
    roles = there.get("appRoles", [])
    ids = {_called(role): role["id"] for role in roles}
    body["appRoles"] = [{**role, "id": ids.get(_called(role)) or str(uuid.uuid4())} for role in wanted]
    kept = {role["id"] for role in body["appRoles"]}
    if any(role["id"] not in kept and role["isEnabled"] for role in roles):
        switched = [{**role, "isEnabled": role["isEnabled"] and role["id"] in kept} for role in roles]
        reach.session.graph("PATCH", f"/applications/{there['id']}", {"appRoles": switched})


def _called(role: Mapping[str, Any]) -> tuple[str, str]:
    """Give by what an app role is known: its value, or the name of one that has none."""
    return ("value", role["value"]) if role.get("value") else ("name", role["displayName"])


def _drop_application(reach: Reach, item: Item) -> None:
    reach.session.graph("DELETE", f"/applications/{item.id}")
    reach.forget("application", item.name)


# ---- service principals ---------------------------------------------------------------------------------------------


def _read_principal(_: Wanting, entry: Entry, parent: Item | None) -> Item | None:
    if "servicePrincipal" not in entry or parent is None:
        return None
    own = entry["servicePrincipal"]
    return Item(
        "servicePrincipal", parent.name, pick(own, *_PRINCIPAL), parent=parent.key, needs=frozenset({parent.key}),
        line=own.line,
    )  # fmt: skip


def _found_principals(reach: Reach, parents: Parents) -> Iterable[Item]:
    own = reach.session.claims.get("oid")
    for name, application in among(reach, "application", parents):
        found = reach.look("servicePrincipal", application["appId"])
        if found is not None:
            one = found[1]
            parent = key_of("application", name)
            values = pick(one, *_PRINCIPAL)
            yield Item("servicePrincipal", name, values, parent=parent, id=one["id"], protected=one["id"] == own)


def _put_principal(reach: Reach, change: Change) -> None:
    item = change.item
    if change.act is Act.CHANGE:
        body = {name: item.values[name] for name in change.changed}
        body |= {name: body[name] or None for name in ("description", "notes") if name in body}
        reach.session.graph("PATCH", f"/servicePrincipals/{item.id}", body)
        return
    app_id = reach.find("application", item.name)["appId"]
    body = {**without_nothing(item.values), "appId": app_id}
    reach.learn("servicePrincipal", reach.session.graph("POST", "/servicePrincipals", body))


def _drop_principal(reach: Reach, item: Item) -> None:
    reach.session.graph("DELETE", f"/servicePrincipals/{item.id}")
    reach.forget("servicePrincipal", reach.find("application", item.name)["appId"])


# ---- client secrets -------------------------------------------------------------------------------------------------


def _password_item(application: str, name: str, **more: Any) -> Item:
    parent = key_of("application", application)
    return Item("applicationPassword", f"{application}: {name}", {"displayName": name}, parent=parent, **more)


def _read_password(wanting: Wanting, entry: Entry, parent: Item | None) -> Item | None:
    if parent is None:
        return None
    store = entry.get("store")
    if store is not None:
        wanting.refer("vault", store["vault"], store.line)
    aside = {"application": parent.name, "days": entry.get("days", _DAYS), "store": store}
    needs = frozenset({parent.key, *wanting.needs})
    return _password_item(parent.name, entry["displayName"], aside=aside, needs=needs, line=entry.line)


def _found_passwords(reach: Reach, parents: Parents) -> Iterable[Item]:
    now, own = reach.clock(), reach.session.claims.get("appid")
    for name, one in among(reach, "application", parents):
        good: dict[str, list[str]] = {}
        for credential in one["passwordCredentials"]:
            if credential["displayName"] and _ends(credential) > now:
                good.setdefault(credential["displayName"], []).append(credential["keyId"])
        for called, keys in good.items():
            # With one of its own, whoever applies the file may be signed in.
            protected = one["appId"] == own
            aside = {"application": name, "keys": keys}
            yield _password_item(name, called, id=keys[0], aside=aside, protected=protected)


def _ends(credential: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(credential["endDateTime"]).timestamp()


def _put_password(reach: Reach, change: Change) -> None:
    aside, name = change.item.aside, change.item.values["displayName"]
    application = reach.find("application", aside["application"])
    ends = datetime.fromtimestamp(reach.clock(), UTC) + timedelta(days=aside["days"])
    asked = {"displayName": name, "endDateTime": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}
    made = reach.session.graph("POST", f"/applications/{application['id']}/addPassword", {"passwordCredential": asked})
    try:
        _keep(reach, aside, application, made)
    except BaseException:
        # Nobody has it: what cannot be kept must not be good either, and the next run makes another. That holds for
        # an interruption too.
        reach.session.graph("POST", f"/applications/{application['id']}/removePassword", {"keyId": made["keyId"]})
        raise


def _keep(reach: Reach, aside: Mapping[str, Any], application: Document, made: Document) -> None:
    store = aside["store"]
    if store is not None:
        body = {"value": made["secretText"], "contentType": "client secret", "attributes": {"exp": int(_ends(made))}}
        reach.session.vault(store["vault"], "PUT", f"/secrets/{store['secret']}", body)
        return
    reach.credentials.write({
        "application": aside["application"],
        "clientId": application["appId"],
        "clientSecret": made["secretText"],
        "expires": made["endDateTime"],
    })  # fmt: skip


def _lacks_place(reach: Reach, item: Item) -> str | None:
    if item.aside["store"] is None and reach.credentials.path is None:
        return "a client secret is told once: say where to `store` it, or --credentials FILE"
    return None


def _drop_password(reach: Reach, item: Item) -> None:
    application = reach.find("application", item.aside["application"])
    for key in item.aside["keys"]:
        reach.session.graph("POST", f"/applications/{application['id']}/removePassword", {"keyId": key})


# ---- federated credentials ------------------------------------------------------------------------------------------


def federated_values(entry: Mapping[str, Any]) -> Document:
    """Give what a federated credential says; for whom its tokens are has a default."""
    return {"audiences": [_EXCHANGE], **pick(entry, "issuer", "subject", "audiences")}


def federated_item(kind: str, of: str, owner: str, name: str, values: Document, **more: Any) -> Item:
    """Make the item of a federated credential."""
    parent = key_of(of, owner)
    return Item(kind, f"{owner}: {name}", values, {"owner": owner, "name": name}, parent=parent, **more)


def _read_federated(_: Wanting, entry: Entry, parent: Item | None) -> Item | None:
    if parent is None:
        return None
    values, needs = federated_values(entry), frozenset({parent.key})
    return federated_item(
        "applicationFederation", "application", parent.name, entry["name"], values, needs=needs, line=entry.line
    )


def _found_federated(reach: Reach, parents: Parents) -> Iterable[Item]:
    own = reach.session.claims.get("appid")
    for name, one in among(reach, "application", parents):
        for credential in reach.session.graph_pages(f"/applications/{one['id']}/federatedIdentityCredentials"):
            more = {"id": credential["id"], "protected": one["appId"] == own}
            values = federated_values(credential)
            yield federated_item("applicationFederation", "application", name, credential["name"], values, **more)


def _put_federated(reach: Reach, change: Change) -> None:
    item = change.item
    path = f"/applications/{reach.find('application', item.aside['owner'])['id']}/federatedIdentityCredentials"
    if change.act is Act.CHANGE:
        reach.session.graph("PATCH", f"{path}/{item.id}", dict(item.values))
    else:
        reach.session.graph("POST", path, {**item.values, "name": item.aside["name"]})


def _drop_federated(reach: Reach, item: Item) -> None:
    owner = reach.find("application", item.aside["owner"])["id"]
    reach.session.graph("DELETE", f"/applications/{owner}/federatedIdentityCredentials/{item.id}")


# ---- app role assignments -------------------------------------------------------------------------------------------


def _assignment(principal: Document, application: str, role: str, **more: Any) -> Item:
    values = {"principal": principal, "application": application, "role": role}
    return Item("appRoleAssignment", f"{role} of {application} for {say_principal(principal)}", values, **more)


def _read_assignment(wanting: Wanting, entry: Entry, _: Item | None) -> Item:
    application = wanting.refer("application", entry["application"], entry.line)
    needs = {*wanting.needs, *({key_of("servicePrincipal", application)} & wanting.declared.keys())}
    principal = wanting.principal(entry["principal"])
    needs |= wanting.needs
    return _assignment(principal, application, entry["role"], needs=frozenset(needs), line=entry.line)


def _found_assignments(reach: Reach, _: Parents) -> Iterable[Item]:
    for name, application in reach.listed("application"):
        resource = reach.look("servicePrincipal", application["appId"])
        roles = {role["id"]: role["value"] for role in application["appRoles"]}
        if resource is None or not roles:
            continue
        for one in reach.session.graph_pages(f"/servicePrincipals/{resource[1]['id']}/appRoleAssignedTo"):
            if roles.get(one["appRoleId"]):
                principal = show_principal(reach, one["principalId"])
                yield _assignment(principal, name, roles[one["appRoleId"]], id=one["id"])


def _put_assignment(reach: Reach, change: Change) -> None:
    values = change.item.values
    application = reach.find("application", values["application"])
    role = next((one["id"] for one in application["appRoles"] if one["value"] == values["role"]), None)
    if role is None:
        raise Unclear(f"the application {values['application']} has no app role {values['role']}")
    resource = service_principal(reach, values["application"])["id"]
    body = {"principalId": principal_id(reach, values["principal"]), "resourceId": resource, "appRoleId": role}
    reach.session.graph("POST", f"/servicePrincipals/{resource}/appRoleAssignedTo", body)


def _drop_assignment(reach: Reach, item: Item) -> None:
    resource = service_principal(reach, item.values["application"])["id"]
    reach.session.graph("DELETE", f"/servicePrincipals/{resource}/appRoleAssignedTo/{item.id}")


APPLICATIONS = Kind(
    "application",
    "applications",
    _read_application,
    _found_applications,
    _put_application,
    _drop_application,
    lambda item: {"displayName": item.name, **without_nothing(item.values)},
    declare=lambda entry, _: str(entry["displayName"]),
    rules=Rules(partial=frozenset({"redirectUris"})),
)
SERVICE_PRINCIPALS = Kind(
    "servicePrincipal",
    "servicePrincipal",
    _read_principal,
    _found_principals,
    _put_principal,
    _drop_principal,
    lambda item: {"servicePrincipal": without_nothing(item.values)},
    parent="application",
    merges=True,
    declare=lambda _, parent: parent,
)
APPLICATION_OWNERS = references("application owners", "application", "applications", "owners")
APPLICATION_PASSWORDS = Kind(
    "applicationPassword",
    "passwords",
    _read_password,
    _found_passwords,
    _put_password,
    _drop_password,
    lambda item: dict(item.values),
    parent="application",
    lacks=_lacks_place,
)
APPLICATION_FEDERATION = Kind(
    "applicationFederation",
    "federatedCredentials",
    _read_federated,
    _found_federated,
    _put_federated,
    _drop_federated,
    lambda item: {"name": item.aside["name"], **item.values},
    parent="application",
)
APP_ROLE_ASSIGNMENTS = Kind(
    "appRoleAssignment",
    "appRoleAssignments",
    _read_assignment,
    _found_assignments,
    _put_assignment,
    _drop_assignment,
    lambda item: dict(item.values),
)
