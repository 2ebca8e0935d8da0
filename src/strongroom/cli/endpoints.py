"""
The kinds of managed identity endpoint that `run` and `env` can point a program at, and the variables of each.

One row a kind. The secret of a run stands where the kind's clients send something: in a header, in a file, or, where
they send nothing of the sort, in the path.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from strongroom.cli.control import RunGrant, issue_assertion
from strongroom.cli.instance import Instance
from strongroom.cli.outcome import Exit, Halt
from strongroom.core.instance import ARC_PATH, CLOUD_SHELL_PATH, IDENTITY_PATH, RUN_PREFIX, arc_key_file
from strongroom.core.limits import RUN_MAX_S
from strongroom.crypto.private_files import create_private_file, replace_private_file

DEFAULT_ENDPOINT = "app-service"
"""The one kind that every client can be pointed at."""
ARC = "arc"
WORKLOAD_IDENTITY = "workload-identity"
_TOKEN_FILE = "identity-token-"  # noqa: S105  what a name begins with, not a secret
_TRY_AGAIN_S = 30.0
_RENEW_MIN_S = 0.5


@dataclass(frozen=True, slots=True)
class Offer:
    """What a program is offered: a run's grant, and where it is to show its token file, if it gets one."""

    grant: RunGrant
    authority: str
    tenant: str
    folder: Path
    """The folder of the token file."""

    @property
    def token_file(self) -> Path:
        """The token file of workload identity."""
        return _token_file(self.folder, self.grant)


def _app_service(offer: Offer) -> dict[str, str]:
    grant = offer.grant
    return {"IDENTITY_ENDPOINT": grant.identity_endpoint, "IDENTITY_HEADER": grant.identity_header}


def _imds(offer: Offer) -> dict[str, str]:
    return {"AZURE_POD_IDENTITY_AUTHORITY_HOST": _of_run(offer.grant)}


def _arc(offer: Offer) -> dict[str, str]:
    origin = _origin(offer.grant)
    return {"IDENTITY_ENDPOINT": origin + ARC_PATH.format(run=offer.grant.run_id), "IMDS_ENDPOINT": origin}


def _cloud_shell(offer: Offer) -> dict[str, str]:
    return {"MSI_ENDPOINT": _of_run(offer.grant) + CLOUD_SHELL_PATH}


def _azure_ml(offer: Offer) -> dict[str, str]:
    grant = offer.grant
    return {
        "MSI_ENDPOINT": grant.identity_endpoint,
        "MSI_SECRET": grant.identity_header,
        # Without it the Go library names an identity with an empty id.
        "DEFAULT_IDENTITY_CLIENT_ID": grant.client_id,
    }


def _workload_identity(offer: Offer) -> dict[str, str]:
    return {
        "AZURE_AUTHORITY_HOST": offer.authority,
        "AZURE_TENANT_ID": offer.tenant,
        "AZURE_CLIENT_ID": offer.grant.client_id,
        "AZURE_FEDERATED_TOKEN_FILE": str(offer.token_file),
    }


ENDPOINTS: Mapping[str, Callable[[Offer], dict[str, str]]] = {
    DEFAULT_ENDPOINT: _app_service,
    "imds": _imds,
    ARC: _arc,
    "cloud-shell": _cloud_shell,
    "azure-ml": _azure_ml,
    WORKLOAD_IDENTITY: _workload_identity,
}
"""Every kind there is, and the variables that say so to a program."""


def require_endpoint(name: str, *, service_principal: bool = False) -> str:
    """
    Check the name of a kind.

    Raises:
        Halt: there is no such kind, or a service principal's variables are wanted that say the same thing otherwise.
    """
    if name == WORKLOAD_IDENTITY and service_principal:
        raise Halt(
            "--service-principal and --endpoint workload-identity both set AZURE_CLIENT_ID: choose one", Exit.USAGE
        )
    if name not in ENDPOINTS:
        why = " (its clients want TLS with a certificate pinned by SHA-1)" if name == "service-fabric" else ""
        raise Halt(f"there is no endpoint {name!r}{why}: use one of {', '.join(ENDPOINTS)}", Exit.USAGE)
    return name


def _origin(grant: RunGrant) -> str:
    return grant.identity_endpoint.removesuffix(IDENTITY_PATH)


def _of_run(grant: RunGrant) -> str:
    return f"{_origin(grant)}{RUN_PREFIX}/{grant.identity_header}"


@contextlib.asynccontextmanager
async def token_file(
    instance: Instance, grant: RunGrant, endpoint: str, folder: Path, say: Callable[[str], None]
) -> AsyncIterator[None]:
    """
    Have the token file of workload identity, renewed at half its life, as long as the block lasts.

    For other kinds, nothing.

    Raises:
        Halt: the service refuses.
    """
    if endpoint != WORKLOAD_IDENTITY:
        yield
        return
    ends = write_token_file(instance, grant, folder)
    renewing = asyncio.get_running_loop().create_task(_renew(instance, grant, folder, ends, say))
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)


def write_token_file(instance: Instance, grant: RunGrant, folder: Path, lifetime_s: int | None = None) -> int:
    """
    Write the token file of workload identity, whole or not at all, for this user alone; say when it ends.

    Raises:
        Halt: the service refuses.
    """
    assertion, ends = issue_assertion(instance, grant.run_id, lifetime_s)
    _remove_stale(folder, f"{_TOKEN_FILE}*")
    replace_private_file(_token_file(folder, grant), assertion.encode("ascii"))
    return ends


async def _renew(instance: Instance, grant: RunGrant, folder: Path, ends: int, say: Callable[[str], None]) -> None:
    while True:
        await asyncio.sleep(max(_RENEW_MIN_S, (ends - time.time()) / 2))
        try:
            ends = await asyncio.to_thread(write_token_file, instance, grant, folder)
        except (Halt, OSError) as fault:
            say(f"the token file could not be renewed, and its content ends at {ends}: {fault}")
            await asyncio.sleep(_TRY_AGAIN_S)


@contextlib.contextmanager
def key_file(grant: RunGrant, endpoint: str) -> Iterator[None]:
    """
    Have the key file of a run where Arc's clients look for it, as long as the block lasts; for other kinds, nothing.

    Raises:
        Halt: the folder cannot be written.
    """
    if endpoint != ARC:
        yield
        return
    path = write_key_file(grant)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def write_key_file(grant: RunGrant) -> Path:
    """
    Write the key file of a run, for this user alone.

    Raises:
        Halt: the folder cannot be written.
    """
    path = Path(arc_key_file(grant.arc_key_folder, grant.run_id))
    try:
        _remove_stale(path.parent, Path(arc_key_file(".", "*")).name)
        create_private_file(path, grant.identity_header.encode("ascii"))
    except OSError as error:
        raise Halt(
            f"the key file of Arc's clients cannot be written ({error.strerror}). They look for it in {path.parent}"
            f" alone: sudo install -d -m 0700 -o {os.geteuid()} {path.parent}"
        ) from None
    return path


def _token_file(folder: Path, grant: RunGrant) -> Path:
    """Name a run's token file: two shells may have one each in the same folder."""
    return folder / f"{_TOKEN_FILE}{grant.run_id}"


def _remove_stale(folder: Path, pattern: str) -> None:
    """Remove the files of this user's runs that are over by now: a run that was killed, and a shell, leave one."""
    for path in folder.glob(pattern):
        facts = path.lstat()
        if facts.st_uid == os.geteuid() and facts.st_mtime < time.time() - RUN_MAX_S:
            path.unlink(missing_ok=True)
