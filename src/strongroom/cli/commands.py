"""
The command line's grammar, for every command but `serve`, which parses its own.

Cyclopts reads the signatures below; what a command does is in the module of its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter

from strongroom import __version__
from strongroom.cli.acme_commands import acme
from strongroom.cli.application_commands import app
from strongroom.cli.audit_commands import audit_list
from strongroom.cli.audit_sinks_commands import audit_sinks
from strongroom.cli.completion_commands import completion
from strongroom.cli.container_commands import resource_group, subscription
from strongroom.cli.doctor_commands import doctor
from strongroom.cli.explain_commands import explain, who_can
from strongroom.cli.group_commands import group
from strongroom.cli.help_groups import arrange
from strongroom.cli.identity_commands import identity
from strongroom.cli.identity_provider_commands import identity_provider
from strongroom.cli.jobs_commands import jobs
from strongroom.cli.key_commands import key
from strongroom.cli.login_commands import account, login, logout, whoami
from strongroom.cli.network_commands import endpoint_listeners, network_maps
from strongroom.cli.network_rule_commands import network_rule
from strongroom.cli.options import Data, Json, Tenant
from strongroom.cli.outcome import Exit
from strongroom.cli.policy_commands import access_policies, policy
from strongroom.cli.private_authorities_commands import ca
from strongroom.cli.release_authorities_commands import release_authorities
from strongroom.cli.role_commands import role
from strongroom.cli.secret_commands import secret
from strongroom.cli.seed_commands import apply, export
from strongroom.cli.service_principal_commands import sp
from strongroom.cli.transfer_commands import import_, send
from strongroom.cli.trusted_services_commands import trusted_services
from strongroom.cli.user_commands import user
from strongroom.cli.vault_commands import vault

Identity = Annotated[
    str | None,
    Parameter(
        name="--identity", help="Managed identity to be, by name, ARM id or client id (default: the one named default)."
    ),
]
ServicePrincipal = Annotated[
    bool,
    Parameter(
        name="--service-principal", negative="", help="Add a service principal's variables, made for this alone."
    ),
]
Endpoint = Annotated[
    str,
    Parameter(
        name="--endpoint",
        help="How the managed identity is offered: app-service, imds, arc, cloud-shell, azure-ml, workload-identity.",
    ),
]
NamedTenant = Annotated[str, Parameter(help="The tenant, by id or one of its domains.")]

_EPILOGUE = (
    "Exit codes: 0 done; 1 failed, or a check found something; 2 wrong usage; 3 not initialised or not running;"
    " 4 not signed in, or without the right; 5 would change something."
)

application = App(
    name="strongroom",
    help="Azure Key Vault with its whole authentication system, on your own machines.",
    help_epilogue=_EPILOGUE,
    version=f"strongroom {__version__}",
    result_action="return_value",
)
audit = App(name="audit", help="Read and judge the audit journal.")
identity_maps = App(
    name="identity-maps", help="Which users, networks and sockets may be a managed identity without a secret."
)
issuers = App(
    name="issuers", help="List, trust and distrust outside issuers, whose tokens applications may sign in with."
)
signing_keys = App(name="signing-keys", help="List, roll over and revoke the keys that sign tokens.")
tenants = App(
    name="tenants", help="List the tenants of this instance, make one, change what one is called, remove one."
)


def dispatch(arguments: Sequence[str]) -> int:
    """
    Read a command line and do what it says.

    Raises:
        Halt: what was asked cannot be done.
    """
    try:
        code = application(list(arguments), exit_on_error=False, print_error=True)
    except CycloptsError:
        # It has been shown to the user, with what would be right.
        return Exit.USAGE
    # Help and the version give nothing.
    return int(code or Exit.OK)


@application.command
def init(
    *,
    data: Data = None,
    domain: Annotated[str | None, Parameter(help="DNS domain of its names (default: localhost).")] = None,
    port: Annotated[int | None, Parameter(help="Port of its URLs (default: 8443).")] = None,
    pkcs11_module: Annotated[Path | None, Parameter(help="Library of a token (HSM) for keys; wants its PIN.")] = None,
    pkcs11_pin_file: Annotated[Path | None, Parameter(help="File with the token's PIN, its owner's alone.")] = None,
    pkcs11_token: Annotated[str | None, Parameter(help="The token's label or serial number, of several.")] = None,
    pkcs11_root_key: Annotated[
        bool, Parameter(negative="", help="Have the token wrap the root key, which then opens with it alone.")
    ] = False,
    json: Json = False,
) -> int:
    """Make an instance in a data directory, and print its first secrets, once."""
    from strongroom.cli import init as command  # noqa: PLC0415  each command loads what it needs

    given = {
        "domain": domain,
        "port": port,
        "pkcs11_module": None if pkcs11_module is None else str(pkcs11_module.absolute()),
        "pkcs11_pin_file": None if pkcs11_pin_file is None else str(pkcs11_pin_file.absolute()),
        "pkcs11_token": pkcs11_token,
        "pkcs11_root_key": pkcs11_root_key or None,
    }
    return command.init(data, given, as_json=json)


@application.command
def serve() -> int:
    """Start the service; `strongroom serve --help` says more."""
    raise AssertionError("main sends serve to its own parser")


@application.command
def run(
    *program: Annotated[str, Parameter(help="The program and its arguments, after two dashes.")],
    data: Data = None,
    identity: Identity = None,
    service_principal: ServicePrincipal = False,
    endpoint: Endpoint = "app-service",
    quiet: Annotated[bool, Parameter(negative="", help="Do not say how to ask why a vault answered with 403.")] = False,
) -> int:
    """
    Run a program for which Azure's names are this instance: strongroom run -- PROGRAM ARGS.

    Its exit code is the program's, or 128 and the number of the signal that killed it.
    """
    from strongroom.cli import run as command  # noqa: PLC0415  each command loads what it needs

    return command.run(data, identity, program, service_principal=service_principal, endpoint=endpoint, quiet=quiet)


@application.command
def env(
    *,
    data: Data = None,
    identity: Identity = None,
    service_principal: ServicePrincipal = False,
    endpoint: Endpoint = "app-service",
    json: Json = False,
) -> int:
    """Print the variables by which a shell uses this instance under its own names: eval "$(strongroom env)"."""
    from strongroom.cli import env as command  # noqa: PLC0415  each command loads what it needs

    return command.env(data, identity, service_principal=service_principal, endpoint=endpoint, as_json=json)


@application.command(name="identity-token")
def identity_token(
    *,
    file: Annotated[Path, Parameter(help="Where the token file is to be.")],
    data: Data = None,
    identity: Identity = None,
) -> int:
    """Keep the token file of workload identity for a program that is started otherwise, until told to stop."""
    from strongroom.cli import identity_token as command  # noqa: PLC0415  each command loads what it needs

    return command.identity_token(data, identity, file)


@application.command
def hosts(
    *,
    data: Data = None,
    write: Annotated[bool, Parameter(negative="", help="Put them into the hosts file; needs root.")] = False,
    hosts_file: Annotated[Path, Parameter(show=False)] = Path("/etc/hosts"),
    json: Json = False,
) -> int:
    """Print the lines of a hosts file for this instance's own names."""
    from strongroom.cli import hosts as command  # noqa: PLC0415  each command loads what it needs

    return command.hosts(data, write=write, hosts_file=hosts_file, as_json=json)


@application.command
def recover(*, data: Data = None, tenant: Tenant = None, json: Json = False) -> int:
    """Make a new administrator where the last one was lost, and print its secret, once."""
    from strongroom.cli import recover as command  # noqa: PLC0415  each command loads what it needs

    return command.recover(data, tenant, as_json=json)


@application.command
def verify(*, data: Data = None, json: Json = False) -> int:
    """Check every row of the store against its seal."""
    from strongroom.cli import verify as command  # noqa: PLC0415  each command loads what it needs

    return command.verify(data, as_json=json)


@application.command
def version() -> int:
    """Print the version."""
    print(f"strongroom {__version__}")
    return Exit.OK


@audit.command(name="tail")
def audit_tail(
    *,
    data: Data = None,
    follow: Annotated[bool, Parameter(name=["--follow", "-f"], negative="", help="Go on with what comes.")] = False,
    lines: Annotated[int, Parameter(name=["--lines", "-n"], help="How many of the newest entries.")] = 10,
) -> int:
    """Print the newest entries, one JSON object a line."""
    from strongroom.cli import audit as command  # noqa: PLC0415  each command loads what it needs

    return command.tail(data, lines, follow=follow)


@audit.command(name="verify")
def audit_verify(
    *,
    data: Data = None,
    checkpoint: Annotated[Path | None, Parameter(help="A checkpoint that was kept elsewhere.")] = None,
    json: Json = False,
) -> int:
    """Check that no entry was altered, moved or taken out."""
    from strongroom.cli import audit as command  # noqa: PLC0415  each command loads what it needs

    return command.verify(data, checkpoint, as_json=json)


@audit.command(name="checkpoint")
def audit_checkpoint(*, data: Data = None) -> int:
    """Print the newest checkpoint, to be kept elsewhere: it finds a journal put back together with its store."""
    from strongroom.cli import audit as command  # noqa: PLC0415  each command loads what it needs

    return command.checkpoint(data)


@issuers.command(name="list")
def issuers_list(*, data: Data = None, json: Json = False) -> int:
    """Print every outside issuer that is trusted, and where its keys come from."""
    from strongroom.cli import issuers as command  # noqa: PLC0415  each command loads what it needs

    return command.show(data, as_json=json)


@issuers.command(name="add")
def issuers_add(
    issuer: Annotated[str, Parameter(help="The issuer, exactly as its tokens name it.")],
    *,
    data: Data = None,
    keys: Annotated[
        Path | None, Parameter(help="File with its key set (JWKS). Without it, the keys are fetched.")
    ] = None,
    json: Json = False,
) -> int:
    """Trust an issuer; again, to give other keys. Which of its subjects count is for each application to say."""
    from strongroom.cli import issuers as command  # noqa: PLC0415  each command loads what it needs

    return command.add(data, issuer, keys, as_json=json)


@issuers.command(name="remove")
def issuers_remove(
    issuer: Annotated[str, Parameter(help="The issuer, exactly as the list shows it.")],
    *,
    data: Data = None,
    json: Json = False,
) -> int:
    """Trust an issuer no longer, and end every token that its subjects were given."""
    from strongroom.cli import issuers as command  # noqa: PLC0415  each command loads what it needs

    return command.remove(data, issuer, as_json=json)


@signing_keys.command(name="list")
def signing_keys_list(*, data: Data = None, json: Json = False) -> int:
    """Print every key that tokens are trusted by: next, signs, or trusted for what it signed."""
    from strongroom.cli import signing_keys as command  # noqa: PLC0415  each command loads what it needs

    return command.show(data, as_json=json)


@signing_keys.command(name="roll")
def signing_keys_roll(*, data: Data = None, tenant: Tenant = None, json: Json = False) -> int:
    """Let the next key sign from now on; what the present one signed stays good."""
    from strongroom.cli import signing_keys as command  # noqa: PLC0415  each command loads what it needs

    return command.roll(data, tenant, as_json=json)


@signing_keys.command(name="revoke")
def signing_keys_revoke(
    kid: Annotated[str, Parameter(help="The key's id, as the list shows it.", allow_leading_hyphen=True)],
    *,
    data: Data = None,
    json: Json = False,
) -> int:
    """End a key at once, with every token that it signed: for one that is no longer only ours."""
    from strongroom.cli import signing_keys as command  # noqa: PLC0415  each command loads what it needs

    return command.revoke(data, kid, as_json=json)


@application.command(name="sign-in")
def sign_in(
    *,
    data: Data = None,
    tenant: Tenant = None,
    password_grant: Annotated[
        bool | None, Parameter(help="Whether clients may send a user's password: off by default.")
    ] = None,
    device_code: Annotated[
        bool | None, Parameter(help="Whether programs without a browser may sign users in: off by default.")
    ] = None,
    password_days: Annotated[
        int | None, Parameter(help="How many days a password is good that is set from now on; 0 for ever, the default.")
    ] = None,
    second_factor: Annotated[
        bool | None, Parameter(help="Whether everybody must have a second factor: off by default.")
    ] = None,
    json: Json = False,
) -> int:
    """Print what a tenant's users may sign in by, of what is off by default, and change it where something is said."""
    from strongroom.cli import sign_in as command  # noqa: PLC0415  each command loads what it needs

    wanted = {"passwordGrant": password_grant, "deviceCode": device_code, "passwordDays": password_days} | {
        "secondFactor": second_factor
    }
    return command.change(data, tenant, wanted, as_json=json)


@identity_maps.command(name="list")
def identity_maps_list(*, data: Data = None, json: Json = False) -> int:
    """Print every map; by default there is none."""
    from strongroom.cli import identity_maps as command  # noqa: PLC0415  each command loads what it needs

    return command.show(data, as_json=json)


@identity_maps.command(name="add")
def identity_maps_add(
    identity: Annotated[str, Parameter(help="The managed identity, by name, ARM id or client id.")],
    *,
    data: Data = None,
    user: Annotated[str | None, Parameter(help="A user of this machine, by name or number.")] = None,
    network: Annotated[str | None, Parameter(help="An IPv4 address or range of other machines.")] = None,
    socket: Annotated[
        Path | None, Parameter(help="A Unix socket to make, mode 0600: who can open it is the identity.")
    ] = None,
    owner: Annotated[
        str | None, Parameter(help="The user whose that socket is to be (default: the service's own).")
    ] = None,
    json: Json = False,
) -> int:
    """Let a user of this machine, a network, or whoever can open a socket, be a managed identity."""
    from strongroom.cli import identity_maps as command  # noqa: PLC0415  each command loads what it needs

    return command.add(data, identity, command.Source(user, network, socket, owner), as_json=json)


@identity_maps.command(name="remove")
def identity_maps_remove(
    map_id: Annotated[str, Parameter(help="The map's id, as the list shows it.")],
    *,
    data: Data = None,
    json: Json = False,
) -> int:
    """Remove a map, with every token that it made."""
    from strongroom.cli import identity_maps as command  # noqa: PLC0415  each command loads what it needs

    return command.remove(data, map_id, as_json=json)


@tenants.command(name="list")
def tenants_list(*, data: Data = None, json: Json = False) -> int:
    """Print every tenant: its id, its name and its domains, the default first."""
    from strongroom.cli import tenants as command  # noqa: PLC0415  each command loads what it needs

    return command.show(data, as_json=json)


@tenants.command(name="create")
def tenants_create(
    domain: Annotated[str, Parameter(help="Its domain, which no other tenant has.")],
    *,
    data: Data = None,
    name: Annotated[str | None, Parameter(help="Its display name (default: the domain).")] = None,
    user: Annotated[str, Parameter(help="What its first administrator is called before the @.")] = "admin",
    subscription: Annotated[
        bool, Parameter(negative="", help="Make a subscription as well, which the administrator owns.")
    ] = False,
    json: Json = False,
) -> int:
    """Make a tenant, and print its first administrator's password, once."""
    from strongroom.cli import tenants as command  # noqa: PLC0415  each command loads what it needs

    return command.create(data, domain, name=name, user=user, subscription=subscription, as_json=json)


@tenants.command(name="rename")
def tenants_rename(tenant: NamedTenant, name: str, *, data: Data = None, json: Json = False) -> int:
    """Give a tenant another display name."""
    from strongroom.cli import tenants as command  # noqa: PLC0415  each command loads what it needs

    return command.change(data, tenant, displayName=name, as_json=json)


@tenants.command(name="add-domain")
def tenants_add_domain(tenant: NamedTenant, domain: str, *, data: Data = None, json: Json = False) -> int:
    """Give a tenant another verified domain, for names of its users."""
    from strongroom.cli import tenants as command  # noqa: PLC0415  each command loads what it needs

    return command.change(data, tenant, addDomain=domain, as_json=json)


@tenants.command(name="remove-domain")
def tenants_remove_domain(tenant: NamedTenant, domain: str, *, data: Data = None, json: Json = False) -> int:
    """Take a domain from a tenant, if it is not the last and no name is in it."""
    from strongroom.cli import tenants as command  # noqa: PLC0415  each command loads what it needs

    return command.change(data, tenant, removeDomain=domain, as_json=json)


@tenants.command(name="remove")
def tenants_remove(tenant: NamedTenant, *, data: Data = None, json: Json = False) -> int:
    """Remove a tenant that has nothing but its last user, with every token of it."""
    from strongroom.cli import tenants as command  # noqa: PLC0415  each command loads what it needs

    return command.remove(data, tenant, as_json=json)


application.command(doctor)
application.command(login)
application.command(logout)
application.command(whoami)
application.command(account)
application.command(app)
application.command(sp)
application.command(user)
application.command(group)
application.command(identity)
application.command(role)
application.command(resource_group)
application.command(subscription)
application.command(vault)
application.command(network_rule)
application.command(secret)
application.command(key)
application.command(completion)
application.command(apply)
application.command(export)
application.command(explain)
application.command(who_can, name="who-can")
audit.command(audit_list, name="list")
application.command(audit)
application.command(identity_maps)
application.command(audit_sinks)
application.command(identity_provider)
application.command(policy)
application.command(access_policies)
application.command(issuers)
application.command(endpoint_listeners)
application.command(network_maps)
application.command(signing_keys)
application.command(jobs)
application.command(tenants)
application.command(import_)
application.command(send)
application.command(trusted_services)
application.command(release_authorities)
application.command(ca)
application.command(acme)
arrange(application)
