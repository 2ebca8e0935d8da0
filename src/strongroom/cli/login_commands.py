"""The grammar of `strongroom login`, `logout`, `whoami` and `account`: see `commands`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from strongroom.cli.options import Data, Json, Subscription

account = App(name="account", help="The sign-ins that are remembered, and which one commands use.")
SignInTenant = Annotated[
    str | None, Parameter(name="--tenant", help="Tenant, by id or domain (default: the user's own, or the first one).")
]


def login(
    *,
    data: Data = None,
    url: Annotated[
        str | None, Parameter(help="An instance elsewhere, by its management endpoint: https://management.DOMAIN:PORT.")
    ] = None,
    ca_file: Annotated[
        Path | None, Parameter(help="Certificate of its CA (default: what this machine trusts).")
    ] = None,
    tenant: SignInTenant = None,
    user: Annotated[str | None, Parameter(help="User principal name, for the sign-in page to begin with.")] = None,
    device_code: Annotated[
        bool, Parameter(negative="", help="Sign in in a browser of any machine, where the tenant allows it.")
    ] = False,
    service_principal: Annotated[str | None, Parameter(help="Sign in as an application, by its client id.")] = None,
    secret_file: Annotated[
        Path | None,
        Parameter(
            help="File with its secret, read again whenever a token is needed; - for standard input. Without it, the"
            " secret is asked for or taken from STRONGROOM_CLIENT_SECRET, and not kept.",
            allow_leading_hyphen=True,
        ),
    ] = None,
    certificate: Annotated[Path | None, Parameter(help="PEM file with its key and certificate, read likewise.")] = None,
    managed_identity: Annotated[
        bool, Parameter(negative="", help="Sign in as the managed identity that this environment offers.")
    ] = False,
    client_id: Annotated[str | None, Parameter(help="Which managed identity, where there are several.")] = None,
    subscription: Subscription = None,
    name: Annotated[str | None, Parameter(help="What to remember it as (default: who at where).")] = None,
    json: Json = False,
) -> int:
    """
    Sign in to an instance, for the commands that speak to its public API.

    As a user by default, in a browser: Strongroom shows its own sign-in page. No password and no secret is ever an
    argument. Programs that nobody signs in for set STRONGROOM_CLIENT_ID, STRONGROOM_CLIENT_SECRET and
    STRONGROOM_TENANT_ID, and need no login.
    """
    from strongroom.cli.outcome import Exit, Halt  # noqa: PLC0415  each command loads what it needs
    from strongroom.cli.remote import sign_in as command  # noqa: PLC0415  as above

    if sum((service_principal is not None, managed_identity, device_code)) > 1:
        raise Halt("--service-principal, --managed-identity and --device-code exclude each other", Exit.USAGE)
    if service_principal is None and (secret_file is not None or certificate is not None):
        raise Halt("a secret or certificate is an application's: name it with --service-principal", Exit.USAGE)
    if secret_file is not None and certificate is not None:
        raise Halt("--secret-file and --certificate exclude each other", Exit.USAGE)
    by = command.By(service_principal, secret_file, certificate, managed_identity, client_id, device_code, user)
    where = command.Where(data, url, ca_file)
    return command.login(where, by, tenant=tenant, subscription=subscription, name=name, as_json=json)


def logout(
    name: Annotated[str | None, Parameter(help="The account, as the list shows it (default: the one in use).")] = None,
    *,
    everybody: Annotated[bool, Parameter(name="--all", negative="", help="All of them.")] = False,
    json: Json = False,
) -> int:
    """Forget a sign-in, with its tokens on this machine."""
    from strongroom.cli.remote import sign_in as command  # noqa: PLC0415  each command loads what it needs

    return command.logout(name, everybody=everybody, as_json=json)


def whoami(*, data: Data = None, tenant: SignInTenant = None, json: Json = False) -> int:
    """Print who the service takes you for, where, and until when."""
    from strongroom.cli.remote import sign_in as command  # noqa: PLC0415  each command loads what it needs

    return command.whoami(data, tenant, as_json=json)


@account.command(name="list")
def account_list(*, json: Json = False) -> int:
    """Print every sign-in that is remembered; commands use the one with a star."""
    from strongroom.cli.remote import sign_in as command  # noqa: PLC0415  each command loads what it needs

    return command.show_accounts(as_json=json)


@account.command(name="set")
def account_set(
    name: Annotated[str | None, Parameter(help="The account, as the list shows it (default: the one in use).")] = None,
    *,
    subscription: Subscription = None,
    json: Json = False,
) -> int:
    """Say which sign-in commands use, and which subscription they work in."""
    from strongroom.cli.remote import sign_in as command  # noqa: PLC0415  each command loads what it needs

    return command.set_account(name, subscription=subscription, as_json=json)


@account.command(name="subscriptions")
def account_subscriptions(*, data: Data = None, json: Json = False) -> int:
    """Print the subscriptions that you see; commands work in the one with a star."""
    from strongroom.cli.remote import sign_in as command  # noqa: PLC0415  each command loads what it needs

    return command.show_subscriptions(data, as_json=json)
