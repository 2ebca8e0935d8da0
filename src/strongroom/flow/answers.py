"""What every answer carries, whatever it says (reference azure-key-vault.md section 1.7)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import lru_cache

from strongroom import __version__
from strongroom.core.limits import ADDRESS_MEMO_ENTRIES
from strongroom.core.network import PLAIN_LINKS, Connection, Link
from strongroom.flow.trace import Trace
from strongroom.flow.world import World
from strongroom.http.message import Header, Response
from strongroom.http.problems import GRAPH, KEY_VAULT, Moment

_SERVICE_VERSION = __version__.encode()

_COMMON: tuple[Header, ...] = (
    (b"cache-control", b"no-cache"),
    (b"pragma", b"no-cache"),
    (b"expires", b"-1"),
    (b"x-content-type-options", b"nosniff"),
    (b"strict-transport-security", b"max-age=31536000;includeSubDomains"),
)
_PLAIN: tuple[Header, ...] = tuple(header for header in _COMMON if header[0] != b"strict-transport-security")
"""Over plain HTTP nothing is said of HTTPS (RFC 6797 section 7.2): there may be none at that name."""

_VERSION: Header = (b"x-ms-keyvault-service-version", _SERVICE_VERSION)
_RBAC_CACHE: Header = (
    b"x-ms-keyvault-rbac-cache",
    b"ra_age=0;da_age=0;rd_age=0;brd_age=0;ra_notif_age=0;dec_lev=0;",
)


def moment_of(trace: Trace) -> Moment:
    """Gather what error bodies put beside the error."""
    connection = trace.connection
    stamp = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(trace.started))
    origin = trace.site.base_url if trace.site is not None else ""
    return Moment(connection.request_id, connection.client_request_id or connection.request_id, stamp, origin)


def complete(world: World, trace: Trace, response: Response) -> Response:
    """Add the headers that every answer has."""
    connection, headers, decision = trace.connection, response.headers, trace.decision
    standing = decision.headers if decision is not None else standing_headers(world, trace)
    if headers:
        present = {name for name, _ in headers}
        # A token's answer says `no-store` itself (RFC 6749 section 5.1).
        if b"expires" in present:
            # What says until when it is good is to be kept.
            present.add(b"pragma")
        headers.extend(header for header in standing if header[0] not in present)
        headers.append((b"x-ms-request-id", connection.request_id.encode()))
    else:
        response.headers = headers = [*standing, (b"x-ms-request-id", connection.request_id.encode())]
    if connection.client_request_id is not None:
        echo = connection.client_request_id.encode()
        headers += ((b"x-ms-client-request-id", echo), (b"client-request-id", echo))
    if trace.surface.dialect is GRAPH:
        # Graph's own names, which its SDKs tell of a failure: both are in each of its answers.
        headers.append((b"request-id", connection.request_id.encode()))
        if connection.client_request_id is None:
            headers.append((b"client-request-id", connection.request_id.encode()))
    return response


def standing_headers(world: World, trace: Trace) -> tuple[Header, ...]:
    """Make the headers that follow from what was decided, and are the same whenever that is."""
    if trace.surface.dialect is not KEY_VAULT:
        return _PLAIN if trace.connection.link in PLAIN_LINKS else _COMMON
    # By address as well as by name: the network-info header is the firewall's diagnostic.
    region = trace.vault.location if trace.vault is not None else world.settings.region
    named = (b"x-ms-keyvault-region", region.encode("ascii", "replace"))
    standing = (*_COMMON, named, _VERSION, _network_info(trace.connection))
    return (*standing, *_decided_by(trace))


def _decided_by(trace: Trace) -> Iterator[Header]:
    """Say by what the caller was let in and what it has its right from; Azure's answers tell the assignment alone."""
    permit, admission = trace.permit, trace.admission
    if permit is None or permit.assignment is None:
        # Whoever is refused is not told how the vault is guarded.
        return
    decided = permit.assignment.encode("ascii", "replace")
    if permit.model == "rbac":
        # The assignment's name alone, as in Azure; where it is, the journal says.
        yield b"x-ms-keyvault-rbac-assignment-id", decided.rpartition(b"/")[2]
        yield _RBAC_CACHE
    else:
        yield b"x-strongroom-access-policy", decided
    if admission is not None:
        yield b"x-strongroom-admitted-by", admission.rule.encode("ascii", "replace")


def _network_info(connection: Connection) -> Header:
    """Say how the connection came, as the official diagnostic shows it."""
    if connection.link is not Link.PRIVATE_ENDPOINT:
        return _public_network_info(connection.address)
    # The family is the real service's own, whatever the address is.
    info = (
        f"conn_type=PrivateLink;private_endpoint={connection.endpoint};addr={connection.address};"
        "act_addr_fam=InterNetworkV6;"
    )
    return b"x-ms-keyvault-network-info", info.encode("ascii", "replace")


@lru_cache(maxsize=ADDRESS_MEMO_ENTRIES)
def _public_network_info(address: str) -> Header:
    kind, family = ("Ipv6", "InterNetworkV6") if ":" in address else ("Ipv4", "InterNetwork")
    return b"x-ms-keyvault-network-info", f"conn_type={kind};addr={address};act_addr_fam={family};".encode()
