"""
What a file's names are on this instance: lists that are asked for once, and grow with what is made.

Everything is asked through the operator's own session, so what the operator may not see is not there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from strongroom.cli.remote.directory import USER_PROPERTIES
from strongroom.cli.remote.refusals import Refused
from strongroom.cli.remote.session import segment
from strongroom.cli.seed.credentials import Credentials
from strongroom.cli.seed.items import Key

T = TypeVar("T")

Document = dict[str, Any]

RESOURCES = "2022-09-01"
KEY_VAULT = "2024-11-01"
IDENTITIES = "2023-01-31"
NETWORK = "2024-05-01"
AUTHORIZATION = "2022-04-01"
LOCKS = "2020-05-01"
INSIGHTS = "2021-05-01-preview"
EVENT_GRID = "2025-02-15"
MANAGEMENT = "2021-04-01"
FORBIDDEN = 403
EVERYONE = "00000000-0000-0000-0000-000000000000"


class Session(Protocol):
    """The operator's way to the public API."""

    @property
    def tenant(self) -> str:
        """The tenant that the operator is signed in to."""
        ...

    @property
    def subscription(self) -> str:
        """The subscription that is worked in, by its id."""
        ...

    @property
    def claims(self) -> Mapping[str, Any]:
        """Who the operator is."""
        ...

    def arm(
        self, method: str, path: str, body: Any = None, *, api_version: str, query: Mapping[str, str] | None = None
    ) -> Any:
        """Ask the management plane."""
        ...

    def arm_pages(self, path: str, *, api_version: str, query: Mapping[str, str] | None = None) -> Iterator[Document]:
        """List something of the management plane."""
        ...

    def graph(self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None) -> Any:
        """Ask the directory."""
        ...

    def graph_pages(self, path: str, query: Mapping[str, str] | None = None) -> Iterator[Document]:
        """List something of the directory."""
        ...

    def vault(
        self, name: str, method: str, path: str, body: Any = None, *, query: Mapping[str, str] | None = None
    ) -> Any:
        """Ask a vault."""
        ...

    def vault_pages(self, name: str, path: str, *, query: Mapping[str, str] | None = None) -> Iterator[Document]:
        """List something of a vault."""
        ...


Control = Callable[[str, str, Document | None], Document]
"""Asks for a row of the control socket."""


def at(arm_id: str) -> str:
    """Give the path of an ARM id, and none of none: names may have characters that mean something else there."""
    names = arm_id.strip("/")
    return "/" + "/".join(map(segment, names.split("/"))) if names else arm_id


class Unclear(Exception):
    """A name that means nothing, or more than one thing."""


@dataclass(frozen=True, slots=True)
class Listing:
    """How things of a kind are listed, and what they are called."""

    load: Callable[[Reach], Iterable[Document]]
    name: Callable[[Document], str]
    identifier: Callable[[Document], str] = lambda one: str(one["id"])
    """By what others refer to it."""


@dataclass(slots=True)
class Reach:
    """
    An instance, as the operator reaches it.

    Attributes:
        control: asks the instance's own control socket; None where that is not at hand.
        folder: where the file's relative paths begin.
        credentials: takes what the service tells once.
        left_out: what the operator may not see, where the rest is enough; None where nothing may be missing.
        closed: vaults that the operator may not look into yet, by their names in lower case, with the refusal.
        waiting: what was begun and is not over, with what it waits for.
    """

    session: Session
    control: Control | None = None
    folder: Path = field(default_factory=Path)
    environment: Mapping[str, str] = field(default_factory=dict)
    credentials: Credentials = field(default_factory=Credentials)
    left_out: list[str] | None = None
    clock: Callable[[], float] = time.time
    closed: dict[str, Refused] = field(default_factory=dict)
    waiting: dict[Key, str] = field(default_factory=dict)
    _lists: dict[str, list[tuple[str, Document]]] = field(default_factory=dict)
    _by_name: dict[str, dict[str, list[tuple[str, Document]]]] = field(default_factory=dict)
    _by_id: dict[str, dict[str, str]] = field(default_factory=dict)
    _unseen: set[str] = field(default_factory=set)
    _own: frozenset[str] | None = None

    def see(self, what: str, items: Callable[[], Iterable[T]]) -> list[T]:
        """
        List something; nothing if the operator may not see it and the rest is enough.

        Raises:
            Refused: it may not be seen, and nothing may be missing.
        """
        try:
            return list(items())
        except Refused as refused:
            if self.left_out is None or refused.status != FORBIDDEN:
                raise
            self.left_out.append(f"{what}: {str(refused).partition(chr(10))[0]}")
            return []

    def look_into(self, vault: str, items: Callable[[], Iterable[T]], what: str = "the secrets") -> list[T]:
        """List what is in a vault; nothing if it is closed to the operator, which what is to be done may change."""
        if self.left_out is not None:
            return self.see(f"{what} of vault {vault}", items)
        try:
            return list(items())
        except Refused as refused:
            if refused.status != FORBIDDEN:
                raise
            self.closed.setdefault(vault.casefold(), refused)
            return []

    # ---- names --------------------------------------------------------------------------------------------------

    def listed(self, kind: str) -> list[tuple[str, Document]]:
        """List everything of a kind, with its name."""
        if kind not in self._lists:
            listing = LISTINGS[kind]
            found = list(listing.load(self))
            self._lists[kind], self._by_name[kind], self._by_id[kind] = [], {}, {}
            for one in found:
                self._add(kind, listing.name(one), one)
        return self._lists[kind]

    def learn(self, kind: str, made: Document) -> None:
        """Note what was made, or is different now."""
        self.listed(kind)
        name = LISTINGS[kind].name(made)
        self.forget(kind, name)
        self._add(kind, name, made)

    def forget(self, kind: str, name: str) -> None:
        """Note that something is gone, or was said anew."""
        self._lists[kind] = [one for one in self.listed(kind) if one[0].casefold() != name.casefold()]
        self._by_name[kind].pop(name.casefold(), None)

    def look(self, kind: str, name: str) -> tuple[str, Document] | None:
        """
        Look for a thing by its name; None if there is none.

        Raises:
            Unclear: several are called so.
        """
        self.listed(kind)
        found = self._by_name[kind].get(name.casefold(), [])
        if len(found) > 1:
            raise Unclear(f"{len(found)} things are {spell(kind)} {name}: give them different names")
        return found[0] if found else None

    def find(self, kind: str, name: str) -> Document:
        """
        Find a thing by its name.

        Raises:
            Unclear: none or several are called so.
        """
        found = self.look(kind, name)
        if found is None:
            raise Unclear(f"there is no {spell(kind)} {name}")
        return found[1]

    def name_of(self, kind: str, identifier: str) -> str | None:
        """
        Give the name of the thing that others refer to so, unless another one has the same name.

        Whoever may not read the directory sees no names there, and what he may see is told by ids.
        """
        if kind in self._unseen:
            return None
        try:
            self.listed(kind)
        except Refused as refused:
            if refused.status != FORBIDDEN:
                raise
            self._unseen.add(kind)
            return None
        name = self._by_id[kind].get(identifier)
        return name if name is not None and len(self._by_name[kind].get(name.casefold(), ())) == 1 else None

    def _add(self, kind: str, name: str, one: Document) -> None:
        self._lists[kind].append((name, one))
        self._by_name[kind].setdefault(name.casefold(), []).append((name, one))
        self._by_id[kind][LISTINGS[kind].identifier(one)] = name

    @property
    def own(self) -> frozenset[str]:
        """The object ids that the operator's rights hang on: its own, and those of the groups that it is in."""
        if self._own is None:
            oid = str(self.session.claims.get("oid", ""))
            self._own = frozenset({oid, *self._groups_of(oid)})
        return self._own

    def _groups_of(self, object_id: str) -> Iterable[str]:
        path = f"/directoryObjects/{segment(object_id)}/getMemberGroups"
        try:
            answer = self.session.graph("POST", path, {"securityEnabledOnly": False})
        except Refused as refused:
            if refused.status != FORBIDDEN:
                raise
            # Whoever may not read the directory can take nothing from it either.
            return ()
        return [str(one) for one in answer["value"]]

    # ---- ARM ----------------------------------------------------------------------------------------------------

    @property
    def subscription(self) -> str:
        """The ARM id of the subscription that is worked in."""
        return f"/subscriptions/{self.session.subscription}"

    def group(self, name: str) -> str:
        """Give the ARM id of a resource group."""
        return f"{self.subscription}/resourceGroups/{name}"

    def resource(self, kind: str, name: str) -> str:
        """Give the ARM id of a resource by `resource group/name`."""
        group, _, own = name.partition("/")
        return f"{self.group(group)}/providers/{TYPES[kind]}/{own}"

    def asked_control(self, method: str, path: str, body: Document | None = None) -> Document:
        """
        Ask the control socket.

        Raises:
            Unclear: it is not at hand.
        """
        if self.control is None:
            raise Unclear(NO_CONTROL)
        return self.control(method, path, body)


NO_CONTROL = (
    "tenants, network maps and endpoint listeners are the instance operator's: apply them on the machine of the"
    " instance, as the user who runs it, with --data"
)
TYPES: Mapping[str, str] = {
    "identity": "Microsoft.ManagedIdentity/userAssignedIdentities",
    "virtualNetwork": "Microsoft.Network/virtualNetworks",
    "privateEndpoint": "Microsoft.Network/privateEndpoints",
}
_WORDS = {
    "application": "application",
    "certificateIssuer": "certificate issuer",
    "directoryRole": "directory role",
    "identity": "managed identity",
    "managementGroup": "management group",
    "privateEndpoint": "private endpoint",
    "resourceGroup": "resource group",
    "role": "role",
    "servicePrincipal": "service principal",
    "virtualNetwork": "virtual network",
}


def spell(kind: str) -> str:
    """Give the words for a kind."""
    return _WORDS.get(kind, kind)


def in_group(arm_id: str) -> str:
    """Give `resource group/name` of a resource's ARM id."""
    parts = arm_id.split("/")
    return f"{parts[4]}/{parts[8]}"


def _arm(path: str, version: str, query: Mapping[str, str] | None = None) -> Callable[[Reach], Iterable[Document]]:
    return lambda reach: reach.session.arm_pages(
        path.format(subscription=reach.subscription), api_version=version, query=query
    )


def _graph(path: str, query: Mapping[str, str] | None = None) -> Callable[[Reach], Iterable[Document]]:
    return lambda reach: reach.session.graph_pages(path, query=query)


LISTINGS: Mapping[str, Listing] = {
    "user": Listing(_graph("/users", {"$select": USER_PROPERTIES}), lambda one: str(one["userPrincipalName"])),
    "group": Listing(_graph("/groups"), lambda one: str(one["displayName"])),
    "application": Listing(_graph("/applications"), lambda one: str(one["displayName"]), lambda one: str(one["appId"])),
    "servicePrincipal": Listing(_graph("/servicePrincipals"), lambda one: str(one["appId"])),
    "directoryRole": Listing(_graph("/roleManagement/directory/roleDefinitions"), lambda one: str(one["displayName"])),
    "resourceGroup": Listing(_arm("{subscription}/resourceGroups", RESOURCES), lambda one: str(one["name"])),
    "identity": Listing(
        _arm("{subscription}/providers/Microsoft.ManagedIdentity/userAssignedIdentities", IDENTITIES),
        lambda one: in_group(one["id"]),
        lambda one: str(one["properties"]["clientId"]),
    ),
    "virtualNetwork": Listing(
        _arm("{subscription}/providers/Microsoft.Network/virtualNetworks", NETWORK), lambda one: in_group(one["id"])
    ),
    "privateEndpoint": Listing(
        _arm("{subscription}/providers/Microsoft.Network/privateEndpoints", NETWORK), lambda one: in_group(one["id"])
    ),
    "vault": Listing(
        _arm("{subscription}/providers/Microsoft.KeyVault/vaults", KEY_VAULT), lambda one: str(one["name"])
    ),
    "role": Listing(
        _arm(
            "{subscription}/providers/Microsoft.Authorization/roleDefinitions",
            AUTHORIZATION,
            {"$filter": "atScopeAndBelow()"},
        ),
        lambda one: str(one["properties"]["roleName"]),
    ),
    "managementGroup": Listing(
        _arm("/providers/Microsoft.Management/managementGroups", MANAGEMENT), lambda one: str(one["name"])
    ),
}
"""How everything that a file refers to by name is listed."""
