"""What the engine has to know of a kind of thing, and how a file's names are taken while it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from strongroom.cli.seed.items import Item, Key, key_of
from strongroom.cli.seed.plan import Change, Rules
from strongroom.cli.seed.reach import EVERYONE, TYPES, Document, Reach, Unclear, in_group, spell
from strongroom.cli.seed.schema import Entry, Faults


@dataclass(slots=True)
class Wanting:
    """
    What is known while a file's entries are made into items.

    Attributes:
        declared: what the file itself makes, by its key, as it is spelled there.
        needs: what the item that is being made refers to.
        meant: everything that the file refers to, with the first line that does.
    """

    reach: Reach
    faults: Faults
    declared: Mapping[Key, str]
    needs: set[Key] = field(default_factory=set)
    meant: dict[Key, int] = field(default_factory=dict)

    def refer(self, kind: str, name: str, line: int) -> str:
        """Take a reference: the name as it is spelled where the thing is, or a fault if there is no such thing."""
        key = key_of(kind, name)
        self.meant.setdefault(key, line)
        try:
            found = self.reach.look(kind, name)
        except Unclear as unclear:
            self.faults.add(line, "", str(unclear))
            return name
        if key in self.declared:
            self.needs.add(key)
        if found is not None:
            return found[0]
        if key not in self.declared:
            self.faults.add(line, "", f"there is no {spell(kind)} {name}, neither on the instance nor in this file")
        return self.declared.get(key, name)

    def principal(self, entry: Entry, *, everyone: bool = False) -> Document:
        """Take a reference to a principal; to everybody only where that is said."""
        kind, name = next(iter(entry.items()))
        if kind == "everyone":
            if not everyone:
                self.faults.add(entry.line, "", "nothing is given to everyone: it is only in a deny assignment")
            return {"everyone": True}
        if kind == "objectId":
            return self._by_id(show_principal(self.reach, name.lower()), entry.line)
        name = self.refer(kind, name, entry.line)
        if kind == "application":
            self._need_principal(name, entry.line)
        return {kind: name}

    def _by_id(self, reference: Document, line: int) -> Document:
        """Note what an id means, if it has a name here."""
        kind, name = next(iter(reference.items()))
        if kind not in {"id", "objectId", "everyone", "subscription"}:
            self.meant.setdefault(key_of(kind, name), line)
        return reference

    def _need_principal(self, application: str, line: int) -> None:
        """See that an application has a service principal, or gets one: it is that which rights are given to."""
        key = key_of("servicePrincipal", application)
        if key in self.declared:
            self.needs.add(key)
            return
        try:
            service_principal(self.reach, application)
        except Unclear as unclear:
            if key_of("application", application) in self.declared or self.reach.look("application", application):
                self.faults.add(line, "", str(unclear))

    def principals(self, entries: Iterable[Entry], *, everyone: bool = False) -> list[Document]:
        """Take references to principals."""
        return [self.principal(entry, everyone=everyone) for entry in entries]

    def scope(self, entry: Entry) -> Document:
        """Take a reference to a scope."""
        if "id" in entry:
            return self._by_id(show_scope(self.reach, entry["id"]), entry.line)
        if "subscription" in entry:
            return {"subscription": True}
        kind = next(name for name in entry if name != "secret")
        scope: Document = {kind: self.refer(kind, entry[kind], entry.line)}
        if "secret" in entry:
            scope["secret"] = entry["secret"].lower()
            key = key_of("secret", f"{scope['vault']}/{scope['secret']}")
            if key in self.declared:
                self.needs.add(key)
        return scope


Parents = frozenset[Key] | None


@dataclass(frozen=True, slots=True)
class Kind:
    """
    A kind of thing.

    Attributes:
        member: the list of the file that it stands in, or the member of its parent that says it.
        parent: the kind whose entries have that member; empty for the file itself.
        merges: whether it is said by members of its parent's own entry, and is no entry of a list.
        declare: its name, from its entry and its parent's name; None if nothing refers to it.
        read: makes an item of an entry.
        found: lists what is there; in these parents alone, if any are named.
        put: makes or changes one.
        drop: removes one.
        write: makes an entry of an item, as a file has it.
    """

    name: str
    member: str
    read: Callable[[Wanting, Entry, Item | None], Item | None]
    found: Callable[[Reach, Parents], Iterable[Item]]
    put: Callable[[Reach, Change], None]
    drop: Callable[[Reach, Item], None]
    write: Callable[[Item], Document]
    parent: str = ""
    merges: bool = False
    declare: Callable[[Entry, str], str] | None = None
    rules: Rules = field(default_factory=Rules)
    lacks: Callable[[Reach, Item], str | None] = lambda _, __: None
    """What one cannot be made without and the file does not give; None if nothing is missing."""
    reveal: Callable[[Reach, Item], Document] | None = None
    """The members of its entry that tell what nobody is shown otherwise, for an export with values."""


def among(reach: Reach, kind: str, parents: Parents) -> list[tuple[str, Document]]:
    """List what things of a kind may be in: all of its kind, or those that are named."""
    return [one for one in reach.listed(kind) if parents is None or key_of(kind, one[0]) in parents]


def pick(entry: Mapping[str, Any], *names: str) -> Document:
    """Give the members that are said."""
    return {name: entry[name] for name in names if name in entry}


def without_nothing(values: Mapping[str, Any]) -> Document:
    """Leave out what says nothing."""
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}


# ---- principals -----------------------------------------------------------------------------------------------------


def principal_id(reach: Reach, reference: Mapping[str, Any]) -> str:
    """
    Give the object id of a principal.

    Raises:
        Unclear: there is none, or several are called so.
    """
    kind, name = next(iter(reference.items()))
    match kind:
        case "objectId":
            return str(name)
        case "everyone":
            return EVERYONE
        case "application":
            return str(service_principal(reach, name)["id"])
        case "identity":
            return str(reach.find("identity", name)["properties"]["principalId"])
        case _:
            return str(reach.find(kind, name)["id"])


def service_principal(reach: Reach, application: str) -> Document:
    """
    Give the service principal of an application.

    Raises:
        Unclear: there is no such application, or it has none.
    """
    known = reach.look("application", application)
    found = None if known is None else reach.look("servicePrincipal", str(known[1]["appId"]))
    if found is None:
        raise Unclear(f"the application {application} has no service principal: give it `servicePrincipal: {{}}`")
    return found[1]


def show_principal(reach: Reach, object_id: str) -> Document:
    """Refer to a principal by its name, if that is clear."""
    if object_id == EVERYONE:
        return {"everyone": True}
    for kind in ("user", "group"):
        name = reach.name_of(kind, object_id)
        if name is not None:
            return {kind: name}
    app_id = reach.name_of("servicePrincipal", object_id)
    for kind in ("application", "identity") if app_id is not None else ():
        name = reach.name_of(kind, str(app_id))
        if name is not None:
            return {kind: name}
    return {"objectId": object_id}


def show_principals(reach: Reach, object_ids: Iterable[str]) -> list[Document]:
    """Refer to principals, in the order of their names."""
    return sorted((show_principal(reach, one) for one in object_ids), key=say_principal)


def say_principal(reference: Mapping[str, Any]) -> str:
    """Write a reference to a principal as one text."""
    kind, name = next(iter(reference.items()))
    return "everyone" if kind == "everyone" else f"{spell(kind)} {name}"


# ---- scopes ---------------------------------------------------------------------------------------------------------


def scope_id(reach: Reach, scope: Mapping[str, Any]) -> str:
    """
    Give the ARM id of a scope.

    Raises:
        Unclear: there is no such vault.
    """
    if "id" in scope:
        return str(scope["id"])
    if "subscription" in scope:
        return reach.subscription
    if "resourceGroup" in scope:
        return reach.group(scope["resourceGroup"])
    if "managementGroup" in scope:
        return f"/providers/Microsoft.Management/managementGroups/{scope['managementGroup']}"
    for kind in TYPES.keys() & scope.keys():
        return reach.resource(kind, scope[kind])
    vault = str(reach.find("vault", scope["vault"])["id"])
    return f"{vault}/secrets/{scope['secret']}" if "secret" in scope else vault


def show_scope(reach: Reach, arm_id: str) -> Document:
    """Refer to a scope by its name, if it has one in a file."""
    parts = arm_id.strip("/").split("/")
    lower = [one.lower() for one in parts]
    if lower[:-1] == ["providers", "microsoft.management", "managementgroups"]:
        return {"managementGroup": parts[-1]}
    if lower[:2] != reach.subscription.lower().strip("/").split("/"):
        return {"id": arm_id}
    if len(parts) == 2:
        return {"subscription": True}
    if len(parts) == 4 and lower[2] == "resourcegroups":
        found = reach.look("resourceGroup", parts[3])
        return {"resourceGroup": parts[3] if found is None else found[0]}
    kind = "/".join(lower[5:7])
    named = _KINDS.get(kind)
    if len(parts) == 8 and named is not None:
        resource = in_group(f"/{'/'.join(parts)}")
        known = reach.look(named, resource)
        return {named: resource if known is None else known[0]}
    if kind == "microsoft.keyvault/vaults" and len(parts) in {8, 10}:
        found = reach.look("vault", parts[7])
        vault: Document = {"vault": parts[7] if found is None else found[0]}
        if len(parts) == 8:
            return vault
        if lower[8] == "secrets":
            return {**vault, "secret": lower[9]}
    return {"id": arm_id}


_KINDS = {word.lower(): kind for kind, word in TYPES.items()}


def say_scope(scope: Mapping[str, Any]) -> str:
    """Write a scope as one text."""
    if "subscription" in scope:
        return "the subscription"
    if "secret" in scope:
        return f"secret {scope['vault']}/{scope['secret']}"
    kind, name = next(iter(scope.items()))
    return str(name) if kind == "id" else f"{spell(kind)} {name}"
