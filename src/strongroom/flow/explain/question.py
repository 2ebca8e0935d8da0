"""What is asked for, read from the words of whoever asks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from strongroom.core.api_versions import LATEST, parse_data_plane
from strongroom.core.echo import ADDRESS, GUID, RESOURCE_ID, WORD, shown
from strongroom.core.errors import Invalid, NotFound
from strongroom.core.firewall import normalise_address
from strongroom.core.guids import parse_guid
from strongroom.core.identity import Application, Group, ServicePrincipal, User
from strongroom.core.names import parse_object_name
from strongroom.core.network import Connection, Link
from strongroom.core.permissions import AnyOf, DataPermission
from strongroom.core.records import tenant_partition
from strongroom.core.resources import Machine, UserAssignedIdentity
from strongroom.flow.operation import Op
from strongroom.flow.world import World
from strongroom.view import View

_WORDS = re.compile(r"[A-Z]?[a-z]+")
_COLLECTIONS = frozenset({"secrets", "keys", "certificates", "deletedsecrets", "deletedkeys", "deletedcertificates"})


@dataclass(frozen=True, slots=True)
class About:
    """An operation, and the vault and object that it would be about; nobody said that either exists."""

    operation: Op
    vault: str
    name: str = ""
    """The object's name; empty where the operation is about the vault. What names it in its body may have one."""
    api_version: str = LATEST


@dataclass(frozen=True, slots=True)
class Question:
    """Whether this principal may do this, from there."""

    about: About
    principal: User | ServicePrincipal
    connection: Connection
    client: str = ""
    """The application, by its client id, that a user calls through."""
    confidential: bool = False
    """Whether that application proves itself."""
    own: bool = False
    """Whether the principal itself asks, who is told no more than trying would tell."""


def permissions_of(operation: Op) -> tuple[DataPermission, ...]:
    """Give the permissions any one of which an operation on a vault wants; none for one that is open to anyone."""
    requires = operation.requires
    if isinstance(requires, AnyOf):
        return requires.options
    return (requires,) if isinstance(requires, DataPermission) else ()


def is_decided_by_handler(operation: Op) -> bool:
    """Tell whether conditions on an operation ask about its body, so that its handler decides."""
    return any(one.by_handler for one in permissions_of(operation))


def find_operation(world: World, text: str) -> Op:
    """
    Find an operation of the data plane by the audit's name for it, or by its words: `SecretGet`, `get-secret`.

    Raises:
        Invalid: there is none, or nobody needs a right to it.
    """
    operations = world.vault_operations()
    wanted = _words(text)
    exact = [op for op in operations if op.name.lower() == text.lower()]
    found = exact or [op for op in operations if _words(op.name) == wanted]
    if len(found) != 1:
        known = ", ".join(op.name for op in operations)
        raise Invalid(
            f"'{shown(text, WORD)}' is not the name of an operation on a vault. There is: {known}.",
            code="UnknownOperation",
        )
    return found[0]


def _words(text: str) -> frozenset[str]:
    return frozenset(word.lower().removesuffix("s") for word in _WORDS.findall(text))


def read_about(operation: Op, vault: str, name: str, api_version: str = "") -> About:
    """
    Read what an operation is to be about.

    Raises:
        Invalid: the name is none, or there is none where the operation wants one; or the api-version is unknown.
    """
    version = parse_data_plane(api_version) if api_version else LATEST
    if "{name}" not in operation.path and not (name and is_decided_by_handler(operation)):
        return About(operation, vault, "", version)
    if not name:
        raise Invalid(f"{operation.name} is about one object: say which.", code="ObjectMissing")
    return About(operation, vault, parse_object_name(name), version)


def object_in(path: str) -> str:
    """Give the name of the object that a path of a vault's names; empty if it names none."""
    parts = path.strip("/").split("/")
    if len(parts) < 2 or parts[0].lower() not in _COLLECTIONS or parts[1].lower() == "restore":
        return ""
    return parts[1]


def read_connection(world: World, address: str, endpoint: str = "") -> Connection:
    """
    Suppose a connection from an address, through a private endpoint's listener if one is named.

    Raises:
        Invalid: it is no address.
    """
    try:
        normalised = normalise_address(address)
    except ValueError:
        raise Invalid(f"'{shown(address, ADDRESS)}' is not an IP address.", code="InvalidAddress") from None
    link = Link.PRIVATE_ENDPOINT if endpoint else Link.PUBLIC
    return Connection(normalised, link, world.request_ids.next(), None, endpoint.rstrip("/").lower())


def find_principal(view: View, tenant: str, text: str) -> User | ServicePrincipal | Group:
    """
    Find a principal of a tenant by its object id, user principal name, client id, or a managed identity's ARM id.

    Raises:
        NotFound: there is none.
        Invalid: the text is none of these.
    """
    guid = parse_guid(text)
    found: User | ServicePrincipal | Group | None
    if guid is not None:
        found = view.principal(tenant, guid) or view.service_principal_by_app_id(tenant, guid)
        what = f"object id or client id '{shown(text, GUID)}'"
    elif "@" in text:
        user = view.user_by_upn(text)
        found = user if user is not None and user.tenant == tenant else None
        what = "that user principal name"
    elif text.startswith("/"):
        found = _by_resource(view, tenant, text)
        what = f"ARM id '{shown(text, RESOURCE_ID)}'"
    else:
        raise Invalid(
            "The principal is named by an object id, a user principal name, an application's client id, or a managed"
            " identity's ARM id.",
            code="InvalidPrincipal",
        )
    if found is None:
        raise NotFound(f"The tenant has no principal with the {what}.", code="PrincipalNotFound")
    return found


def _by_resource(view: View, tenant: str, text: str) -> ServicePrincipal | None:
    wanted, partition = text.rstrip("/").casefold(), tenant_partition(tenant)
    resources: Sequence[UserAssignedIdentity | Machine] = (
        *view.all(UserAssignedIdentity, partition),
        *view.all(Machine, partition),
    )
    one = next((one for one in resources if one.scope.casefold() == wanted), None)
    found = view.principal(tenant, one.principal_id) if one is not None and one.principal_id else None
    return found if isinstance(found, ServicePrincipal) else None


def require_caller(principal: User | ServicePrincipal | Group) -> User | ServicePrincipal:
    """
    Refuse a group: it signs in nowhere, and what it has its members have.

    Raises:
        Invalid: the principal is a group.
    """
    if isinstance(principal, Group):
        raise Invalid("A group makes no requests: ask about one of its members, or who can.", code="InvalidPrincipal")
    return principal


def read_client(view: View, tenant: str, client: str) -> tuple[str, bool]:
    """
    Read which application a user calls through, and whether that one proves itself: with anything to prove itself by.

    Raises:
        Invalid: it is no application's client id.
    """
    if not client:
        return "", False
    app_id = parse_guid(client)
    application: Application | None = None if app_id is None else view.application_by_app_id(app_id)
    if app_id is None or application is None or not application.may_be_in(tenant):
        raise Invalid("The client is not an application that this tenant knows.", code="InvalidClient")
    proofs = (*view.credentials_of(application.id), *view.certificates_of(application.id))
    return app_id, bool(proofs or view.federated_credentials_of(application.id))
