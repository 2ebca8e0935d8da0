"""How to ask for each operation of the directory API so that it succeeds, and what must be there for it."""

from __future__ import annotations

import secrets as chance
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from strongroom.core.permissions import DirectoryPermission
from strongroom.directory.client_certificates import PROOF_AUDIENCE
from strongroom.directory.relations import NO_ROLE
from strongroom.flow.operation import Op
from strongroom.graph.authentication_methods import PASSWORD_METHOD
from strongroom.graph.operations import OPERATIONS
from tests.assertions import ec_key, make_signer
from tests.flow.graph import MISSING, Graph, group_body, location_body, policy_body, user_body
from tests.world import START

SIGNER, OTHER_SIGNER = (make_signer(ec_key(number), now=int(START)) for number in range(2))

READER = "f2ef992c-3afb-46b9-b7cf-a126ee74c451"
"""Global Reader."""
GUARDED: tuple[Op, ...] = OPERATIONS
"""Every operation: none is Public. A new row without a case fails the suite."""


class Things:
    """Objects of the directory that nobody else uses, each made when it is first named."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    @property
    def now(self) -> int:
        """The present, as the service has it."""
        return int(self._graph.now)

    @cached_property
    def application(self) -> dict[str, Any]:
        """An application."""
        return self._graph.add_application()

    @cached_property
    def principal(self) -> dict[str, Any]:
        """The application's service principal."""
        return self._graph.make("servicePrincipals", {"appId": self.application["appId"]})

    @cached_property
    def key_id(self) -> str:
        """A secret of the application."""
        answer = self._graph.ask("POST", f"applications/{self.application['id']}/addPassword", {})
        key: str = answer.json["keyId"]
        return key

    @cached_property
    def certificate(self) -> str:
        """The keyId of a certificate of the application, which `SIGNER` has the key of."""
        body = {"keyCredentials": [{"type": "AsymmetricX509Cert", "usage": "Verify", "key": SIGNER.base64}]}
        self._graph.do("PATCH", f"applications/{self.application['id']}", body)
        (made,) = self._graph.get(f"applications/{self.application['id']}")["keyCredentials"]
        key: str = made["keyId"]
        return key

    @cached_property
    def federated(self) -> str:
        """A federated credential of the application, by its id."""
        path = f"applications/{self.application['id']}/federatedIdentityCredentials"
        found: str = self._graph.make(path, _federated(self))["id"]
        return found

    @cached_property
    def own_key_id(self) -> str:
        """A secret of the service principal's own."""
        answer = self._graph.ask("POST", f"servicePrincipals/{self.principal['id']}/addPassword", {})
        key: str = answer.json["keyId"]
        return key

    @cached_property
    def user(self) -> dict[str, Any]:
        """A user."""
        return self._graph.add_user()

    @cached_property
    def app(self) -> str:
        """An authenticator app of the user."""
        return self._graph.add_app(self.user["id"]).id

    @cached_property
    def key(self) -> str:
        """A security key of the user."""
        return self._graph.add_key(self.user["id"])

    @cached_property
    def group(self) -> dict[str, Any]:
        """A group."""
        return self._graph.add_group()

    @cached_property
    def member(self) -> dict[str, Any]:
        """A user in the group."""
        assert self._graph.join(self.group["id"], self.user["id"]).status == 204
        return self.user

    @cached_property
    def owned(self) -> dict[str, Any]:
        """A user that owns the application, the principal and the group."""
        for path in ("applications", "servicePrincipals", "groups"):
            thing = {"applications": self.application, "servicePrincipals": self.principal, "groups": self.group}[path]
            self._graph.do("POST", f"{path}/{thing['id']}/owners/$ref", _reference(self))
        return self.user

    @cached_property
    def policy(self) -> dict[str, Any]:
        """A conditional access policy, which counts for nobody."""
        return self._graph.make("identity/conditionalAccess/policies", policy_body())

    @cached_property
    def location(self) -> dict[str, Any]:
        """A named location."""
        return self._graph.make("identity/conditionalAccess/namedLocations", location_body())

    def assign(self, kind: str, thing: dict[str, Any]) -> str:
        """Let a principal have access to the service principal, once, and give the assignment's id."""
        if kind not in self.assigned:
            path = f"{kind}/{thing['id']}/appRoleAssignments"
            self.assigned[kind] = self._graph.make(path, _app_role(self, thing))["id"]
        return self.assigned[kind]

    @cached_property
    def assigned(self) -> dict[str, str]:
        """Ids of app role assignments, by the kind of principal."""
        return {}

    @cached_property
    def administrator(self) -> dict[str, Any]:
        """A user with a directory role."""
        self._graph.do("POST", f"directoryRoles/{READER}/members/$ref", _reference(self))
        return self.user

    @cached_property
    def grant(self) -> dict[str, Any]:
        """What an administrator consented to."""
        return self._graph.make("oauth2PermissionGrants", _grant(self))

    @cached_property
    def deleted(self) -> dict[str, Any]:
        """A user that was deleted."""
        made = self._graph.add_user()
        self._graph.do("DELETE", f"users/{made['id']}")
        return made

    @cached_property
    def organization(self) -> dict[str, Any]:
        """The tenant."""
        (found,) = self._graph.get("organization")["value"]
        return {"id": found["id"], "domain": found["verifiedDomains"][0]["name"]}

    def ids(self) -> tuple[str, ...]:
        """Give the ids of everything that was made."""
        made = [thing for thing in vars(self).values() if isinstance(thing, dict)]
        return tuple(sorted({thing[name] for thing in made for name in ("id", "appId") if name in thing}))


class Nothing(Things):
    """The names of things that are not there."""

    application = principal = user = group = member = owned = administrator = grant = deleted = organization = (
        policy
    ) = location = {  # noqa: RUF012  read only
        "id": MISSING,
        "appId": MISSING,
        "domain": "missing.example",
    }
    policy = location = {"id": MISSING}  # noqa: RUF012  read only
    key_id = own_key_id = certificate = federated = app = key = MISSING
    now = int(START)

    def assign(self, kind: str, thing: dict[str, Any]) -> str:
        """Name no assignment."""
        return MISSING

    def __init__(self) -> None:
        """Need no directory."""


@dataclass(frozen=True, slots=True)
class Case:
    """One operation's path below the version and its body, and what another tenant's administrator is answered."""

    path: Callable[[Things], str]
    body: Callable[[Things], object] = lambda _: None
    to_stranger: int = 404
    success: int | None = None
    """What a service principal is answered, where it is not what the row says."""


def _application(rest: str = "") -> Callable[[Things], str]:
    return lambda things: f"applications/{things.application['id']}{rest}"


def _application_by_app_id(rest: str = "") -> Callable[[Things], str]:
    return lambda things: f"applications(appId='{things.application['appId']}'){rest}"


def _principal(things: Things) -> str:
    return f"servicePrincipals/{things.principal['id']}"


def _principal_by_app_id(things: Things) -> str:
    return f"servicePrincipals(appId='{things.principal['appId']}')"


def _user(things: Things) -> str:
    return f"users/{things.user['id']}"


def _group(rest: str = "") -> Callable[[Things], str]:
    return lambda things: f"groups/{things.group['id']}{rest}"


def _object(things: Things) -> str:
    return f"directoryObjects/{things.user['id']}"


def _reference(things: Things) -> object:
    return {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{things.user['id']}"}


def _renamed(_: Things) -> object:
    return {"displayName": "renamed"}


def _proof(things: Things) -> dict[str, object]:
    """Prove the key of the application's certificate, as addKey and removeKey want it."""
    claims = {"aud": PROOF_AUDIENCE, "iss": things.application["id"], "nbf": things.now, "exp": things.now + 600}
    return {"proof": SIGNER.assertion(claims)}


def _added(things: Things) -> object:
    return things.certificate and {"keyCredential": {"key": OTHER_SIGNER.base64}, **_proof(things)}


def _unique() -> str:
    return f"n{chance.token_hex(6)}"


def _memberships(kind: str, path: Callable[[Things], str]) -> dict[str, Case]:
    return {
        f"{kind}GetMemberGroups": Case(lambda things: f"{path(things)}/getMemberGroups", lambda _: {}),
        f"{kind}GetMemberObjects": Case(lambda things: f"{path(things)}/getMemberObjects", lambda _: {}),
        f"{kind}CheckMemberGroups": Case(
            lambda things: f"{path(things)}/checkMemberGroups", lambda things: {"groupIds": [things.group["id"]]}
        ),
    }


def _applications(suffix: str, path: Callable[[str], Callable[[Things], str]]) -> dict[str, Case]:
    return {
        f"ApplicationGet{suffix}": Case(path("")),
        f"ApplicationUpdate{suffix}": Case(path(""), _renamed),
        f"ApplicationDelete{suffix}": Case(path("")),
        f"ApplicationAddPassword{suffix}": Case(path("/addPassword"), lambda _: {}),
        f"ApplicationRemovePassword{suffix}": Case(path("/removePassword"), lambda things: {"keyId": things.key_id}),
        f"ApplicationAddKey{suffix}": Case(path("/addKey"), _added),
        f"ApplicationRemoveKey{suffix}": Case(
            path("/removeKey"), lambda things: {"keyId": things.certificate, **_proof(things)}
        ),
    }


def _federated(_: Things) -> dict[str, object]:
    return {
        "name": _unique(),
        "issuer": "https://issuer.example",
        "subject": _unique(),
        "audiences": ["api://AzureADTokenExchange"],
    }


def _federations(suffix: str, path: Callable[[str], Callable[[Things], str]]) -> dict[str, Case]:
    every = "/federatedIdentityCredentials"

    def one(things: Things) -> str:
        return f"{path(every)(things)}/{things.federated}"

    return {
        f"FederatedCredentialList{suffix}": Case(path(every)),
        f"FederatedCredentialCreate{suffix}": Case(path(every), _federated),
        f"FederatedCredentialGet{suffix}": Case(one),
        f"FederatedCredentialUpdate{suffix}": Case(one, lambda _: {"subject": _unique()}),
        f"FederatedCredentialDelete{suffix}": Case(one),
    }


def _service_principals(suffix: str, path: Callable[[Things], str]) -> dict[str, Case]:
    return {
        f"ServicePrincipalAddPassword{suffix}": Case(lambda things: f"{path(things)}/addPassword", lambda _: {}),
        f"ServicePrincipalRemovePassword{suffix}": Case(
            lambda things: f"{path(things)}/removePassword", lambda things: {"keyId": things.own_key_id}
        ),
        f"ServicePrincipalGet{suffix}": Case(path),
        f"ServicePrincipalUpdate{suffix}": Case(path, _renamed),
        f"ServicePrincipalDelete{suffix}": Case(path),
    }


def _app_role(things: Things, principal: dict[str, Any]) -> dict[str, str]:
    return {"principalId": principal["id"], "resourceId": things.principal["id"], "appRoleId": NO_ROLE}


def _grant(things: Things) -> dict[str, str]:
    one = things.principal["id"]
    return {"clientId": one, "resourceId": one, "consentType": "AllPrincipals", "scope": "user_impersonation"}


def _lists(kind: str, path: Callable[[Things], str], *names: str) -> dict[str, Case]:
    """Say how to ask for the lists of what hangs on an object."""
    segments = {
        "MemberOf": "memberOf",
        "TransitiveMemberOf": "transitiveMemberOf",
        "OwnedObject": "ownedObjects",
        "PermissionGrant": "oauth2PermissionGrants",
    }
    return {f"{kind}{name}List": Case(lambda things, name=name: f"{path(things)}/{segments[name]}") for name in names}  # type: ignore[misc]  # the default binds this round's name


def _owners(kind: str, path: Callable[[Things], str]) -> dict[str, Case]:
    return {
        f"{kind}OwnerList": Case(lambda things: f"{path(things)}/owners"),
        f"{kind}OwnerReferenceList": Case(lambda things: f"{path(things)}/owners/$ref"),
        f"{kind}OwnerReferenceGet": Case(lambda things: f"{path(things)}/owners/{things.owned['id']}/$ref"),
        f"{kind}OwnerAdd": Case(lambda things: f"{path(things)}/owners/$ref", _reference),
        f"{kind}OwnerRemove": Case(lambda things: f"{path(things)}/owners/{things.owned['id']}/$ref"),
    }


def _held(kind: str, plural: str, of: Callable[[Things], dict[str, Any]]) -> dict[str, Case]:
    def one(things: Things) -> str:
        return f"{plural}/{of(things)['id']}/appRoleAssignments/{things.assign(plural, of(things))}"

    def every(things: Things) -> str:
        return f"{plural}/{of(things)['id']}/appRoleAssignments"

    return {
        f"{kind}AppRoleAssignmentList": Case(every),
        f"{kind}AppRoleAssignmentCreate": Case(every, lambda things: _app_role(things, of(things))),
        f"{kind}AppRoleAssignmentGet": Case(one),
        f"{kind}AppRoleAssignmentDelete": Case(one),
    }


def _given(suffix: str, path: Callable[[Things], str]) -> dict[str, Case]:
    def one(things: Things) -> str:
        return f"{path(things)}/appRoleAssignedTo/{things.assign('users', things.user)}"

    def every(things: Things) -> str:
        return f"{path(things)}/appRoleAssignedTo"

    return {
        f"AppRoleAssignedToList{suffix}": Case(every),
        f"AppRoleAssignedToCreate{suffix}": Case(every, lambda things: _app_role(things, things.user)),
        f"AppRoleAssignedToGet{suffix}": Case(one),
        f"AppRoleAssignedToDelete{suffix}": Case(one),
    }


def _role(suffix: str, path: str) -> dict[str, Case]:
    return {
        f"DirectoryRoleGet{suffix}": Case(lambda _: path, to_stranger=200),
        f"DirectoryRoleMemberList{suffix}": Case(lambda _: f"{path}/members", to_stranger=200),
        f"DirectoryRoleMemberReferenceList{suffix}": Case(lambda _: f"{path}/members/$ref", to_stranger=200),
        f"DirectoryRoleMemberReferenceGet{suffix}": Case(
            lambda things: f"{path}/members/{things.administrator['id']}/$ref"
        ),
        f"DirectoryRoleMemberAdd{suffix}": Case(lambda _: f"{path}/members/$ref", _reference),
        f"DirectoryRoleMemberRemove{suffix}": Case(lambda things: f"{path}/members/{things.administrator['id']}/$ref"),
    }


def _me(path: str, body: object = None) -> Case:
    # Only a user has a "me".
    return Case(lambda _: path, lambda _: body, to_stranger=400, success=400)


def _methods() -> dict[str, Case]:
    """Say how to ask for what a user signs in with."""
    kinds: tuple[tuple[str, str, Callable[[Things], str]], ...] = (
        ("AuthenticationMethod", "methods", lambda things: things.app),
        ("PasswordMethod", "passwordMethods", lambda _: PASSWORD_METHOD),
        ("SoftwareOathMethod", "softwareOathMethods", lambda things: things.app),
        ("Fido2Method", "fido2Methods", lambda things: things.key),
    )
    cases: dict[str, Case] = {}
    for name, segment, one in kinds:
        for verb in ("Get", "Delete"):
            path = f"authentication/{segment}/"
            cases[f"User{name}{verb}"] = Case(lambda things, one=one, path=path: f"{_user(things)}/{path}{one(things)}")  # type: ignore[misc]  # the defaults bind this round's
            cases[f"Me{name}{verb}"] = _me(f"me/{path}{MISSING}")
        cases[f"User{name}List"] = Case(lambda things, segment=segment: f"{_user(things)}/authentication/{segment}")  # type: ignore[misc]  # as above
        cases[f"Me{name}List"] = _me(f"me/authentication/{segment}")
    only_read = {
        f"{whose}{name}Delete" for whose in ("User", "Me") for name in ("AuthenticationMethod", "PasswordMethod")
    }
    return {name: case for name, case in cases.items() if name not in only_read}


def _deleted(rest: str = "") -> Case:
    return Case(lambda things: f"directory/deletedItems/{things.deleted['id']}{rest}")


def _of_role(rest: str) -> Case:
    return Case(lambda things: f"roleManagement/directory/roleAssignments/{READER}-{things.administrator['id']}{rest}")


def _access(
    kind: str, collection: str, body: dict[str, object], one: Callable[[Things], dict[str, Any]]
) -> dict[str, Case]:
    """Say how to ask for policies, or for named locations."""
    every = f"identity/conditionalAccess/{collection}"

    def path(things: Things) -> str:
        return f"{every}/{one(things)['id']}"

    return {
        f"{kind}List": Case(lambda _: every, to_stranger=200),
        f"{kind}Create": Case(lambda _: every, lambda _: body, to_stranger=201),
        f"{kind}Get": Case(path),
        f"{kind}Update": Case(path, _renamed),
        f"{kind}Delete": Case(path),
    }


CASES: dict[str, Case] = {
    **_access("AccessPolicy", "policies", policy_body(), lambda things: things.policy),
    **_access("NamedLocation", "namedLocations", location_body(), lambda things: things.location),
    **{
        f"Deleted{kind}List": Case(
            lambda _, name=name: f"directory/deletedItems/microsoft.graph.{name}", to_stranger=200
        )  # type: ignore[misc]  # the default binds this round's name
        for kind, name in (
            ("Application", "application"),
            ("Group", "group"),
            ("ServicePrincipal", "servicePrincipal"),
            ("User", "user"),
        )
    },
    **_methods(),
    "DeletedItemGet": _deleted(),
    "DeletedItemRestore": _deleted("/restore"),
    "DeletedItemDelete": _deleted(),
    "OrganizationList": Case(lambda _: "organization", to_stranger=200),
    "OrganizationGet": Case(lambda things: f"organization/{things.organization['id']}"),
    "DomainList": Case(lambda _: "domains", to_stranger=200),
    "DomainGet": Case(lambda things: f"domains/{things.organization['domain']}"),
    "MeMemberOfList": _me("me/memberOf"),
    "MeTransitiveMemberOfList": _me("me/transitiveMemberOf"),
    "MeOwnedObjectList": _me("me/ownedObjects"),
    "MePermissionGrantList": _me("me/oauth2PermissionGrants"),
    "MeGetMemberGroups": _me("me/getMemberGroups", {}),
    "MeGetMemberObjects": _me("me/getMemberObjects", {}),
    "MeCheckMemberGroups": _me("me/checkMemberGroups", {"groupIds": [MISSING]}),
    "DirectoryRoleList": Case(lambda _: "directoryRoles", to_stranger=200),
    # Every role is active already, and Graph says so to whoever activates one again.
    "DirectoryRoleActivate": Case(
        lambda _: "directoryRoles", lambda _: {"roleTemplateId": READER}, to_stranger=400, success=400
    ),
    "DirectoryRoleTemplateList": Case(lambda _: "directoryRoleTemplates", to_stranger=200),
    "DirectoryRoleTemplateGet": Case(lambda _: f"directoryRoleTemplates/{READER}", to_stranger=200),
    "DirectoryRoleDefinitionList": Case(lambda _: "roleManagement/directory/roleDefinitions", to_stranger=200),
    "DirectoryRoleDefinitionGet": Case(lambda _: f"roleManagement/directory/roleDefinitions/{READER}", to_stranger=200),
    "DirectoryRoleAssignmentList": Case(lambda _: "roleManagement/directory/roleAssignments", to_stranger=200),
    "DirectoryRoleAssignmentCreate": Case(
        lambda _: "roleManagement/directory/roleAssignments",
        lambda things: {"roleDefinitionId": READER, "principalId": things.user["id"], "directoryScopeId": "/"},
    ),
    "DirectoryRoleAssignmentGet": _of_role(""),
    "DirectoryRoleAssignmentDelete": _of_role(""),
    "PermissionGrantList": Case(lambda _: "oauth2PermissionGrants", to_stranger=200),
    "PermissionGrantCreate": Case(lambda _: "oauth2PermissionGrants", _grant),
    "PermissionGrantGet": Case(lambda things: f"oauth2PermissionGrants/{things.grant['id']}"),
    "PermissionGrantUpdate": Case(
        lambda things: f"oauth2PermissionGrants/{things.grant['id']}", lambda _: {"scope": "x"}
    ),
    "PermissionGrantDelete": Case(lambda things: f"oauth2PermissionGrants/{things.grant['id']}"),
    **_lists("User", _user, "MemberOf", "TransitiveMemberOf", "OwnedObject", "PermissionGrant"),
    **_lists("Group", _group(), "MemberOf", "TransitiveMemberOf"),
    **_lists("ServicePrincipal", _principal, "MemberOf", "TransitiveMemberOf", "OwnedObject", "PermissionGrant"),
    **_owners("Application", _application()),
    **_owners("ApplicationByAppId", _application_by_app_id()),
    **_owners("ServicePrincipal", _principal),
    **_owners("Group", _group()),
    **_held("User", "users", lambda things: things.user),
    **_held("Group", "groups", lambda things: things.group),
    **_held("ServicePrincipal", "servicePrincipals", lambda things: things.principal),
    **_given("", _principal),
    **_given("ByAppId", _principal_by_app_id),
    **_role("", f"directoryRoles/{READER}"),
    **_role("ByTemplateId", f"directoryRoles(roleTemplateId='{READER}')"),
    "ApplicationList": Case(lambda _: "applications", to_stranger=200),
    "ApplicationCreate": Case(lambda _: "applications", lambda _: {"displayName": _unique()}, to_stranger=201),
    "ServicePrincipalList": Case(lambda _: "servicePrincipals", to_stranger=200),
    "ServicePrincipalCreate": Case(
        lambda _: "servicePrincipals", lambda things: {"appId": things.application["appId"]}, to_stranger=400
    ),
    # Only a user has a "me", and nobody signs in as one yet.
    "Me": Case(lambda _: "me", to_stranger=400, success=400),
    "UserInfo": _me("/oidc/userinfo"),
    "UserInfoPost": _me("/oidc/userinfo"),
    "UserList": Case(lambda _: "users", to_stranger=200),
    # The domain of the name is the first tenant's.
    "UserCreate": Case(lambda _: "users", lambda _: user_body(_unique()), to_stranger=400),
    "UserGet": Case(_user),
    "UserUpdate": Case(_user, _renamed),
    "UserDelete": Case(_user),
    "UserRevokeSessions": Case(lambda things: f"{_user(things)}/revokeSignInSessions"),
    "MeRevokeSessions": _me("me/revokeSignInSessions"),
    "MeChangePassword": _me(
        "me/changePassword", {"currentPassword": "Some-Old-Word-1", "newPassword": "Some-New-Word-2"}
    ),
    "GroupList": Case(lambda _: "groups", to_stranger=200),
    "GroupCreate": Case(lambda _: "groups", lambda _: group_body(_unique()), to_stranger=201),
    "GroupGet": Case(_group()),
    "GroupUpdate": Case(_group(), _renamed),
    "GroupDelete": Case(_group()),
    **{
        f"{kind}Count": Case(lambda _, path=path: f"{path}/$count", to_stranger=200)  # type: ignore[misc]  # the default binds this round's name
        for kind, path in (
            ("Application", "applications"),
            ("Group", "groups"),
            ("ServicePrincipal", "servicePrincipals"),
            ("User", "users"),
        )
    },
    "GroupMemberCount": Case(_group("/members/$count")),
    "GroupMemberList": Case(_group("/members")),
    "GroupTransitiveMemberList": Case(_group("/transitiveMembers")),
    "GroupMemberReferenceList": Case(_group("/members/$ref")),
    "GroupMemberReferenceGet": Case(lambda things: f"groups/{things.group['id']}/members/{things.member['id']}/$ref"),
    "GroupMemberAdd": Case(_group("/members/$ref"), _reference),
    "GroupMemberRemove": Case(lambda things: f"groups/{things.group['id']}/members/{things.member['id']}/$ref"),
    "DirectoryObjectGet": Case(_object),
    "DirectoryObjectGetByIds": Case(
        lambda _: "directoryObjects/getByIds", lambda things: {"ids": [things.user["id"]]}, to_stranger=200
    ),
    **_applications("", _application),
    **_applications("ByAppId", _application_by_app_id),
    **_federations("", _application),
    **_federations("ByAppId", _application_by_app_id),
    **_service_principals("", _principal),
    **_service_principals("ByAppId", _principal_by_app_id),
    **_memberships("User", _user),
    **_memberships("Group", _group()),
    **_memberships("ServicePrincipal", _principal),
    **_memberships("DirectoryObject", _object),
}


def wants_a_role(op: Op) -> bool:
    """Tell whether a service principal wants a directory role for an operation on what is not itself."""
    return isinstance(op.requires, DirectoryPermission)
