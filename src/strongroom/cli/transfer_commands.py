"""The grammar of `strongroom import` and `strongroom send`: see `commands`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from strongroom.cli.options import Data
from strongroom.cli.transfer.transfer import Terms

import_ = App(
    name="import",
    help="Bring secrets, with their versions and attributes, into a vault. Started again, it goes on where it ended.",
)
send = App(name="send", help="Send a vault's secrets elsewhere, with their versions and attributes: the way out.")

Vault = Annotated[str, Parameter(name="--vault", help="The vault of this instance.")]
Url = Annotated[str, Parameter(help="The vault of Azure: https://NAME.vault.azure.net.")]
NewestOnly = Annotated[bool, Parameter(name="--newest-only", negative="", help="Leave the older versions.")]
Add = Annotated[
    bool,
    Parameter(
        name="--add", negative="", help="Where the destination has another secret of that name, add the newest version."
    ),
]
Json = Annotated[bool, Parameter(name="--json", negative="", help="Print the report as one JSON object.")]
File = Annotated[Path, Parameter(help="The file.", allow_leading_hyphen=True)]
NewFile = Annotated[Path, Parameter(help="The file to make, for its owner alone.", allow_leading_hyphen=True)]


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Which:
    """Which secrets are taken, whether for a rehearsal only, and where the report goes."""

    only: Annotated[
        tuple[str, ...],
        Parameter(negative="", help="Take only secrets whose names match, as in 'app-*'; repeatable."),
    ] = ()
    dry_run: Annotated[bool, Parameter(negative="", help="Read and compare everything, and write nothing.")] = False
    report: Annotated[Path | None, Parameter(help="Write the report, which has no value, here too.")] = None

    def terms(self, *, newest_only: bool, add: bool = False) -> Terms:
        """Put them together with how versions are taken."""
        return Terms(self.dry_run, newest_only, add, self.only)


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class SignIn:
    """How to sign in to Azure."""

    credential: Annotated[
        str,
        Parameter(help="How to sign in to Azure: default, cli, browser, device-code, environment, managed-identity."),
    ] = "default"
    azure_tenant: Annotated[str | None, Parameter(help="The tenant in Azure, for cli and browser.")] = None


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Engine:
    """Which KV version 2 engine, and how to be let in."""

    address: Annotated[str | None, Parameter(help="Its address (default: what BAO_ADDR or VAULT_ADDR says).")] = None
    mount: Annotated[str, Parameter(help="Where the KV version 2 engine is mounted.")] = "secret"
    path: Annotated[str, Parameter(help="Only what is below this path.")] = ""
    token_file: Annotated[
        Path | None, Parameter(help="File with its token (default: what BAO_TOKEN or VAULT_TOKEN says).")
    ] = None
    ca_file: Annotated[Path | None, Parameter(help="The CA that its certificate is of.")] = None


_ALL, _BY_DEFAULT, _ITS_OWN = Which(), SignIn(), Engine()


@import_.command(name="azure")
def import_azure(
    url: Url,
    *,
    vault: Vault,
    data: Data = None,
    sign_in: SignIn = _BY_DEFAULT,
    which: Which = _ALL,
    newest_only: NewestOnly = False,
    add: Add = False,
    json: Json = False,
) -> int:
    """Bring secrets of a vault of Azure, with your own credential there: it takes list and get of its secrets."""
    from strongroom.cli.transfer import commands  # noqa: PLC0415  each command loads what it needs

    terms, told = which.terms(newest_only=newest_only, add=add), commands.Told(json, which.report)
    return commands.from_azure(url, sign_in.credential, sign_in.azure_tenant, (data, vault), terms, told)


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
    which: Which = _ALL,
    newest_only: NewestOnly = False,
    add: Add = False,
    json: Json = False,
) -> int:
    """Bring secrets of another vault, of this or another Strongroom."""
    from strongroom.cli.transfer import commands  # noqa: PLC0415  each command loads what it needs

    terms, told = which.terms(newest_only=newest_only, add=add), commands.Told(json, which.report)
    return commands.from_strongroom((from_data or data, source, from_account), (data, vault), terms, told)


@import_.command(name="openbao")
def import_openbao(
    *,
    vault: Vault,
    data: Data = None,
    engine: Engine = _ITS_OWN,
    whole: Annotated[
        bool, Parameter(name="--whole", negative="", help="Make one JSON secret of each path, not one of each field.")
    ] = False,
    which: Which = _ALL,
    newest_only: NewestOnly = False,
    add: Add = False,
    json: Json = False,
) -> int:
    """Bring what the KV version 2 engine of OpenBao or HashiCorp Vault has."""
    from strongroom.cli.transfer import commands  # noqa: PLC0415  each command loads what it needs

    terms, told = which.terms(newest_only=newest_only, add=add), commands.Told(json, which.report)
    kv = commands.Kv(engine.address, engine.mount, engine.path, engine.token_file, engine.ca_file)
    return commands.from_openbao(kv, whole=whole, into=(data, vault), terms=terms, told=told)


@import_.command(name="dotenv")
def import_dotenv(
    file: File, *, vault: Vault, data: Data = None, which: Which = _ALL, add: Add = False, json: Json = False
) -> int:
    """Bring the variables of a .env file; a name that no vault takes changes, and is kept in a tag."""
    from strongroom.cli.transfer import commands  # noqa: PLC0415  each command loads what it needs

    terms, told = which.terms(newest_only=True, add=add), commands.Told(json, which.report)
    return commands.from_file(file, "dotenv", (data, vault), terms, told)


@import_.command(name="json")
def import_json(
    file: File,
    *,
    vault: Vault,
    data: Data = None,
    which: Which = _ALL,
    newest_only: NewestOnly = False,
    add: Add = False,
    json: Json = False,
) -> int:
    """Bring the secrets of a file that `strongroom send json` made."""
    from strongroom.cli.transfer import commands  # noqa: PLC0415  each command loads what it needs

    terms, told = which.terms(newest_only=newest_only, add=add), commands.Told(json, which.report)
    return commands.from_file(file, "json", (data, vault), terms, told)


@send.command(name="azure")
def send_azure(
    url: Url,
    *,
    vault: Vault,
    data: Data = None,
    sign_in: SignIn = _BY_DEFAULT,
    which: Which = _ALL,
    newest_only: NewestOnly = False,
    add: Add = False,
    json: Json = False,
) -> int:
    """Send secrets to a vault of Azure, with your own credential there: it takes set, list and get of its secrets."""
    from strongroom.cli.transfer import commands  # noqa: PLC0415  each command loads what it needs

    terms, told = which.terms(newest_only=newest_only, add=add), commands.Told(json, which.report)
    return commands.to_azure((data, vault), url, sign_in.credential, sign_in.azure_tenant, terms, told)


@send.command(name="openbao")
def send_openbao(
    *,
    vault: Vault,
    data: Data = None,
    engine: Engine = _ITS_OWN,
    which: Which = _ALL,
    newest_only: NewestOnly = False,
    add: Add = False,
    json: Json = False,
) -> int:
    """Send secrets to the KV version 2 engine of OpenBao or HashiCorp Vault: a path each, with its attributes."""
    from strongroom.cli.transfer import commands  # noqa: PLC0415  each command loads what it needs

    terms, told = which.terms(newest_only=newest_only, add=add), commands.Told(json, which.report)
    kv = commands.Kv(engine.address, engine.mount, engine.path, engine.token_file, engine.ca_file)
    return commands.to_openbao((data, vault), kv, terms, told)


@send.command(name="dotenv")
def send_dotenv(file: NewFile, *, vault: Vault, data: Data = None, which: Which = _ALL, json: Json = False) -> int:
    """Write the newest value of every secret into a new .env file, in clear text."""
    from strongroom.cli.transfer import commands  # noqa: PLC0415  each command loads what it needs

    terms, told = which.terms(newest_only=True), commands.Told(json, which.report)
    return commands.to_file((data, vault), file, "dotenv", terms, told)


@send.command(name="json")
def send_json(
    file: NewFile,
    *,
    vault: Vault,
    data: Data = None,
    which: Which = _ALL,
    newest_only: NewestOnly = False,
    json: Json = False,
) -> int:
    """Write every version of every secret with its attributes into a new JSON file, in clear text."""
    from strongroom.cli.transfer import commands  # noqa: PLC0415  each command loads what it needs

    terms, told = which.terms(newest_only=newest_only), commands.Told(json, which.report)
    return commands.to_file((data, vault), file, "json", terms, told)
