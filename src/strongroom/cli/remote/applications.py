"""`strongroom app`: applications of the operator's tenant, and what they prove themselves by."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.remote.asking import confirm
from strongroom.cli.remote.directory import APPLICATION, find, listed, name_of
from strongroom.cli.remote.handing_over import hand_over, place_for_secret
from strongroom.cli.remote.output import Columns, done, show, show_one
from strongroom.cli.remote.session import Refused, Session, open_session

_NOT_FOUND = 404
_LIST: Columns = {
    "Name": "displayName",
    "Client id": "appId",
    "Object id": "id",
    "Secrets": lambda one: len(one["passwordCredentials"]),
    "Certificates": lambda one: len(one["keyCredentials"]),
}
_ONE: Columns = {
    "Name": "displayName",
    "Client id": "appId",
    "Object id": "id",
    "Made": "createdDateTime",
    "Audience": "signInAudience",
    "Identifier URIs": "identifierUris",
    "Service principal": "servicePrincipalId",
    "Secrets": lambda one: len(one["passwordCredentials"]),
    "Certificates": lambda one: len(one["keyCredentials"]),
}
_CREDENTIALS: Columns = {"Id": "id", "Kind": "kind", "Name": "name", "Begins": "begins", "Ends": "ends"}


def show_all(data: Path | None, name: str | None, *, as_json: bool) -> int:
    """
    Print every application, or those whose name begins with *name*.

    Raises:
        Halt: the service refuses, or cannot be asked.
    """
    with open_session(data) as session:
        return show(listed(session, APPLICATION, name), _LIST, as_json=as_json)


def show_application(data: Path | None, text: str, *, as_json: bool) -> int:
    """
    Print one application.

    Raises:
        Halt: there is none, or the service refuses.
    """
    with open_session(data) as session:
        found = find(session, APPLICATION, text)
        principal = _principal_of(session, found["appId"])
        return show_one({**found, "servicePrincipalId": principal and principal["id"]}, _ONE, as_json=as_json)


def create(
    data: Path | None, name: str, *, principal: bool, secret: bool, days: int | None, file: Path | None, as_json: bool
) -> int:
    """
    Make an application, its service principal and a secret of it, as far as they are wanted.

    Raises:
        Halt: the service refuses, or a later step failed: then it says what was made, and how to go on.
    """
    if file is not None and not secret:
        raise Halt("a file for a secret that is not wanted: add --secret", Exit.USAGE)
    with open_session(data) as session, place_for_secret(file):
        facts = make_application(session, name, principal=principal, secret=secret, days=days)
        if secret:
            otherwise = _lost(facts["clientId"])
            return hand_over(facts, once="clientSecret", file=file, as_json=as_json, otherwise=otherwise)
        titles = ("Name", "Client id", "Object id", "Service principal")
        return show_one(facts, dict(zip(titles, facts, strict=False)), as_json=as_json)


def make_application(session: Session, name: str, *, principal: bool, secret: bool, days: int | None) -> dict[str, Any]:
    """
    Make an application, its service principal and a secret of it; what they are.

    Raises:
        Halt: the service refuses; if that was a later step, it says what was made, and how to go on.
    """
    made = session.graph("POST", "/applications", {"displayName": name})
    facts = {"name": made["displayName"], "clientId": made["appId"], "objectId": made["id"]}
    if principal:
        try:
            acting = session.graph("POST", "/servicePrincipals", {"appId": made["appId"]})
        except Refused as refused:
            raise _half_made(made, f"strongroom sp create {made['appId']}", refused) from None
        facts["servicePrincipalId"] = acting["id"]
    if secret:
        try:
            facts |= _secret_facts(session, _add_secret(session, made["id"], None, days))
        except Refused as refused:
            raise _half_made(made, f"strongroom app credential add {made['appId']}", refused) from None
    return facts


def delete(data: Path | None, text: str, *, yes: bool, as_json: bool) -> int:
    """
    Remove an application, and with it its service principal here; for 30 days it can be restored.

    Raises:
        Halt: there is none, nobody confirms it, or the service refuses.
    """
    with open_session(data) as session:
        found = find(session, APPLICATION, text)
        confirm(f"Delete the application {name_of(found)} ({found['appId']}), ending its tokens?", yes=yes)
        session.graph("DELETE", f"/applications/{found['id']}")
        sentence = f"deleted {name_of(found)} ({found['appId']})"
        return done(sentence, as_json=as_json, id=found["id"], appId=found["appId"], deleted=True)


# ---- credentials ----------------------------------------------------------------------------------------------------


def show_credentials(data: Path | None, text: str, *, as_json: bool) -> int:
    """
    Print what an application proves itself by: its secrets, certificates and federated credentials.

    Raises:
        Halt: there is none, or the service refuses.
    """
    with open_session(data) as session:
        return show(_credentials(session, find(session, APPLICATION, text)), _CREDENTIALS, as_json=as_json)


def add_credential(
    data: Path | None, text: str, *, name: str | None, days: int | None, file: Path | None, as_json: bool
) -> int:
    """
    Give an application another secret, and tell it once. The others go on.

    Raises:
        Halt: there is none, the service refuses, or nobody takes the secret.
    """
    with open_session(data) as session:
        found = find(session, APPLICATION, text)
        with place_for_secret(file):
            added = _add_secret(session, found["id"], name, days)
            facts = {"name": found["displayName"], "clientId": found["appId"], **_secret_facts(session, added)}
            return hand_over(facts, once="clientSecret", file=file, as_json=as_json, otherwise=_lost(found["appId"]))


def remove_credential(data: Path | None, text: str, credential: str, *, yes: bool, as_json: bool) -> int:
    """
    Take a secret or a federated credential from an application: its tokens end, and no others.

    Raises:
        Halt: there is none, nobody confirms it, or the service refuses.
    """
    with open_session(data) as session:
        found = find(session, APPLICATION, text)
        held = next((one for one in _credentials(session, found) if one["id"] == credential.lower()), None)
        if held is None:
            raise Halt(
                f"{name_of(found)} has no credential {credential}: strongroom app credential list {found['appId']}"
                " shows them"
            )
        shown = f"{held['kind']} {held['name'] or held['id']} of {name_of(found)}"
        confirm(f"Remove the {shown}, ending the tokens that it gave?", yes=yes)
        _remove(session, found, held)
        return done(f"removed the {shown}", as_json=as_json, **held, removed=True)


def _credentials(session: Session, found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for kind, member in (("secret", "passwordCredentials"), ("certificate", "keyCredentials")):
        for one in found[member]:
            begins, ends = one["startDateTime"], one["endDateTime"]
            yield {"id": one["keyId"], "kind": kind, "name": one["displayName"], "begins": begins, "ends": ends}
    for one in session.graph_pages(f"/applications/{found['id']}/federatedIdentityCredentials"):
        name = f"{one['name']}: {one['subject']} of {one['issuer']}"
        yield {"id": one["id"], "kind": "federated", "name": name, "begins": None, "ends": None}


def _remove(session: Session, found: dict[str, Any], held: dict[str, Any]) -> None:
    path = f"/applications/{found['id']}"
    if held["kind"] == "federated":
        session.graph("DELETE", f"{path}/federatedIdentityCredentials/{held['id']}")
    elif held["kind"] == "secret":
        session.graph("POST", f"{path}/removePassword", {"keyId": held["id"]})
    else:
        # What a change names by its key alone stays as it is.
        kept = [
            {name: one[name] for name in ("keyId", "type", "usage")}
            for one in found["keyCredentials"]
            if one["keyId"] != held["id"]
        ]
        session.graph("PATCH", path, {"keyCredentials": kept})


def _add_secret(session: Session, application: str, name: str | None, days: int | None) -> dict[str, Any]:
    wanted: dict[str, Any] = {"displayName": name}
    if days is not None:
        wanted["endDateTime"] = (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
    answer: dict[str, Any] = session.graph(
        "POST", f"/applications/{application}/addPassword", {"passwordCredential": wanted}
    )
    return answer


def _secret_facts(session: Session, added: dict[str, Any]) -> dict[str, Any]:
    return {
        "tenantId": session.tenant,
        "credentialId": added["keyId"],
        "ends": added["endDateTime"],
        "clientSecret": added["secretText"],
    }


def _principal_of(session: Session, app_id: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = session.graph("GET", f"/servicePrincipals(appId='{app_id}')")
    except Refused as refused:
        if refused.status != _NOT_FOUND:
            raise
        return None
    return found


def _half_made(made: dict[str, Any], command: str, refused: Refused) -> Halt:
    return Halt(
        f"the application {name_of(made)} ({made['appId']}) was made, and what follows was refused: {refused}\n"
        f"  to go on: {command}",
        refused.exit_code,
    )


def _lost(app_id: str) -> str:
    return f"the secret is lost; strongroom app credential add {app_id} makes another"
