"""What an application registration may say: redirect URIs that lead nowhere else, distinct roles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from strongroom.core import limits
from strongroom.core.errors import Invalid
from strongroom.core.identity import Application
from strongroom.core.redirects import Platform, may_be_registered
from strongroom.core.registration import AppRole, PermissionScope, SignIn


def judge_registration(before: Application | None, after: Application) -> None:
    """
    Hold what an application is to be against what it may be.

    Raises:
        Invalid: a redirect URI that cannot be one of its platform, an id or a value twice, an enabled role or scope
            that would be gone, or more than `limits.MANIFEST_ENTRIES` of everything.
    """
    _judge_redirects(after.sign_in)
    _judge_distinct(after)
    if before is not None:
        _judge_removed(before.app_roles, after.app_roles)
        _judge_removed(before.api.scopes, after.api.scopes)
    if _entries(after) > limits.MANIFEST_ENTRIES:
        raise Invalid(
            f"The application has more than {limits.MANIFEST_ENTRIES} entries.", code="Directory_QuotaExceeded"
        )


def _entries(application: Application) -> int:
    """Count everything that an application says in lists."""
    sign_in, api = application.sign_in, application.api
    return (
        len(application.app_roles)
        + len(api.scopes)
        + len(api.known_client_applications)
        + sum(1 + len(one.scopes) for one in api.pre_authorized)
        + sum(max(1, len(one.scopes) + len(one.roles)) for one in application.required_resource_access)
        + len(sign_in.web)
        + len(sign_in.spa)
        + len(sign_in.public_client)
    )


def _judge_redirects(sign_in: SignIn) -> None:
    """Require redirect URIs that can be matched when a client names one; links elsewhere are held to the same."""
    links = tuple(url for url in (sign_in.home_page_url, sign_in.logout_url) if url)
    for platform, uris in (
        (Platform.WEB, sign_in.web),
        (Platform.SPA, sign_in.spa),
        (Platform.PUBLIC_CLIENT, (*sign_in.public_client, *links)),
    ):
        if not all(may_be_registered(uri, platform) for uri in uris):
            raise Invalid("One or more redirect URIs are not valid.")


def _judge_distinct(application: Application) -> None:
    """Require ids and values that mean one thing: of roles and scopes, whose words all stand in tokens."""
    entries: tuple[AppRole | PermissionScope, ...] = (*application.app_roles, *application.api.scopes)
    if _repeats(one.id for one in entries):
        raise Invalid("Request contains a property with duplicate values.", code="Request_BadRequest")
    for kind in (application.app_roles, application.api.scopes):
        values = [one.value for one in kind if one.value is not None]
        if _repeats(values):
            raise Invalid("Request contains a property with duplicate values.", code="Request_BadRequest")
        if any(" " in value or not value.isprintable() for value in values):
            raise Invalid("The value of an app role or permission scope must be a single word.")
    if any(not role.member_types for role in application.app_roles):
        raise Invalid("The allowedMemberTypes of an app role must not be empty.")
    if _repeats(one.resource_app_id for one in application.required_resource_access):
        raise Invalid("Request contains a property with duplicate values.", code="Request_BadRequest")


def _judge_removed(
    before: tuple[AppRole, ...] | tuple[PermissionScope, ...], after: tuple[AppRole, ...] | tuple[PermissionScope, ...]
) -> None:
    kept = {one.id for one in after}
    if any(one.enabled and one.id not in kept for one in before):
        raise Invalid(
            "Permission (scope or role) cannot be deleted or updated unless disabled first.",
            code="CannotDeleteOrUpdateEnabledEntitlement",
        )


def _repeats(values: Iterable[str]) -> bool:
    return any(count > 1 for count in Counter(values).values())
