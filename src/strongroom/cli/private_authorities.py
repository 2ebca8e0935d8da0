"""`strongroom ca`: the private CAs that issue certificates for vaults, and what they issued."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from strongroom.cli.control import ask
from strongroom.cli.instance import Instance, find_instance
from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.text import one_line, tell

_PATH = "/certificate-authorities"
_COLUMNS = ("name", "keys", "issued", "revoked", "issues until", "ends", "tenant")
_ISSUED_COLUMNS = ("serial", "certificate", "subject", "expires", "revoked")


def create(data: Path | None, wanted: Mapping[str, Any], *, as_json: bool) -> int:
    """
    Make a CA, and say where its certificate is to be had.

    Raises:
        Halt: no service runs there, or it refuses.
    """
    made = ask(find_instance(data), "POST", _PATH, dict(wanted))
    published = made["published"]
    where = (
        f"Its lists and its answers are at {published}."
        if published
        else "Nothing of it is published: without pki_listen nobody can ask whether what it issues was revoked."
    )
    name = made["name"]
    tell(
        f"The CA {name} is made. {where}\nClients trust its root: strongroom ca chain {name} --root\n"
        f"A vault uses it by an issuer with the provider PrivateCA and the account {name}.",
        as_json=as_json,
        **made,
    )
    return Exit.OK


def show_all(data: Path | None, *, as_json: bool) -> int:
    """
    Print every CA.

    Raises:
        Halt: no service runs there.
    """
    found = _all(find_instance(data))
    if as_json:
        print(json.dumps(found, indent=2))
        return Exit.OK
    _print_table(
        _COLUMNS,
        (
            (
                one["name"],
                one["keyType"] + (" in the token" if one["inToken"] else ""),
                str(one["issued"]),
                str(one["revoked"]),
                _day(one["issuing"][0]["notAfter"]),
                _day(one["root"]["notAfter"]),
                one["tenantId"],
            )
            for one in found
        ),
    )
    return Exit.OK


def show(data: Path | None, name: str, tenant: str | None, *, as_json: bool) -> int:
    """
    Print one CA.

    Raises:
        Halt: no service runs there, or there is no such CA.
    """
    found = _one(find_instance(data), name, tenant)
    if as_json:
        print(json.dumps(found, indent=2))
        return Exit.OK
    print(f"name        {found['name']}")
    print(f"tenant      {found['tenantId']}")
    print(f"keys        {found['keyType']}{' in the token' if found['inToken'] else ''}")
    print(f"may certify {', '.join(found['permitted']) or 'any name'}")
    print(f"profiles    {', '.join(found['profiles'])}")
    print(f"published   {found['published'] or 'nowhere'}")
    print(f"issued      {found['issued']}, of those revoked {found['revoked']}")
    for what, key in (("root", found["root"]), *(("issuing", one) for one in found["issuing"])):
        revoked = "" if key.get("revoked") is None else f", revoked {_day(key['revoked'])}"
        print(f"{what:<11} {one_line(key['subject'])}, until {_day(key['notAfter'])}{revoked}")
        if key["listNumber"] is not None:
            print(f"{'':<11} list {key['listNumber']}, good until {_day(key['listUntil'])}")
    return Exit.OK


def chain(data: Path | None, name: str, tenant: str | None, *, root_only: bool, as_json: bool) -> int:
    """
    Print the CA's certificates as PEM: the one that issues, and the root, which clients trust.

    Raises:
        Halt: no service runs there, or there is no such CA.
    """
    found = _one(find_instance(data), name, tenant)
    keys = [found["root"]] if root_only else [found["issuing"][0], found["root"]]
    certificates = [one["certificate"] for one in keys]
    tell("".join(certificates).rstrip("\n"), as_json=as_json, chain=certificates)
    return Exit.OK


def issued(data: Path | None, name: str, tenant: str | None, *, as_json: bool) -> int:
    """
    Print what a CA issued, the newest first.

    Raises:
        Halt: no service runs there, or there is no such CA.
    """
    found = ask(find_instance(data), "POST", f"{_PATH}/issued", {"name": name, "tenant": tenant})
    if as_json:
        print(json.dumps(found, indent=2))
        return Exit.OK
    _print_table(
        _ISSUED_COLUMNS,
        (
            (
                one["serial"],
                f"{one['vault'] or '(gone)'}/{one['name']}",
                one_line(one["subject"]),
                _day(one["expires"]),
                "" if one["revoked"] is None else f"{_day(one['revoked'])} {one['reason']}",
            )
            for one in found["value"]
        ),
    )
    if found["more"]:
        print("… and older ones")
    return Exit.OK


def revoke(data: Path | None, target: str, tenant: str | None, reason: str | None, *, as_json: bool) -> int:
    """
    Revoke a certificate.

    Raises:
        Halt: no service runs there, or it refuses.
    """
    done = ask(find_instance(data), "POST", f"{_PATH}/revoke", {"target": target, "tenant": tenant, "reason": reason})
    where = f"{done['vault'] or '(gone)'}/{done['name']}"
    tell(f"{done['serial']} ({where}) is revoked: {done['reason']}", as_json=as_json, **done)
    return Exit.OK


def renew(data: Path | None, name: str, tenant: str | None, *, revoke_old: bool, as_json: bool) -> int:
    """
    Give a CA another issuing CA.

    Raises:
        Halt: no service runs there, or it refuses.
    """
    body = {"name": name, "tenant": tenant, "revoke": revoke_old}
    made = ask(find_instance(data), "POST", f"{_PATH}/renew", body)
    tell(f"The CA {name} issues by {one_line(made['issuing'][0]['subject'])} from now on", as_json=as_json, **made)
    return Exit.OK


def remove(data: Path | None, name: str, tenant: str | None, *, force: bool, as_json: bool) -> int:
    """
    Remove a CA with its keys.

    Raises:
        Halt: no service runs there, or it refuses.
    """
    ask(find_instance(data), "POST", f"{_PATH}/remove", {"name": name, "tenant": tenant, "force": force})
    tell(f"The CA {name} is removed, and its keys with it", as_json=as_json, name=name)
    return Exit.OK


def _all(instance: Instance) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(instance, "GET", _PATH).get("value", [])
    return found


def _one(instance: Instance, name: str, tenant: str | None) -> dict[str, Any]:
    """Find a CA among all: by its name, and by its tenant where several have one of that name."""
    found = [one for one in _all(instance) if one["name"].lower() == name.lower() and tenant in {None, one["tenantId"]}]
    if not found:
        raise Halt(f"there is no private CA called {one_line(name)}; strongroom ca list shows what there is")
    if len(found) > 1:
        raise Halt("several tenants have a private CA of that name: name the tenant by its id with --tenant")
    return found[0]


def _day(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")


def _print_table(columns: Sequence[str], cells: Iterable[Sequence[str]]) -> None:
    rows = [tuple(columns), *map(tuple, cells)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(columns))]
    for row in rows:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
