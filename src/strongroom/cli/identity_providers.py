"""`strongroom identity-provider`: where a tenant's users may sign in instead of here, and who is who there."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from strongroom.cli import control
from strongroom.cli.instance import find_instance
from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.text import tell

_SECRET_BYTES = 4096
_STANDARD_INPUT = Path("-")


def show(data: Path | None, *, as_json: bool) -> int:
    """
    Print every provider.

    Raises:
        Halt: no service runs there.
    """
    found = control.list_identity_providers(find_instance(data))
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        for one in found:
            _print(one)
    return Exit.OK


def add(data: Path | None, secret_file: Path, wanted: Mapping[str, Any], *, as_json: bool) -> int:
    """
    Let a tenant's users sign in at a provider, and print it with the redirect URI that it has to know.

    Raises:
        Halt: no service runs there, it refuses, or the secret cannot be read.
    """
    instance = find_instance(data)
    made = control.add_identity_provider(instance, {**wanted, "clientSecret": _read_secret(secret_file)})
    if as_json:
        print(json.dumps(made, indent=2))
    else:
        _print(made)
    return Exit.OK


def enable(data: Path | None, provider: str, *, enabled: bool, as_json: bool) -> int:
    """
    Send people to a provider, or no more.

    Raises:
        Halt: no service runs there, or it refuses.
    """
    told = control.enable_identity_provider(find_instance(data), provider, enabled=enabled)
    if as_json:
        print(json.dumps(told, indent=2))
    else:
        _print(told)
    return Exit.OK


def remove(data: Path | None, provider: str, *, as_json: bool) -> int:
    """
    Remove a provider, with every session and token that came of it.

    Raises:
        Halt: no service runs there, or it refuses.
    """
    control.remove_identity_provider(find_instance(data), provider)
    sentence = f"{provider} is removed: every session and token that came of it is refused from now on"
    tell(sentence, as_json=as_json, id=provider, removed=True)
    return Exit.OK


def links(data: Path | None, provider: str, *, as_json: bool) -> int:
    """
    Print who is who at a provider.

    Raises:
        Halt: no service runs there, or it refuses.
    """
    found = control.list_identity_links(find_instance(data), provider)
    _print_links(found, as_json=as_json)
    return Exit.OK


def link(data: Path | None, provider: str, user: str, subject: str, *, as_json: bool) -> int:
    """
    Say which user a subject of a provider is.

    Raises:
        Halt: no service runs there, or it refuses.
    """
    _print_links([control.add_identity_link(find_instance(data), provider, user, subject)], as_json=as_json)
    return Exit.OK


def unlink(data: Path | None, provider: str, link_id: str, *, as_json: bool) -> int:
    """
    Remove a link, with every session and token that came of it.

    Raises:
        Halt: no service runs there, or it refuses.
    """
    control.remove_identity_link(find_instance(data), provider, link_id)
    sentence = f"{link_id} is removed: every session and token that came of it is refused from now on"
    tell(sentence, as_json=as_json, id=link_id, removed=True)
    return Exit.OK


def _read_secret(path: Path) -> str:
    """Read the client secret: from a file or standard input, since everybody on the machine sees arguments."""
    try:
        if path == _STANDARD_INPUT:
            text = sys.stdin.buffer.read(_SECRET_BYTES)
        else:
            with path.open("rb") as file:
                text = file.read(_SECRET_BYTES)
        return text.decode("ascii").strip()
    except OSError as error:
        raise Halt(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Halt("the client secret has other characters than ASCII") from None


def _print(one: dict[str, Any]) -> None:
    print(f"{one['displayName']}{'' if one['enabled'] else '  (disabled)'}")
    for title, value in (
        ("id", one["id"]),
        ("tenant", one["tenantId"]),
        ("issuer", one["issuer"]),
        ("client id", one["clientId"]),
        ("redirect URI", one["redirectUri"]),
        ("domains", ", ".join(one["domains"]) or "none"),
        ("trusted claim", one["trustedClaim"] or "none: links alone say who is who"),
        ("links", str(one["links"])),
    ):
        print(f"  {title:<13}  {value}")


def _print_links(found: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for one in found:
        print(f"{one['id']}  {one['user'] or '(deleted)'}  {one['subject']}")
