"""
The kinds of endpoint, one row each: what a request looks like, how it names an identity, and what the answer has.

Sources: reference clients.md sections 1.3 and 2, and the libraries' own readers of the answers; choices where they are
silent are in ADR 0014. Service Fabric is no row: its clients pin a certificate by SHA-1, over TLS of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from strongroom.core.identity import ServicePrincipal
from strongroom.directory.tokens import AccessToken
from strongroom.managed_identity.wire import AppServiceToken, CloudShellToken, MetadataToken

_VERSION = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}", re.ASCII)
_SERVICE_FABRIC = "2019-07-01-preview"


@dataclass(frozen=True, slots=True)
class Issued:
    """A token, and what the answer says beside it. `named` is the parameter that named the identity, and its value."""

    token: AccessToken
    principal: ServicePrincipal
    resource: str
    named: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Kind:
    """
    One kind of endpoint.

    Attributes:
        name: what `strongroom run --endpoint` and the journal call it.
        versions: the api-versions it takes; none where its clients send none.
        newer: whether any later version is taken as well.
        header: where a run's secret stands, if in a header.
        metadata: whether the header `Metadata: true` is demanded.
        client_id, object_id, resource_id: the parameters that may name the identity.
        answer: makes the body of the answer.
    """

    name: str
    versions: tuple[str, ...]
    client_id: tuple[str, ...]
    answer: Callable[[Issued], msgspec.Struct]
    newer: bool = False
    header: bytes | None = None
    metadata: bool = True
    object_id: tuple[str, ...] = ()
    resource_id: tuple[str, ...] = ()

    def takes(self, version: str | None) -> bool:
        """Tell whether it takes an api-version."""
        if not self.versions or version in self.versions:
            return True
        return self.newer and version is not None and bool(_VERSION.fullmatch(version)) and version > self.versions[0]

    def names(self, principal: ServicePrincipal) -> dict[str, str]:
        """Give the value that each parameter has which names *principal*."""
        return {
            **dict.fromkeys(self.client_id, principal.app_id),
            **dict.fromkeys(self.object_id, principal.id),
            **dict.fromkeys(self.resource_id, principal.resource_id or ""),
        }


def is_service_fabric(version: str | None) -> bool:
    """Tell whether a request is in the form that is not served."""
    return version == _SERVICE_FABRIC


def _app_service(issued: Issued) -> AppServiceToken:
    lifetime = issued.token.lifetime
    return AppServiceToken(
        access_token=issued.token.text,
        client_id=issued.principal.app_id,
        expires_on=str(lifetime.expires),
        not_before=str(lifetime.issued),
        resource=issued.resource,
    )


def _metadata(issued: Issued) -> MetadataToken:
    lifetime = issued.token.lifetime
    return MetadataToken(
        access_token=issued.token.text,
        client_id=issued.principal.app_id,
        expires_in=str(lifetime.expires_in),
        expires_on=str(lifetime.expires),
        ext_expires_in=str(lifetime.expires_in),
        not_before=str(lifetime.issued),
        resource=issued.resource,
    )


def _arc(issued: Issued) -> MetadataToken:
    """As `_metadata`, with the name by which the identity was asked for: clients take its absence for another one."""
    return msgspec.structs.replace(
        _metadata(issued),
        object_id=issued.named.get("object_id"),
        msi_res_id=issued.named.get("msi_res_id") or issued.named.get("mi_res_id"),
    )


def _cloud_shell(issued: Issued) -> CloudShellToken:
    lifetime = issued.token.lifetime
    return CloudShellToken(
        access_token=issued.token.text,
        refresh_token="",
        expires_in=str(lifetime.expires_in),
        expires_on=str(lifetime.expires),
        not_before=str(lifetime.issued),
        resource=issued.resource,
    )


_RESOURCE_IDS = ("msi_res_id", "mi_res_id")

APP_SERVICE = Kind(
    "app-service", ("2019-08-01",), ("client_id",), _app_service, header=b"x-identity-header", metadata=False,
    object_id=("object_id", "principal_id"), resource_id=("mi_res_id",),
)  # fmt: skip
AZURE_ML = Kind(
    "azure-ml", ("2017-09-01",), ("clientid", "client_id"), _app_service, header=b"secret", metadata=False,
)  # fmt: skip
"""Azure Machine Learning, and App Service before 2019-08-01: one form."""
IMDS = Kind(
    "imds", ("2018-02-01",), ("client_id",), _metadata, newer=True, object_id=("object_id",), resource_id=_RESOURCE_IDS,
)  # fmt: skip
ARC = Kind(
    "arc", ("2019-08-15",), ("client_id",), _arc, newer=True, object_id=("object_id",), resource_id=_RESOURCE_IDS,
)  # fmt: skip
CLOUD_SHELL = Kind("cloud-shell", (), (), _cloud_shell)

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (APP_SERVICE, AZURE_ML, IMDS, ARC, CLOUD_SHELL)}
"""Every kind that is served."""
HEADER_KINDS: tuple[Kind, ...] = tuple(kind for kind in KINDS.values() if kind.header is not None)
"""The kinds that share one path; the api-version tells which one is meant."""
