"""The grammar of `strongroom ca`: see `commands`."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import App, Parameter

from strongroom.cli.options import Data, Json, Tenant

ca = App(
    name="ca",
    help="Private certificate authorities that issue for vaults, and what they issued; by default there is none.",
)

Name = Annotated[str, Parameter(help="The CA, by its name.")]
_KeyType = Literal["P-256", "P-384", "P-521", "RSA-2048", "RSA-3072", "RSA-4096"]
_Profile = Literal["tls", "server", "client", "code-signing"]
_Reason = Literal[
    "unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded", "cessationOfOperation",
    "privilegeWithdrawn",
]  # fmt: skip


@ca.command(name="create")
def ca_create(
    name: Annotated[str, Parameter(help="What it is called: the account_id of vaults' issuers.")],
    *,
    data: Data = None,
    tenant: Tenant = None,
    key_type: Annotated[_KeyType | None, Parameter(help="What its keys are (default: P-256).")] = None,
    in_token: Annotated[
        bool, Parameter(negative="", help="Make its keys in the token (HSM), where they stay.")
    ] = False,
    subject: Annotated[
        str | None, Parameter(help='Its organisation, such as "O=Example, C=DE", without a common name.')
    ] = None,
    years: Annotated[int | None, Parameter(help="How long its root lives (default: 20).")] = None,
    permit: Annotated[
        tuple[str, ...], Parameter(help="Certify names in this DNS domain or IP network alone; may be repeated.")
    ] = (),
    profile: Annotated[tuple[_Profile, ...], Parameter(help="Issue by this profile alone; may be repeated.")] = (),
    json: Json = False,
) -> int:
    """Make a root and an issuing CA under it, for the vaults of one tenant."""
    from strongroom.cli import private_authorities as command  # noqa: PLC0415  each command loads what it needs

    wanted = {
        "name": name,
        "tenant": tenant,
        "keyType": key_type,
        "inToken": in_token,
        "subject": subject,
        "years": years,
        "permitted": list(permit),
        "profiles": list(profile),
    }
    return command.create(data, wanted, as_json=json)


@ca.command(name="list")
def ca_list(*, data: Data = None, json: Json = False) -> int:
    """Print every CA, how much it issued, and when it ends."""
    from strongroom.cli import private_authorities as command  # noqa: PLC0415  each command loads what it needs

    return command.show_all(data, as_json=json)


@ca.command(name="show")
def ca_show(name: Name, *, data: Data = None, tenant: Tenant = None, json: Json = False) -> int:
    """Print one CA with its root and its issuing CAs."""
    from strongroom.cli import private_authorities as command  # noqa: PLC0415  each command loads what it needs

    return command.show(data, name, tenant, as_json=json)


@ca.command(name="chain")
def ca_chain(
    name: Name,
    *,
    data: Data = None,
    tenant: Tenant = None,
    root: Annotated[bool, Parameter(negative="", help="The root alone, which is what clients trust.")] = False,
    json: Json = False,
) -> int:
    """Print a CA's certificates as PEM, the one that issues first."""
    from strongroom.cli import private_authorities as command  # noqa: PLC0415  each command loads what it needs

    return command.chain(data, name, tenant, root_only=root, as_json=json)


@ca.command(name="issued")
def ca_issued(name: Name, *, data: Data = None, tenant: Tenant = None, json: Json = False) -> int:
    """Print what a CA issued, the newest first, with serial numbers and what became of it."""
    from strongroom.cli import private_authorities as command  # noqa: PLC0415  each command loads what it needs

    return command.issued(data, name, tenant, as_json=json)


@ca.command(name="revoke")
def ca_revoke(
    certificate: Annotated[str, Parameter(help="Its serial number in hexadecimal, or VAULT/CERTIFICATE[/VERSION].")],
    *,
    data: Data = None,
    tenant: Tenant = None,
    reason: Annotated[_Reason | None, Parameter(help="Why (default: unspecified).")] = None,
    json: Json = False,
) -> int:
    """Revoke a certificate, for ever: the CA's list and its OCSP answers say so from now on."""
    from strongroom.cli import private_authorities as command  # noqa: PLC0415  each command loads what it needs

    return command.revoke(data, certificate, tenant, reason, as_json=json)


@ca.command(name="renew")
def ca_renew(
    name: Name,
    *,
    data: Data = None,
    tenant: Tenant = None,
    revoke: Annotated[
        bool, Parameter(negative="", help="Revoke the issuing CAs before it: nothing that they issued counts any more.")
    ] = False,
    json: Json = False,
) -> int:
    """Give a CA another issuing CA now; by itself that happens when two thirds of its life are over."""
    from strongroom.cli import private_authorities as command  # noqa: PLC0415  each command loads what it needs

    return command.renew(data, name, tenant, revoke_old=revoke, as_json=json)


@ca.command(name="remove")
def ca_remove(
    name: Name,
    *,
    data: Data = None,
    tenant: Tenant = None,
    force: Annotated[
        bool,
        Parameter(
            negative="", help="Even if something that it issued has not expired: nobody can revoke it then, or ask."
        ),
    ] = False,
    json: Json = False,
) -> int:
    """Remove a CA with its keys, for ever."""
    from strongroom.cli import private_authorities as command  # noqa: PLC0415  each command loads what it needs

    return command.remove(data, name, tenant, force=force, as_json=json)
