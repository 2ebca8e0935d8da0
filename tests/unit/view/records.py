"""Small records for the view's tests."""

from strongroom.core.identity import (
    Application,
    Credential,
    CredentialKind,
    DirectoryRoleAssignment,
    Group,
    Membership,
    PrincipalType,
    ServicePrincipal,
    SigningKey,
    Tenant,
    User,
)
from strongroom.core.rbac import RoleAssignment, RoleDefinition
from strongroom.core.relations import AppRoleAssignment, Ownership
from strongroom.core.resources import Machine, ResourceGroup, Subscription, UserAssignedIdentity
from strongroom.core.vaults import Vault

T1 = "11111111-0000-4000-8000-000000000001"
T2 = "22222222-0000-4000-8000-000000000002"


def tenant(identifier: str = T1, *domains: str) -> Tenant:
    """Make a tenant."""
    return Tenant(id=identifier, display_name="Contoso", domains=domains, created=1)


def user(oid: str, upn: str = "", of: str = T1) -> User:
    """Make a user."""
    return User(id=oid, tenant=of, user_principal_name=upn or f"{oid}@contoso.test", display_name=oid, created=1)


def group(oid: str, of: str = T1) -> Group:
    """Make a group."""
    return Group(id=oid, tenant=of, display_name=oid, created=1)


def member(of_group: str, oid: str, of: str = T1) -> Membership:
    """Make a membership."""
    return Membership(id=f"{of_group}/{oid}", tenant=of, group=of_group, member=oid)


def owner(of_object: str, oid: str, of: str = T1) -> Ownership:
    """Make an ownership."""
    return Ownership(id=f"{of_object}/{oid}", tenant=of, object=of_object, owner=oid)


def app_role(identifier: str, principal: str, resource: str, role: str, of: str = T1) -> AppRoleAssignment:
    """Make an app role assignment."""
    return AppRoleAssignment(identifier, of, role, principal, PrincipalType.SERVICE_PRINCIPAL, resource, 1)


def application(oid: str, app_id: str, of: str = T1) -> Application:
    """Make an application."""
    return Application(id=oid, tenant=of, app_id=app_id, display_name=oid, created=1)


def service_principal(oid: str, app_id: str, of: str = T1) -> ServicePrincipal:
    """Make a service principal."""
    return ServicePrincipal(id=oid, tenant=of, app_id=app_id, display_name=oid, created=1)


def credential(identifier: str, owner: str, of: str = T1) -> Credential:
    """Make a client secret."""
    return Credential(
        id=identifier,
        tenant=of,
        owner=owner,
        kind=CredentialKind.SECRET,
        verifier=b"v",
        created=1,
        not_before=1,
        expires=None,
    )


def directory_role(role: str, principal: str, of: str = T1) -> DirectoryRoleAssignment:
    """Make a directory role assignment."""
    return DirectoryRoleAssignment(id=f"{role}/{principal}", tenant=of, role=role, principal=principal)


def signing_key(kid: str, of: str = T1) -> SigningKey:
    """Make a signing key."""
    return SigningKey(
        id=kid,
        tenant=of,
        created=1,
        signs_from=1,
        signs_until=2,
        trusted_until=3,
        certificate=b"",
        sealed_private_key=b"",
    )


def role(identifier: str, *data_actions: str, of: str = T1) -> RoleDefinition:
    """Make a custom role."""
    return RoleDefinition(id=identifier, tenant=of, name=identifier, data_actions=data_actions)


def assignment(identifier: str, role_id: str, principal: str, scope: str, of: str = T1) -> RoleAssignment:
    """Make a role assignment."""
    return RoleAssignment(
        id=identifier,
        tenant=of,
        scope=scope,
        role=role_id,
        principal=principal,
        principal_type=PrincipalType.USER,
        created=1,
    )


def subscription(identifier: str, of: str = T1) -> Subscription:
    """Make a subscription."""
    return Subscription(id=identifier, tenant=of, display_name="", created=1)


def resource_group(in_subscription: str, name: str, of: str = T1) -> ResourceGroup:
    """Make a resource group."""
    return ResourceGroup(
        id=f"{in_subscription}/{name.lower()}",
        tenant=of,
        subscription=in_subscription,
        name=name,
        location="local",
        created=1,
    )


def identity(in_subscription: str, in_group: str, name: str, of: str = T1) -> UserAssignedIdentity:
    """Make a user-assigned identity."""
    return UserAssignedIdentity(
        id=f"{in_subscription}/{in_group.lower()}/{name.lower()}",
        tenant=of,
        subscription=in_subscription,
        resource_group=in_group,
        name=name,
        location="local",
        client_id="c",
        principal_id="p",
        created=1,
    )


def machine(in_subscription: str, in_group: str, name: str, of: str = T1) -> Machine:
    """Make a machine without an identity."""
    return Machine(
        id=f"{in_subscription}/{in_group.lower()}/{name.lower()}",
        tenant=of,
        subscription=in_subscription,
        resource_group=in_group,
        name=name,
        location="local",
        vm_id="v",
        created=1,
    )


def vault(identifier: str, name: str, of: str = T1, **settings: object) -> Vault:
    """Make a vault."""
    return Vault(
        id=identifier,
        tenant=of,
        subscription="s1",
        resource_group="rg",
        name=name,
        location="local",
        created=1,
        wrapped_key=b"",
        **settings,  # type: ignore[arg-type]  # whatever a test sets
    )
