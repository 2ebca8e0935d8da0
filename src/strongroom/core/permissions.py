"""
What an operation requires, stated once for both permission models.

An operation's `requires` names the access-policy permission and the RBAC action together (reference
azure-key-vault.md section 3.3), so that switching a vault's model changes every answer at once and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Public:
    """Open to anyone. The list of public operations is closed; a test holds it."""


@dataclass(frozen=True, slots=True)
class DataPermission:
    """
    A data-plane permission: `category`/`word` in access policies, `action` in RBAC data actions.

    Attributes:
        by_handler: as `ControlAction` has it.
    """

    category: str
    word: str
    action: str
    by_handler: bool = False


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Several permissions, any one of which suffices."""

    options: tuple[DataPermission, ...]


@dataclass(frozen=True, slots=True)
class ControlAction:
    """
    An ARM action, decided by role assignments at the target's scope.

    Attributes:
        by_handler: True where conditions ask about the body, which is not there yet. The row then lets in a caller
            whose conditions are not certain to fail, and the handler decides once it knows what is asked, inside its
            commit. A permit that was not decided so far commits nothing: see `Permit.settled`.
    """

    action: str
    by_handler: bool = False


@dataclass(frozen=True, slots=True)
class DirectoryPermission:
    """
    A Graph permission, such as `Application.ReadWrite.All`.

    Directory roles and application permissions give it (`core.directory_roles`). To read, users of the tenant need
    neither, as Entra's default user permissions have it; a service principal does. To change what a principal is, or
    what proves it, takes as much power as that principal has, too. In a user's name a client does only what its
    delegated permissions allow besides (`core.delegated_permissions`).

    Attributes:
        itself: True where a service principal needs no role over the object that it is, or its application: to read
            it, and to change what the operation wants a proof of its own for.
        owner: True where owning the object is enough: for its credentials, and for nothing else (SEC-TENANT-7).
        owned: True where `Application.ReadWrite.OwnedBy` is enough for what its holder makes or owns.
        personal: True where it is about what is a user's own, such as second factors: no other user reads it without a
            role, and the user needs none; to change it takes a second factor that was shown a moment ago.
        confidential: True where users, too, need a role to read.
    """

    name: str
    write: bool
    itself: bool = False
    owner: bool = False
    owned: bool = False
    personal: bool = False
    confidential: bool = False


@dataclass(frozen=True, slots=True)
class Authenticated:
    """
    Any principal of the tenant: listing shows only what its rights let it see.

    Attributes:
        delegated: the right that a client needs to do it in a user's name (`core.delegated_permissions`); None where
            the token's audience says it all.
    """

    delegated: str | None = None


Requirement = Public | DataPermission | AnyOf | ControlAction | DirectoryPermission | Authenticated


@dataclass(frozen=True, slots=True)
class Permit:
    """
    That a caller may run an operation on a target, and by what right: evidence.

    Only `flow.authorization` makes one, so a handler that holds a `Call` cannot have run without a decision.
    """

    permission: str
    model: str
    """`rbac`, `policy`, `directory`, `public` or `authenticated`."""
    assignment: str | None = None
    """The ARM id of the role assignment, or the place of the access policy, that decided."""
    steady: bool = True
    """False if it rests on a condition that time alone may change, so that it is not remembered."""
    settled: bool = True
    """False if the handler has still to ask conditions about the body: until then nothing can be committed."""
