"""The grammar of `strongroom audit-sinks`: see `commands`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from strongroom.cli.options import Data, Json, Tenant

audit_sinks = App(
    name="audit-sinks",
    help="Folders and URLs that tenants' diagnostic settings may copy the audit to; by default there is none.",
)


@audit_sinks.command(name="list")
def audit_sinks_list(*, data: Data = None, json: Json = False) -> int:
    """Print every audit sink."""
    from strongroom.cli import audit_sinks as command  # noqa: PLC0415  each command loads what it needs

    return command.show(data, as_json=json)


@audit_sinks.command(name="add")
def audit_sinks_add(
    resource: Annotated[
        str,
        Parameter(
            help="The ARM id that settings name: of a storage account, an event hub namespace's authorization rule, a"
            " Log Analytics workspace or a partner's resource."
        ),
    ],
    *,
    folder: Annotated[Path | None, Parameter(help="The folder that blobs are written below.")] = None,
    url: Annotated[str | None, Parameter(help="The https URL that batches are posted to.")] = None,
    bearer_file: Annotated[
        Path | None, Parameter(help="A file of mode 0600 with the token that is sent to the URL.")
    ] = None,
    hmac_file: Annotated[
        Path | None, Parameter(help="A file of mode 0600 with the key that batches to the URL are signed with.")
    ] = None,
    data: Data = None,
    tenant: Tenant = None,
    json: Json = False,
) -> int:
    """Say what stands behind an ARM id, so that a tenant's diagnostic settings may name it."""
    from strongroom.cli import audit_sinks as command  # noqa: PLC0415  each command loads what it needs
    from strongroom.cli.outcome import Halt  # noqa: PLC0415  likewise

    if bearer_file is not None and hmac_file is not None:
        raise Halt("a sink has one proof: name --bearer-file or --hmac-file")
    credential = bearer_file or hmac_file
    proof = "none" if credential is None else "bearer" if bearer_file is not None else "hmac"
    wanted = {
        "resource": resource,
        "folder": str(folder.absolute()) if folder is not None else None,
        "url": url,
        "proof": proof,
        "credentialFile": str(credential.absolute()) if credential is not None else None,
        "tenant": tenant,
    }
    return command.add(data, wanted, as_json=json)


@audit_sinks.command(name="remove")
def audit_sinks_remove(
    sink: Annotated[str, Parameter(help="Its id, as the list shows it.")], *, data: Data = None
) -> int:
    """Send nothing more to an audit sink; what it has it keeps."""
    from strongroom.cli import audit_sinks as command  # noqa: PLC0415  each command loads what it needs

    return command.remove(data, sink)


@audit_sinks.command(name="status")
def audit_sinks_status(*, data: Data = None, json: Json = False) -> int:
    """Print how far behind the journal each audit sink is, and why it last failed."""
    from strongroom.cli import audit_sinks as command  # noqa: PLC0415  each command loads what it needs

    return command.status(data, as_json=json)
