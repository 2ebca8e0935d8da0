"""The grammar of `strongroom import` and `strongroom send`: see `commands`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from strongroom.cli.options import Data

import_ = App(
    name="import",
    help="Bring secrets, with their versions and attributes, into a vault. Started again, it goes on where it ended.",
)
send = App(name="send", help="Send a vault's secrets elsewhere, with their versions and attributes: the way out.")

Vault = Annotated[str, Parameter(name="--vault", help="The vault of this instance.")]
Url = Annotated[str, Parameter(help="The vault of Azure: https://NAME.vault.azure.net.")]
DryRun = Annotated[
    bool, Parameter(name="--dry-run", negative="", help="Read and compare everything, and write nothing.")
]
NewestOnly = Annotated[bool, Parameter(name="--newest-only", negative="", help="Leave the older versions.")]
Add = Annotated[
    bool,
    Parameter(
        name="--add", negative="", help="Where the destination has another secret of that name, add the newest version."
    ),
]
Only = Annotated[
    list[str] | None, Parameter(name="--only", help="Take only secrets whose names match, as in 'app-*'; repeatable.")
]
Credential = Annotated[
    str,
    Parameter(
        name="--credential",
        help="How to sign in to Azure: default, cli, browser, device-code, environment, managed-identity.",
    ),
]
AzureTenant = Annotated[str | None, Parameter(name="--azure-tenant", help="The tenant in Azure, for cli and browser.")]
ReportFile = Annotated[Path | None, Parameter(name="--report", help="Write the report, which has no value, here too.")]
Json = Annotated[bool, Parameter(name="--json", negative="", help="Print the report as one JSON object.")]
Address = Annotated[
    str | None, Parameter(name="--address", help="Its address (default: what BAO_ADDR or VAULT_ADDR says).")
]
Mount = Annotated[str, Parameter(name="--mount", help="Where the KV version 2 engine is mounted.")]
Below = Annotated[str, Parameter(name="--path", help="Only what is below this path.")]
TokenFile = Annotated[
    Path | None,
    Parameter(name="--token-file", help="File with its token (default: what BAO_TOKEN or VAULT_TOKEN says)."),
]
CaFile = Annotated[Path | None, Parameter(name="--ca-file", help="The CA that its certificate is of.")]
File = Annotated[Path, Parameter(help="The file.", allow_leading_hyphen=True)]
NewFile = Annotated[Path, Parameter(help="The file to make, for its owner alone.", allow_leading_hyphen=True)]


@import_.command(name="azure")
def import_azure(
    url: Url,
    *,
    vault: Vault,
    data: Data = None,
    credential: Credential = "default",
    azure_tenant: AzureTenant = None,
    only: Only = None,
    newest_only: NewestOnly = False,
    add: Add = False,
    dry_run: DryRun = False,
    report: ReportFile = None,
    json: Json = False,
) -> int:
    """Bring secrets of a vault of Azure, with your own credential there: it takes list and get of its secrets."""
    from strongroom.cli.transfer import commands  # noqa: PLC0415  each command loads what it needs
    from strongroom.cli.transfer.transfer import Terms  # noqa: PLC0415  as above

    terms = Terms(dry_run, newest_only, add, tuple(only or ()))
    return commands.from_azure(url, credential, azure_tenant, (data, vault), terms, commands.Told(json, report))


@import_.command(name="strongroom")
def import_strongroom(
    source: Annotated[str, Parameter(help="The vault to take secrets from.")],
    *,
    vault: Vault,
    from_data: Annotated[
        Path | None, Parameter(name="--from-data", help="Data directory of its instance (default: what --data says).")
    ] = None,
    from_account: Annotated[
        str | None, Parameter(name="--from-account", help="Who to be there: an account of `strongroom account list`.")
    ] = None,
    data: Data = None,
    only: Only = None,
    newest_only: NewestOnly = False,
    add: Add = False,
    dry_run: DryRun = False,
    report: ReportFile = None,
    json: Json = False,
) -> int:
    """Bring secrets of another vault, of this or another Strongroom."""
    from strongroom.cli.transfer import commands  # noqa: PLC0415  each command loads what it needs
    from strongroom.cli.transfer.transfer import Terms  # noqa: PLC0415  as above

    terms = Terms(dry_run, newest_only, add, tuple(only or ()))
    origin = (from_data or data, source, from_account)
    return commands.from_strongroom(origin, (data, vault), terms, commands.Told(json, report))


@import_.command(name="openbao")
def import_openbao(
    *,
    vault: Vault,
    data: Data = None,
    address: Address = None,
    mount: Mount = "secret",
    path: Below = "",
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    whole: Annotated[
        bool, Parameter(name="--whole", negative="", help="Make one JSON secret of each path, not one of each field.")
    ] = False,
    only: Only = None,
    newest_only: NewestOnly = False,
    add: Add = False,
    dry_run: DryRun = False,
    report: ReportFile = None,
    json: Json = False,
) -> int:
    """Bring what the KV version 2 engine of OpenBao or HashiCorp Vault has."""
    from strongroom.cli.transfer import commands  # noqa: PLC0415  each command loads what it needs
    from strongroom.cli.transfer.transfer import Terms  # noqa: PLC0415  as above

    terms = Terms(dry_run, newest_only, add, tuple(only or ()))
    engine = commands.Kv(address, mount, path, token_file, ca_file)
    return commands.from_openbao(engine, whole=whole, into=(data, vault), terms=terms, told=commands.Told(json, report))


@import_.command(name="dotenv")
def import_dotenv(
    file: File,
    *,
    vault: Vault,
    data: Data = None,
    only: Only = None,
    add: Add = False,
    dry_run: DryRun = False,
    report: ReportFile = None,
    json: Json = False,
) -> int:
    """Bring the variables of a .env file; a name that no vault takes changes, and is kept in a tag."""
    from strongroom.cli.transfer import commands  # noqa: PLC0415  each command loads what it needs
    from strongroom.cli.transfer.transfer import Terms  # noqa: PLC0415  as above

    terms = Terms(dry_run, newest_only=True, add=add, only=tuple(only or ()))
    return commands.from_file(file, "dotenv", (data, vault), terms, commands.Told(json, report))


@import_.command(name="json")
def import_json(
    file: File,
    *,
    vault: Vault,
    data: Data = None,
    only: Only = None,
    newest_only: NewestOnly = False,
    add: Add = False,
    dry_run: DryRun = False,
    report: ReportFile = None,
    json: Json = False,
) -> int:
    """Bring the secrets of a file that `strongroom send json` made."""
    from strongroom.cli.transfer import commands  # noqa: PLC0415  each command loads what it needs
    from strongroom.cli.transfer.transfer import Terms  # noqa: PLC0415  as above

    terms = Terms(dry_run, newest_only, add, tuple(only or ()))
    return commands.from_file(file, "json", (data, vault), terms, commands.Told(json, report))


@send.command(name="azure")
def send_azure(
    url: Url,
    *,
    vault: Vault,
    data: Data = None,
    credential: Credential = "default",
    azure_tenant: AzureTenant = None,
    only: Only = None,
    newest_only: NewestOnly = False,
    add: Add = False,
    dry_run: DryRun = False,
    report: ReportFile = None,
    json: Json = False,
) -> int:
    """Send secrets to a vault of Azure, with your own credential there: it takes set, list and get of its secrets."""
    from strongroom.cli.transfer import commands  # noqa: PLC0415  each command loads what it needs
    from strongroom.cli.transfer.transfer import Terms  # noqa: PLC0415  as above

    terms = Terms(dry_run, newest_only, add, tuple(only or ()))
    return commands.to_azure((data, vault), url, credential, azure_tenant, terms, commands.Told(json, report))


@send.command(name="openbao")
def send_openbao(
    *,
    vault: Vault,
    data: Data = None,
    address: Address = None,
    mount: Mount = "secret",
    path: Below = "",
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    only: Only = None,
    newest_only: NewestOnly = False,
    add: Add = False,
    dry_run: DryRun = False,
    report: ReportFile = None,
    json: Json = False,
) -> int:
    """Send secrets to the KV version 2 engine of OpenBao or HashiCorp Vault: a path each, with its attributes."""
    from strongroom.cli.transfer import commands  # noqa: PLC0415  each command loads what it needs
    from strongroom.cli.transfer.transfer import Terms  # noqa: PLC0415  as above

    terms = Terms(dry_run, newest_only, add, tuple(only or ()))
    engine = commands.Kv(address, mount, path, token_file, ca_file)
    return commands.to_openbao((data, vault), engine, terms, commands.Told(json, report))


@send.command(name="dotenv")
def send_dotenv(
    file: NewFile,
    *,
    vault: Vault,
    data: Data = None,
    only: Only = None,
    dry_run: DryRun = False,
    report: ReportFile = None,
    json: Json = False,
) -> int:
    """Write the newest value of every secret into a new .env file, in clear text."""
    from strongroom.cli.transfer import commands  # noqa: PLC0415  each command loads what it needs
    from strongroom.cli.transfer.transfer import Terms  # noqa: PLC0415  as above

    terms = Terms(dry_run, newest_only=True, only=tuple(only or ()))
    return commands.to_file((data, vault), file, "dotenv", terms, commands.Told(json, report))


@send.command(name="json")
def send_json(
    file: NewFile,
    *,
    vault: Vault,
    data: Data = None,
    only: Only = None,
    newest_only: NewestOnly = False,
    dry_run: DryRun = False,
    report: ReportFile = None,
    json: Json = False,
) -> int:
    """Write every version of every secret with its attributes into a new JSON file, in clear text."""
    from strongroom.cli.transfer import commands  # noqa: PLC0415  each command loads what it needs
    from strongroom.cli.transfer.transfer import Terms  # noqa: PLC0415  as above

    terms = Terms(dry_run, newest_only, only=tuple(only or ()))
    return commands.to_file((data, vault), file, "json", terms, commands.Told(json, report))
