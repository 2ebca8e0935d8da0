"""
The kinds of managed identity endpoint that `run` and `env` can point a program at, and the variables of each.

One row a kind. The secret of a run stands where the kind's clients send something: in a header, in a file, or, where
they send nothing of the sort, in the path.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from strongroom.cli.control import RunGrant
from strongroom.cli.outcome import Exit, Halt
from strongroom.core.instance import ARC_PATH, CLOUD_SHELL_PATH, IDENTITY_PATH, RUN_PREFIX, arc_key_file
from strongroom.core.limits import RUN_MAX_S
from strongroom.crypto.private_files import create_private_file

DEFAULT_ENDPOINT = "app-service"
"""The one kind that every client can be pointed at."""
ARC = "arc"


def _app_service(grant: RunGrant) -> dict[str, str]:
    return {"IDENTITY_ENDPOINT": grant.identity_endpoint, "IDENTITY_HEADER": grant.identity_header}


def _imds(grant: RunGrant) -> dict[str, str]:
    return {"AZURE_POD_IDENTITY_AUTHORITY_HOST": _of_run(grant)}


def _arc(grant: RunGrant) -> dict[str, str]:
    origin = _origin(grant)
    return {"IDENTITY_ENDPOINT": origin + ARC_PATH.format(run=grant.run_id), "IMDS_ENDPOINT": origin}


def _cloud_shell(grant: RunGrant) -> dict[str, str]:
    return {"MSI_ENDPOINT": _of_run(grant) + CLOUD_SHELL_PATH}


def _azure_ml(grant: RunGrant) -> dict[str, str]:
    return {"MSI_ENDPOINT": grant.identity_endpoint, "MSI_SECRET": grant.identity_header}


ENDPOINTS: Mapping[str, Callable[[RunGrant], dict[str, str]]] = {
    DEFAULT_ENDPOINT: _app_service,
    "imds": _imds,
    ARC: _arc,
    "cloud-shell": _cloud_shell,
    "azure-ml": _azure_ml,
}
"""Every kind there is, and the variables that say so to a program."""


def require_endpoint(name: str) -> str:
    """
    Check the name of a kind.

    Raises:
        Halt: there is no such kind.
    """
    if name not in ENDPOINTS:
        why = " (its clients want TLS with a certificate pinned by SHA-1)" if name == "service-fabric" else ""
        raise Halt(f"there is no endpoint {name!r}{why}: use one of {', '.join(ENDPOINTS)}", Exit.USAGE)
    return name


def _origin(grant: RunGrant) -> str:
    return grant.identity_endpoint.removesuffix(IDENTITY_PATH)


def _of_run(grant: RunGrant) -> str:
    return f"{_origin(grant)}{RUN_PREFIX}/{grant.identity_header}"


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
        _remove_stale(path.parent)
        create_private_file(path, grant.identity_header.encode("ascii"))
    except OSError as error:
        raise Halt(
            f"the key file of Arc's clients cannot be written ({error.strerror}). They look for it in {path.parent}"
            f" alone: sudo install -d -m 0700 -o {os.geteuid()} {path.parent}"
        ) from None
    return path


def _remove_stale(folder: Path) -> None:
    """Remove the key files of this user's runs that are over by now, as a run that was killed leaves one."""
    for path in folder.glob(Path(arc_key_file(".", "*")).name):
        facts = path.lstat()
        if facts.st_uid == os.geteuid() and facts.st_mtime < time.time() - RUN_MAX_S:
            path.unlink(missing_ok=True)
