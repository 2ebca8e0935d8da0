"""Trust: what on this machine would believe the instance's certificate. Nothing is installed anywhere: SEC-NAME-1."""

from __future__ import annotations

import shlex
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from strongroom.cli.doctor.finding import Finding, ok, problem, unknown, warning

HANDSHAKE_S = 5.0
VARIABLES: Mapping[str, str] = {
    # What a shell may say, and who listens to it.
    "SSL_CERT_FILE": "OpenSSL's programs, Python's ssl, Go and Ruby",
    "REQUESTS_CA_BUNDLE": "Python's requests, azure-cli and the official Python clients",
    "CURL_CA_BUNDLE": "curl",
    "NODE_EXTRA_CA_CERTS": "Node",
}


@dataclass(frozen=True, slots=True)
class Source:
    """A place that programs take their trust from."""

    name: str
    used_by: str
    file: Path | None = None
    directory: Path | None = None
    is_variable: bool = False


def sources(environment: Mapping[str, str]) -> list[Source]:
    """List the places that programs of this shell take their trust from; a variable that is not set has no file."""
    paths = ssl.get_default_verify_paths()
    system = Source(
        "system store",
        "programs that are told nothing else",
        _existing(paths.openssl_cafile),
        _existing(paths.openssl_capath),
    )
    found = [system, Source("certifi", "Python's requests and httpx", _certifi())]
    for name, used_by in VARIABLES.items():
        said = environment.get(name)
        path = Path(said) if said else None
        is_directory = path is not None and path.is_dir()
        found.append(
            Source(
                name,
                used_by,
                None if is_directory else path,
                path if is_directory else None,
                is_variable=True,
            )
        )
    return found


def _existing(name: str | None) -> Path | None:
    path = Path(name) if name else None
    return path if path is not None and path.exists() else None


def _certifi() -> Path | None:
    import certifi  # noqa: PLC0415  only here

    return _existing(certifi.where())


def context_of(source: Source) -> ssl.SSLContext:
    """
    Make what a client that trusts *source* alone verifies with.

    Raises:
        OSError: it cannot be read, or has no certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if source.file is not None or source.directory is not None:
        context.load_verify_locations(
            cafile=source.file and str(source.file), capath=source.directory and str(source.directory)
        )
    return context


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a client that trusts a source would believe the instance: None where that could not be tried."""

    believes: bool | None
    reason: str = ""


def try_handshake(context: ssl.SSLContext, address: tuple[str, int], name: str) -> Verdict:
    """Begin TLS with the running service as *name*, verify it, and hang up."""
    try:
        with (
            socket.create_connection(address, timeout=HANDSHAKE_S) as connection,
            context.wrap_socket(connection, server_hostname=name),
        ):
            return Verdict(believes=True)
    except ssl.SSLCertVerificationError as error:
        return Verdict(believes=False, reason=error.verify_message)
    except OSError as error:
        return Verdict(believes=None, reason=str(error.strerror or error))


def has_authority(context: ssl.SSLContext, authority: str) -> Verdict:
    """Tell whether the authority's certificate (PEM) is among what a client trusts, where no service can be asked."""
    der = ssl.PEM_cert_to_DER_cert(authority)
    return Verdict(believes=der in context.get_ca_certs(binary_form=True))


def ask_source(source: Source, ask: Callable[[ssl.SSLContext], Verdict]) -> Verdict:
    """Ask whether what trusts *source* alone believes the instance."""
    try:
        context = context_of(source)
    except OSError as error:
        return Verdict(believes=False, reason=f"cannot be read: {error.strerror or error}")
    return ask(context)


def judge_source(source: Source, verdict: Verdict, data: Path) -> Finding:
    """Judge one source. None has to trust the instance: a variable that somebody set and does not is worth a word."""
    check = f"trust: {source.name}"
    if source.is_variable and source.file is None and source.directory is None:
        return ok(check, f"not set in this shell ({source.used_by})")
    if verdict.believes is None:
        return unknown(check, f"no handshake was possible: {verdict.reason}", "restart the service")
    if verdict.believes:
        return ok(check, f"trusts this instance ({source.used_by})")
    reason = f": {verdict.reason}" if verdict.reason else ""
    if source.is_variable:
        return warning(
            check,
            f"set in this shell, and does not trust this instance{reason} ({source.used_by})",
            f'eval "$(strongroom env --data {shlex.quote(str(data))})"',
        )
    return ok(
        check,
        f"does not know this instance's authority, which no command installs ({source.used_by} need `strongroom run`,"
        " or the variables of `strongroom env`)",
    )


def judge_authority(ca_file: Path, verdict: Verdict) -> Finding:
    """Judge whether the running service is what its own ca.pem vouches for."""
    check = "trust: ca.pem"
    if verdict.believes:
        return ok(check, f"verifies the running service; give it to clients: {ca_file}")
    if verdict.believes is None:
        return problem(check, f"no handshake was possible: {verdict.reason}", "restart the service")
    return problem(
        check,
        f"does not verify the running service: {verdict.reason}",
        "restart the service: it writes ca.pem anew and issues what does not fit",
    )
