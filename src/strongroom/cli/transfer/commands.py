"""What `strongroom import` and `strongroom send` do: make both ends, transfer, tell."""

from __future__ import annotations

import json
import os
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.remote.accounts import Account, read_accounts
from strongroom.cli.remote.output import print_json, progress, show
from strongroom.cli.remote.session import Refused, Session, open_account, open_session
from strongroom.cli.text import one_line
from strongroom.cli.transfer import azure
from strongroom.cli.transfer.files import DotenvFile, FileFault, JsonFile, read_dotenv, read_json
from strongroom.cli.transfer.key_vault import VaultSecrets
from strongroom.cli.transfer.openbao import KvClient, KvDestination, KvSecrets, require_address
from strongroom.cli.transfer.report import Outcome, Report
from strongroom.cli.transfer.transfer import Destination, Source, Terms, TransferEnded, transfer

_ADDRESS_VARIABLES, _TOKEN_VARIABLES = ("BAO_ADDR", "VAULT_ADDR"), ("BAO_TOKEN", "VAULT_TOKEN")
_CA_VARIABLES, _NAMESPACE_VARIABLES = ("BAO_CACERT", "VAULT_CACERT"), ("BAO_NAMESPACE", "VAULT_NAMESPACE")


@dataclass(frozen=True, slots=True)
class Told:
    """How to tell what was done."""

    as_json: bool = False
    report: Path | None = None


@dataclass(frozen=True, slots=True)
class Kv:
    """Which KV engine of OpenBao, and with what token; None is what the engine's own variables say."""

    address: str | None
    mount: str
    below: str
    token_file: Path | None
    ca_file: Path | None


class SessionVault:
    """A vault of a Strongroom, asked with the operator's own token (`key_vault.VaultApi`)."""

    def __init__(self, session: Session, vault: str) -> None:
        self._session = session
        self._vault = vault

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Ask for something below the vault's URI."""
        try:
            return self._session.vault(self._vault, method, f"/{path}", body)
        except Refused:
            raise
        except Halt as halt:
            raise TransferEnded(str(halt)) from None

    def pages(self, path: str) -> Iterator[dict[str, Any]]:
        """Go through a list to its end."""
        try:
            yield from self._session.vault_pages(self._vault, f"/{path}")
        except Refused:
            raise
        except Halt as halt:
            raise TransferEnded(str(halt)) from None


def _remembered(name: str) -> Account:
    account = read_accounts().find(name)
    if account is None:
        raise Halt(f"no account is remembered as {name!r}: `strongroom account list` shows them", Exit.USAGE)
    return account


@contextmanager
def own_vault(data: Path | None, vault: str, account: str | None = None) -> Iterator[VaultSecrets]:
    """Open a vault of a Strongroom; with *account*, as the one that is remembered by that name."""
    with open_session(data) if account is None else open_account(_remembered(account)) as session:
        yield VaultSecrets(f"the vault {vault}", SessionVault(session, vault))


@contextmanager
def azure_vault(url: str, credential: str, tenant: str | None) -> Iterator[VaultSecrets]:
    """
    Open a vault of Azure.

    Raises:
        Halt: it is no URL of one, or there is no such way to sign in.
    """
    if credential not in azure.CREDENTIALS:
        raise Halt(f"no such credential: it is one of {', '.join(azure.CREDENTIALS)}", Exit.USAGE)
    try:
        base = azure.vault_base(url)
    except azure.NoAzureVault as fault:
        raise Halt(str(fault), Exit.USAGE) from None
    with azure.make_client() as client:
        yield VaultSecrets(base, azure.AzureVault(base, azure.CREDENTIALS[credential](tenant), client))


@contextmanager
def kv(engine: Kv) -> Iterator[KvClient]:
    """
    Open a KV engine, with the address and the token that its own variables name unless told otherwise.

    Raises:
        Halt: there is no address or token, the address is no HTTPS, or a file cannot be used.
    """
    address = engine.address or _variable(_ADDRESS_VARIABLES)
    if address is None:
        raise Halt(f"no address: give --address, or set {' or '.join(_ADDRESS_VARIABLES)}", Exit.USAGE)
    ca_file = engine.ca_file or _variable(_CA_VARIABLES)
    try:
        token = engine.token_file.read_text("utf-8").strip() if engine.token_file else _variable(_TOKEN_VARIABLES)
        context = ssl.create_default_context(cafile=str(ca_file)) if ca_file else ssl.create_default_context()
        checked = require_address(address)
    except ValueError as fault:
        raise Halt(str(fault), Exit.USAGE) from None
    except OSError as fault:
        raise Halt(f"{fault.filename or ca_file} cannot be used: {fault.strerror or fault}") from None
    if not token:
        raise Halt(f"no token: give --token-file, or set {' or '.join(_TOKEN_VARIABLES)}", Exit.USAGE)
    # A proxy of the environment would be sent the token in the clear where there is no TLS.
    with httpx.Client(verify=context, follow_redirects=False, trust_env=checked.startswith("https:")) as client:
        yield KvClient(checked, engine.mount, token, client, _variable(_NAMESPACE_VARIABLES))


def from_azure(
    url: str, credential: str, tenant: str | None, into: tuple[Path | None, str], terms: Terms, told: Told
) -> int:
    """Bring secrets of a vault of Azure into one of ours."""
    with azure_vault(url, credential, tenant) as source, own_vault(*into) as destination:
        return _transfer(source, destination, terms, told)


def from_strongroom(
    origin: tuple[Path | None, str, str | None], into: tuple[Path | None, str], terms: Terms, told: Told
) -> int:
    """Bring secrets of a vault of this or another Strongroom into one of ours."""
    if origin == (*into, None):
        raise Halt("a vault is not copied into itself", Exit.USAGE)
    with own_vault(*origin) as source, own_vault(*into) as destination:
        return _transfer(source, destination, terms, told)


def from_openbao(engine: Kv, *, whole: bool, into: tuple[Path | None, str], terms: Terms, told: Told) -> int:
    """Bring secrets of a KV engine into a vault."""
    with kv(engine) as client, own_vault(*into) as destination:
        return _transfer(KvSecrets(client, engine.below, whole=whole), destination, terms, told)


def from_file(file: Path, form: str, into: tuple[Path | None, str], terms: Terms, told: Told) -> int:
    """Bring the secrets of a `.env` or JSON file into a vault."""
    try:
        source = read_dotenv(file) if form == "dotenv" else read_json(file)
    except FileFault as fault:
        raise Halt(str(fault)) from None
    except OSError as fault:
        raise Halt(f"{file} cannot be read: {fault.strerror}") from None
    with own_vault(*into) as destination:
        return _transfer(source, destination, terms, told)


def to_azure(
    origin: tuple[Path | None, str], url: str, credential: str, tenant: str | None, terms: Terms, told: Told
) -> int:
    """Send secrets of a vault to one of Azure."""
    with own_vault(*origin) as source, azure_vault(url, credential, tenant) as destination:
        return _transfer(source, destination, terms, told)


def to_openbao(origin: tuple[Path | None, str], engine: Kv, terms: Terms, told: Told) -> int:
    """Send secrets of a vault to a KV engine."""
    with own_vault(*origin) as source, kv(engine) as client:
        return _transfer(source, KvDestination(client, engine.below), terms, told)


def to_file(origin: tuple[Path | None, str], file: Path, form: str, terms: Terms, told: Told) -> int:
    """Send secrets of a vault to a new file."""
    if file.exists():
        raise Halt(f"{file} is there already, and is not written over")
    destination: Destination = DotenvFile(file) if form == "dotenv" else JsonFile(file)
    with own_vault(*origin) as source:
        return _transfer(source, destination, terms, told)


def _transfer(source: Source, destination: Destination, terms: Terms, told: Told) -> int:
    with progress(f"secrets of {source.title}") as advance:
        report = transfer(source, destination, terms, advance)
    _tell(report, told)
    return Exit.FAILED if report.troubled else Exit.OK


def _tell(report: Report, told: Told) -> None:
    # What was done is told even where the file cannot be written.
    _show(report, as_json=told.as_json)
    if told.report is None:
        return
    try:
        handle = os.open(told.report, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(report.document(), stream, indent=2)
    except OSError as fault:
        raise Halt(f"the report {told.report} cannot be written: {fault.strerror}") from None


def _show(report: Report, *, as_json: bool) -> None:
    if as_json:
        print_json(report.document())
        return
    lines = [line for line in report.lines if line.outcome is not Outcome.UNCHANGED]
    if lines:
        show(
            [
                {
                    "source": line.original,
                    "name": line.name,
                    "outcome": line.outcome.value,
                    "versions": line.versions,
                    "reason": line.reason,
                }
                for line in lines
            ],
            {title: title for title in ("source", "name", "outcome", "versions", "reason")},
            as_json=False,
        )
    for note in report.notes:
        print(one_line(note))
    counts = ", ".join(f"{report.count(outcome)} {outcome.value}" for outcome in Outcome if report.count(outcome))
    would = "would be: " if report.rehearsal else ""
    print(f"{would}{counts or 'nothing to do'}")
    if any(line.outcome is Outcome.NOT_TRIED for line in report.lines):
        print("Run it again to go on: what is there already is not written again.", file=sys.stderr)


def _variable(names: tuple[str, ...]) -> str | None:
    return next((value for name in names if (value := os.environ.get(name))), None)
