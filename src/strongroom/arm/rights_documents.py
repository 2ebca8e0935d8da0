"""How rights are written down: roles, who has them, denials, and management groups (azure-mgmt-authorization 4.0.0)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from strongroom.arm.documents import Document, timestamp
from strongroom.core.hierarchy import Hierarchy, group_scope
from strongroom.core.identity import Group, PrincipalType, User
from strongroom.core.rbac import EVERYONE, DenyAssignment, RoleAssignment, RoleDefinition
from strongroom.core.resources import ManagementGroup, Subscription
from strongroom.resources.deny_assignments import SYSTEM_DEFINED
from strongroom.view import View

_AUTHORIZATION = "/providers/Microsoft.Authorization"
GROUP_TYPE = "Microsoft.Management/managementGroups"


def show_assignment(assignment: RoleAssignment) -> Document:
    """Write a role assignment."""
    return {
        "id": assignment.arm_id,
        "name": assignment.id,
        "type": "Microsoft.Authorization/roleAssignments",
        "properties": {
            "roleDefinitionId": role_definition_id(assignment.scope, assignment.role),
            "principalId": assignment.principal,
            "principalType": assignment.principal_type.value,
            "scope": assignment.scope,
            "condition": assignment.condition,
            "conditionVersion": assignment.condition_version,
            **_when(assignment),
            "delegatedManagedIdentityResourceId": None,
            "description": assignment.description,
        },
    }


def role_definition_id(scope: str, role: str) -> str:
    """Give a role definition's ARM id as it is written at *scope*: below the subscription, if there is one."""
    segments = scope.split("/")
    prefix = "/".join(segments[:3]) if len(segments) > 2 and segments[1].lower() == "subscriptions" else ""
    return f"{prefix}{_AUTHORIZATION}/roleDefinitions/{role}"


def show_role(scope: str, role: RoleDefinition) -> Document:
    """Write a role definition as it is seen from *scope*."""
    permission = show_permission(role)
    if role.condition is not None:
        permission |= {"condition": role.condition, "conditionVersion": role.condition_version}
    return {
        "id": role_definition_id(scope, role.id),
        "name": role.id,
        "type": "Microsoft.Authorization/roleDefinitions",
        "properties": {
            "roleName": role.name,
            "type": "BuiltInRole" if role.built_in else "CustomRole",
            "description": role.description,
            "assignableScopes": list(role.assignable_scopes),
            "permissions": [permission],
            **({} if role.built_in else _when(role)),
        },
    }


def show_permission(role: RoleDefinition) -> Document:
    """Write what a role grants."""
    return {
        "actions": list(role.actions),
        "notActions": list(role.not_actions),
        "dataActions": list(role.data_actions),
        "notDataActions": list(role.not_data_actions),
    }


def show_denial(view: View, denial: DenyAssignment) -> Document:
    """Write a deny assignment."""
    return {
        "id": denial.arm_id,
        "name": denial.id,
        "type": "Microsoft.Authorization/denyAssignments",
        "properties": {
            "denyAssignmentName": denial.name,
            "description": denial.description,
            "permissions": [
                {
                    "actions": list(denial.actions),
                    "notActions": list(denial.not_actions),
                    "dataActions": list(denial.data_actions),
                    "notDataActions": list(denial.not_data_actions),
                    "condition": denial.condition,
                    "conditionVersion": denial.condition_version,
                }
            ],
            "scope": denial.scope,
            "doNotApplyToChildScopes": denial.only_here,
            "principals": [_show_principal(view, denial.tenant, one) for one in denial.principals],
            "excludePrincipals": [_show_principal(view, denial.tenant, one) for one in denial.exclude_principals],
            "isSystemProtected": False,
            "condition": denial.condition,
            "conditionVersion": denial.condition_version,
            **_when(denial),
        },
    }


def _show_principal(view: View, tenant: str, principal: str) -> Document:
    if principal == EVERYONE:
        return {"id": EVERYONE, "displayName": "All Principals", "type": SYSTEM_DEFINED}
    found = view.principal(tenant, principal)
    if found is None:
        return {"id": principal, "type": "Unknown"}
    kinds = {User: PrincipalType.USER, Group: PrincipalType.GROUP}
    kind = kinds.get(type(found), PrincipalType.SERVICE_PRINCIPAL)
    return {"id": principal, "displayName": found.display_name, "type": kind.value}


def _when(right: RoleAssignment | RoleDefinition | DenyAssignment) -> Document:
    """Write when and by whom a right was made and changed."""
    return {
        "createdOn": timestamp(right.created),
        "updatedOn": timestamp(right.updated or right.created),
        "createdBy": right.created_by or None,
        "updatedBy": (right.updated_by if right.updated else right.created_by) or None,
    }


# ---- management groups ----------------------------------------------------------------------------------------------


class GroupTree:
    """A tenant's management groups and subscriptions, as answers show them."""

    def __init__(
        self,
        tenant: str,
        groups: Iterable[ManagementGroup],
        subscriptions: Iterable[Subscription],
        created: int,
        sees: Callable[[str], bool],
    ) -> None:
        """
        Take what there is; *created* is when the tenant was made, and its root group with it.

        *sees* tells of a scope whether it may be shown as one of what is in a group.
        """
        self._sees = sees
        root = ManagementGroup(tenant, tenant, tenant, "Tenant Root Group", created, parent="")
        self._tenant = tenant
        self._groups = {root.id: root} | {group.id: group for group in groups}
        placed = sorted(subscriptions, key=lambda one: one.id)
        self._hierarchy = Hierarchy(tenant, self._groups.values(), placed)
        # What is in each group is looked up and not looked for: there may be ten thousand of them.
        self._groups_in: dict[str, list[ManagementGroup]] = {}
        for group in sorted(self._groups.values(), key=lambda group: group.id):
            if group.id != tenant:
                self._groups_in.setdefault(self._parent_of(group), []).append(group)
        self._subscriptions_in: dict[str, list[Subscription]] = {}
        for one in placed:
            self._subscriptions_in.setdefault(self.group_of(one).id, []).append(one)

    def __getitem__(self, name: str) -> ManagementGroup:
        """Give the group of this name; the root group's is the tenant's id."""
        return self._groups[name.lower()]

    @property
    def groups(self) -> tuple[ManagementGroup, ...]:
        """Every group, the root group first."""
        return tuple(self._groups.values())

    def groups_in(self, parent: str) -> list[ManagementGroup]:
        """List the groups right below a group."""
        return [one for one in self._groups_in.get(parent, []) if self._sees(one.scope)]

    def subscriptions_in(self, parent: str) -> list[Subscription]:
        """List the subscriptions right below a group."""
        return [one for one in self._subscriptions_in.get(parent, []) if self._sees(one.scope)]

    def group_of(self, subscription: Subscription) -> ManagementGroup:
        """Give the group that a subscription is in."""
        return self._groups.get(subscription.management_group, self._groups[self._tenant])

    def descendants(self, group: str) -> list[ManagementGroup | Subscription]:
        """List everything below a group."""
        found: list[ManagementGroup | Subscription] = [*self.subscriptions_in(group)]
        for below in self.groups_in(group):
            found += [below, *self.descendants(below.id)]
        return found

    def _parent_of(self, group: ManagementGroup) -> str:
        return group.parent if group.parent in self._groups else self._tenant

    def show(
        self, group: ManagementGroup, *, children: bool = False, recurse: bool = False, path: bool = False
    ) -> Document:
        """Write a group with where it is; with what is in it, if *children*, and what is in that, if *recurse*."""
        details: Document = {
            "version": 1,
            "updatedTime": timestamp(group.updated or group.created),
            "updatedBy": group.updated_by or group.created_by or None,
        }
        above = self._hierarchy.ancestors(group.id)
        if above:
            parent = self._groups[above[0]]
            details["parent"] = {"id": parent.scope, "name": parent.name, "displayName": parent.display_name}
        if path:
            chain = [self._groups[name] for name in above]
            details["managementGroupAncestors"] = [one.name for one in chain]
            details["managementGroupAncestorsChain"] = [
                {"name": one.name, "displayName": one.display_name} for one in chain
            ]
            details["path"] = [{"name": one.name, "displayName": one.display_name} for one in (*reversed(chain), group)]
        document = self.show_briefly(group)
        document["properties"]["details"] = details
        if children:
            document["properties"]["children"] = self._show_children(group.id, recurse=recurse) or None
        return document

    def show_briefly(self, group: ManagementGroup) -> Document:
        """Write a group as lists have it."""
        return {
            "id": group.scope,
            "type": GROUP_TYPE,
            "name": group.name,
            "properties": {"tenantId": self._tenant, "displayName": group.display_name},
        }

    def show_descendant(self, one: ManagementGroup | Subscription) -> Document:
        """Write what is somewhere below a group."""
        if isinstance(one, Subscription):
            kind, name, parent = f"{GROUP_TYPE}/subscriptions", one.id, self.group_of(one).name
        else:
            kind, name, parent = GROUP_TYPE, one.name, self._groups[self._parent_of(one)].name
        return {
            "id": one.scope,
            "type": kind,
            "name": name,
            "properties": {"displayName": one.display_name, "parent": {"id": group_scope(parent)}},
        }

    def show_subscription(self, subscription: Subscription) -> Document:
        """Write a subscription as what is in a group."""
        group = self.group_of(subscription)
        return {
            "id": f"{group.scope}/subscriptions/{subscription.id}",
            "type": f"{GROUP_TYPE}/subscriptions",
            "name": subscription.id,
            "properties": {
                "tenant": self._tenant,
                "displayName": subscription.display_name,
                "parent": {"id": group.scope},
                "state": "Active",
            },
        }

    def _show_children(self, group: str, *, recurse: bool) -> list[Document]:
        shown: list[Document] = []
        for below in self.groups_in(group):
            document: Document = {
                "id": below.scope,
                "type": GROUP_TYPE,
                "name": below.name,
                "displayName": below.display_name,
            }
            if recurse:
                document["children"] = self._show_children(below.id, recurse=True) or None
            shown.append(document)
        shown += [
            {"id": one.scope, "type": "/subscriptions", "name": one.id, "displayName": one.display_name}
            for one in self.subscriptions_in(group)
        ]
        return shown
