"""The grammar of `strongroom acme`: see `commands`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from strongroom.cli.options import Data, Json

acme = App(
    name="acme",
    help="Accounts with ACME authorities, by which vaults may have certificates; by default there is none.",
)

Account = Annotated[str, Parameter(help="The account, by its name here.")]


@acme.command(name="list")
def acme_list(*, data: Data = None, json: Json = False) -> int:
    """Print every account, how names are proved for it, and who may use it."""
    from strongroom.cli import acme as command  # noqa: PLC0415  each command loads what it needs

    return command.show_all(data, as_json=json)


@acme.command(name="show")
def acme_show(account: Account, *, data: Data = None, json: Json = False) -> int:
    """Print one account."""
    from strongroom.cli import acme as command  # noqa: PLC0415  each command loads what it needs

    return command.show(data, account, as_json=json)


@acme.command(name="add")
def acme_add(
    name: Annotated[str, Parameter(help="What it is called: the account_id of vaults' issuers.")],
    *,
    directory: Annotated[str, Parameter(help="The URL of the authority's directory.")],
    data: Data = None,
    agree_to_terms: Annotated[
        bool, Parameter(negative="", help="Agree to the authority's terms of service, which are yours to read.")
    ] = False,
    contact: Annotated[
        tuple[str, ...], Parameter(help="Whom the authority may write to, mailto:…; may be repeated.")
    ] = (),
    challenge: Annotated[
        Literal["http-01", "dns-01"] | None,
        Parameter(help="How names are proved (default: http-01, or dns-01 where there is a hook)."),
    ] = None,
    hook: Annotated[
        Path | None, Parameter(help="Program that makes DNS records: present|cleanup DOMAIN NAME VALUE.")
    ] = None,
    dns_wait: Annotated[
        int | None, Parameter(help="Seconds that a record is given before the authority looks (default: 30).")
    ] = None,
    domain: Annotated[
        tuple[str, ...], Parameter(help="Confine it to names at or below this one; may be repeated.")
    ] = (),
    tenant: Annotated[
        tuple[str, ...],
        Parameter(help="A tenant whose vaults may use it, by id or domain; may be repeated (default: the only one)."),
    ] = (),
    eab_kid: Annotated[str | None, Parameter(help="The key id of an external account that it is bound to.")] = None,
    eab_key_file: Annotated[
        Path | None,
        Parameter(help="File with that account's key, or - for standard input.", allow_leading_hyphen=True),
    ] = None,
    json: Json = False,
) -> int:
    """Make an account with an ACME authority, and let the vaults of a tenant use it."""
    from strongroom.cli import acme as command  # noqa: PLC0415  each command loads what it needs

    wanted = {
        "name": name,
        "directory": directory,
        "agreeToTerms": agree_to_terms,
        "contacts": list(contact),
        "challenge": challenge or ("http-01" if hook is None else "dns-01"),
        "hook": "" if hook is None else str(hook),
        "domains": list(domain),
        "tenants": list(tenant),
        "externalKeyId": eab_kid,
        **({} if dns_wait is None else {"dnsWaitSeconds": dns_wait}),
    }
    return command.add(data, wanted, eab_key_file, as_json=json)


@acme.command(name="check")
def acme_check(account: Account, *, data: Data = None, json: Json = False) -> int:
    """Ask the authority how an account is, and see that its hook can be run; 1 if it cannot be used."""
    from strongroom.cli import acme as command  # noqa: PLC0415  each command loads what it needs

    return command.check(data, account, as_json=json)


@acme.command(name="remove")
def acme_remove(account: Account, *, data: Data = None, json: Json = False) -> int:
    """Forget an account and its key, and have the authority take it out of use. Certificates stay."""
    from strongroom.cli import acme as command  # noqa: PLC0415  each command loads what it needs

    return command.remove(data, account, as_json=json)
