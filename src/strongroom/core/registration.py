"""What an application registration says beside its names: how users sign in to it, what it offers, what it asks for."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit


def origin_of(uri: str) -> str:
    """
    Give the origin of a web page's URI as browsers write it in `Origin` (RFC 6454): no path, no default port.

    It is empty for what is no URI, which no browser writes: all records have to be readable, whatever they say.
    """
    try:
        parts = urlsplit(uri.lower())
    except ValueError:
        return ""
    default = {"https": ":443", "http": ":80"}.get(parts.scheme, "")
    host = parts.netloc.removesuffix(default) if default else parts.netloc
    return f"{parts.scheme}://{host}"


@dataclass(frozen=True, slots=True)
class SignIn:
    """
    How users sign in to an application.

    Attributes:
        web, spa, public_client: redirect URIs by platform, as registered: of confidential web applications, of pages
            that redeem codes with PKCE from a browser, and of installed programs.
        is_fallback_public_client: True lets it be a public client where a request has no redirect URI, as device code
            and password requests have none; None is the default, which is not.
        access_token_implicit, id_token_implicit: whether the authorization endpoint may give these out itself.
    """

    web: tuple[str, ...] = ()
    spa: tuple[str, ...] = ()
    public_client: tuple[str, ...] = ()
    is_fallback_public_client: bool | None = None
    home_page_url: str | None = None
    logout_url: str | None = None
    access_token_implicit: bool = False
    id_token_implicit: bool = False


@dataclass(frozen=True, slots=True)
class AppRole:
    """A role that an application defines; whoever is assigned it has its `value` in the `roles` of tokens for it."""

    id: str
    value: str | None
    display_name: str
    description: str
    enabled: bool = True
    member_types: tuple[str, ...] = ("User",)
    """`User` for users and groups, `Application` for service principals."""


@dataclass(frozen=True, slots=True)
class PermissionScope:
    """A delegated permission that an application offers: a word of `scp` in tokens for it."""

    id: str
    value: str | None
    type: str = "User"
    """`User`: users consent for themselves. `Admin`: an administrator has to."""
    enabled: bool = True
    admin_consent_display_name: str | None = None
    admin_consent_description: str | None = None
    user_consent_display_name: str | None = None
    user_consent_description: str | None = None


@dataclass(frozen=True, slots=True)
class PreAuthorized:
    """A client that needs no consent for some of an application's scopes."""

    app_id: str
    scopes: tuple[str, ...]
    """Ids of the application's scopes."""


@dataclass(frozen=True, slots=True)
class Api:
    """What an application offers as a resource."""

    scopes: tuple[PermissionScope, ...] = ()
    known_client_applications: tuple[str, ...] = ()
    pre_authorized: tuple[PreAuthorized, ...] = ()
    token_version: int | None = None
    """The version of access tokens it wants: 1, 2, or None for 1."""
    accept_mapped_claims: bool | None = None


@dataclass(frozen=True, slots=True)
class ResourceAccess:
    """What an application wants of another one: ids of its scopes and app roles. To want is not to have."""

    resource_app_id: str
    scopes: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    """All of them, in the order in which they were sent: clients compare what they read with that."""

    def in_order(self) -> list[tuple[str, str]]:
        """Give each id with its kind, `Scope` or `Role`, in that order."""
        kinds = [*((one, "Scope") for one in self.scopes), *((one, "Role") for one in self.roles)]
        places = {one: place for place, one in enumerate(self.order)}
        return sorted(kinds, key=lambda one: places.get(one[0], len(places)))
