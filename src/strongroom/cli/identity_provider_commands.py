"""The grammar of `strongroom identity-provider`: see `commands`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from strongroom.cli.options import Data, Json, Tenant

identity_provider = App(
    name="identity-provider",
    help="Other OpenID providers that a tenant's users may sign in at; by default there is none.",
)
Provider = Annotated[str, Parameter(help="The provider's id, as the list shows it.")]


@identity_provider.command(name="list")
def identity_provider_list(*, data: Data = None, json: Json = False) -> int:
    """Print every identity provider, and the redirect URI that it has to know."""
    from strongroom.cli import identity_providers as command  # noqa: PLC0415  each command loads what it needs

    return command.show(data, as_json=json)


@identity_provider.command(name="add")
def identity_provider_add(
    issuer: Annotated[str, Parameter(help="The issuer, exactly as its tokens name it.")],
    *,
    client_id: Annotated[str, Parameter(help="What this service is called there.")],
    client_secret_file: Annotated[
        Path, Parameter(help="File with the secret, or - for standard input.", allow_leading_hyphen=True)
    ],
    name: Annotated[str, Parameter(help="What people know it by, on the sign-in page.")],
    data: Data = None,
    tenant: Tenant = None,
    domain: Annotated[
        tuple[str, ...], Parameter(help="A domain of the tenant whose users are sent there; may be repeated.")
    ] = (),
    trust_claim: Annotated[
        str | None,
        Parameter(
            help="The claim that names a user of these domains at a first sign-in: preferred_username, email or upn"
            " (default: none, links alone say who is who)."
        ),
    ] = None,
    scope: Annotated[tuple[str, ...], Parameter(help="What is asked for (default: openid, profile, email).")] = (),
    json: Json = False,
) -> int:
    """Let a tenant's users sign in at another OpenID provider. Users are not made by it: they must exist here."""
    from strongroom.cli import identity_providers as command  # noqa: PLC0415  each command loads what it needs

    wanted = {
        "issuer": issuer,
        "clientId": client_id,
        "displayName": name,
        "tenant": tenant,
        "domains": list(domain),
        "trustedClaim": trust_claim,
        **({"scopes": list(scope)} if scope else {}),
    }
    return command.add(data, client_secret_file, wanted, as_json=json)


@identity_provider.command(name="enable")
def identity_provider_enable(provider: Provider, *, data: Data = None, json: Json = False) -> int:
    """Send people to a provider again."""
    from strongroom.cli import identity_providers as command  # noqa: PLC0415  each command loads what it needs

    return command.enable(data, provider, enabled=True, as_json=json)


@identity_provider.command(name="disable")
def identity_provider_disable(provider: Provider, *, data: Data = None, json: Json = False) -> int:
    """Send nobody to a provider; whoever is signed in by it stays so."""
    from strongroom.cli import identity_providers as command  # noqa: PLC0415  each command loads what it needs

    return command.enable(data, provider, enabled=False, as_json=json)


@identity_provider.command(name="remove")
def identity_provider_remove(provider: Provider, *, data: Data = None, json: Json = False) -> int:
    """Remove a provider and its links, with every session and token that came of them."""
    from strongroom.cli import identity_providers as command  # noqa: PLC0415  each command loads what it needs

    return command.remove(data, provider, as_json=json)


@identity_provider.command(name="links")
def identity_provider_links(provider: Provider, *, data: Data = None, json: Json = False) -> int:
    """Print which user each subject of a provider is."""
    from strongroom.cli import identity_providers as command  # noqa: PLC0415  each command loads what it needs

    return command.links(data, provider, as_json=json)


@identity_provider.command(name="link")
def identity_provider_link(
    provider: Provider,
    *,
    user: Annotated[str, Parameter(help="The user principal name.")],
    subject: Annotated[str, Parameter(help="The sub of the provider's id tokens.", allow_leading_hyphen=True)],
    data: Data = None,
    json: Json = False,
) -> int:
    """Take a subject of a provider for a user."""
    from strongroom.cli import identity_providers as command  # noqa: PLC0415  each command loads what it needs

    return command.link(data, provider, user, subject, as_json=json)


@identity_provider.command(name="unlink")
def identity_provider_unlink(
    provider: Provider,
    link: Annotated[str, Parameter(help="The link's id, as the links show it.")],
    *,
    data: Data = None,
    json: Json = False,
) -> int:
    """Remove a link, with every session and token that came of it."""
    from strongroom.cli import identity_providers as command  # noqa: PLC0415  each command loads what it needs

    return command.unlink(data, provider, link, as_json=json)
