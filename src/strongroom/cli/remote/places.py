"""Places in Resource Manager by the names that people know them by: identities, and scopes of rights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.remote.near import not_found
from strongroom.cli.remote.resource_groups import find_group
from strongroom.cli.remote.session import Session, segment
from strongroom.cli.remote.vaults import find_vault, group_of
from strongroom.cli.text import one_line

Resource = dict[str, Any]
IDENTITIES_VERSION = "2024-11-30"
_IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities"


def identities(session: Session, group: str | None = None) -> list[Resource]:
    """List the user-assigned identities of the subscription, or of one group, by their names."""
    place = f"/subscriptions/{session.subscription}"
    if group is not None:
        place = find_group(session, group)["id"]
    return _by_name(session.arm_pages(f"{place}/providers/{_IDENTITIES}", api_version=IDENTITIES_VERSION))


def identity_path(group: Resource, name: str) -> str:
    """Give the path of an identity in a group."""
    return f"{group['id']}/providers/{_IDENTITIES}/{segment(name)}"


def find_identity(session: Session, text: str, group: str | None) -> Resource:
    """
    Find a user-assigned identity by its name, client id or principal's object id.

    Raises:
        Halt: there is none, or several groups have one of the name.
    """
    wanted, there = text.lower(), identities(session, group)
    found = [
        one
        for one in there
        if wanted
        in {
            one["name"].lower(),
            one["id"].lower(),
            one["properties"]["clientId"],
            one["properties"]["principalId"],
        }
    ]
    if len(found) == 1:
        return found[0]
    if not found:
        raise not_found("identity", text, (one["name"] for one in there))
    raise Halt(
        f"several groups have an identity {text!r}; say which with --resource-group:"
        f" {one_line(', '.join(group_of(one) for one in found))}",
        Exit.USAGE,
    )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a right is given, as options say it; none of them means the whole subscription."""

    vault: str | None = None
    secret: str | None = None
    group: str | None = None
    scope: str | None = None

    def require(self, subscription: str | None) -> None:
        """
        Demand that somebody said where: a right for the whole subscription is none to be given by leaving a word out.

        Raises:
            Halt: nobody did.
        """
        if not any((self.vault, self.group, self.scope, subscription)):
            raise Halt(
                "say where: --vault, --resource-group or --scope, or --subscription for the whole of it", Exit.USAGE
            )

    def find(self, session: Session) -> str:
        """
        Give the scope's id, without a slash at its end.

        Raises:
            Halt: it is said twice, or what it names is not there.
        """
        if sum(one is not None for one in (self.vault, self.group, self.scope)) > 1:
            raise Halt("--vault, --resource-group and --scope exclude each other", Exit.USAGE)
        if self.secret is not None and self.vault is None:
            raise Halt("--secret is one of a vault: name that with --vault", Exit.USAGE)
        if self.scope is not None:
            return _scope(self.scope)
        if self.vault is not None:
            vault = str(find_vault(session, self.vault)["id"])
            return vault if self.secret is None else f"{vault}/secrets/{segment(self.secret)}"
        if self.group is not None:
            return str(find_group(session, self.group)["id"])
        return f"/subscriptions/{session.subscription}"


def _scope(text: str) -> str:
    """Check a scope that was written out: it is a path of names, which a query would swallow the end of."""
    if not text.startswith("/") or not {"?", "#"}.isdisjoint(text):
        raise Halt(f"{text!r} is no scope: it begins with /subscriptions/ or /providers/", Exit.USAGE)
    scope = text.rstrip("/")
    for name in scope.split("/")[1:]:
        segment(unquote(name))
    return scope


def _by_name(found: Any) -> list[Resource]:
    listed: Sequence[Resource] = list(found)
    return sorted(listed, key=lambda one: (one["name"].lower(), one["id"].lower()))
