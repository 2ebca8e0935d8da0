"""
The form of an audit entry: Azure's `AuditEvent` record (reference azure-key-vault.md section 7).

Nothing reaches the journal but the typed fields of `Entry` and what `strongroom.journal.properties` lets through of a
handler's own. Of a request's query, the values that are known to be harmless stay and all others go.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Final

import msgspec

from strongroom.core import limits
from strongroom.core.echo import API_VERSION, REDACTED
from strongroom.core.identity import Caller, PrincipalType
from strongroom.journal.properties import TEXT_CHARS, clip, handlers_own

URI_CHARS = 2048
CORRELATION_CHARS = 128
ENTRY_BYTES = 192 * 1024
"""One whole record. What a handler adds is left out of a larger one, so that nothing is too large to be recorded."""
QUERY_PARAMETERS = 16

_TOO_LARGE = b""
"""A value that no property has the form of, so that its name stands among those left out."""

_OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
_UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"


class Identity(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """
    `identity.claim`: who a verified token said was calling, in the newer flat names and the two older ones.

    Of the reference's names those that our tokens have: none has `xms_az_rid` or `xms_az_nwperimid`.

    There is none for a request without a token or with one that did not verify: nothing that such a token claims is
    recorded as identity (security.md "The flow").
    """

    older_object_id: str | None = msgspec.field(default=None, name=_OBJECT_ID)
    older_upn: str | None = msgspec.field(default=None, name=_UPN)
    appid: str | None = None
    oid: str | None = None
    upn: str | None = None
    appidacr: str | None = None
    idtyp: str | None = None
    xms_mirid: str | None = None
    ipaddr: str | None = None
    unique_name: str | None = None
    tid: str | None = None
    """Ours: a record is shown to the tenant whose resource it is about only if the caller is of that tenant too."""

    @classmethod
    def of(cls, caller: Caller) -> Identity:
        """Say who a caller is."""
        upn = caller.name if caller.kind is PrincipalType.USER else None
        return cls(
            older_object_id=caller.oid,
            older_upn=upn,
            appid=caller.appid,
            oid=caller.oid,
            upn=upn,
            appidacr=caller.appidacr,
            idtyp=caller.idtyp,
            xms_mirid=caller.mirid,
            ipaddr=caller.address,
            unique_name=upn,
            tid=caller.tenant,
        )


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """
    One request and its answer, as the evidence of the flow says it: what `encode` makes an audit record of.

    A msgspec struct rather than a dataclass because one is made for every request, and making it in C costs a tenth.

    Attributes:
        time: when the request arrived, Unix seconds with fractions.
        resource_id: the ARM id of the vault or other resource; empty where there is none.
        request_uri: as it was asked; the values in its query are redacted here, not by the caller.
        description: the sentence of a refusal.
        reason: what the caller was not told about a refusal.
        properties: what the handler adds. Names that `PROPERTIES` does not list lose their value.
        is_brief: cut what a client may lengthen to `limits.AUDIT_BRIEF_*`, since it proved nobody.
    """

    time: float
    operation: str
    status: int
    duration_s: float = 0.0
    resource_id: str = ""
    operation_version: str = ""
    description: str = ""
    address: str = ""
    correlation_id: str = ""
    identity: Identity | None = None
    client_info: str | None = None
    request_uri: str | None = None
    object_uri: str | None = None
    tls_version: str | None = None
    is_access_policy_match: bool | None = None
    is_rbac_authorized: bool | None = None
    applied_assignment_id: str | None = None
    addr_auth_type: str | None = None
    trusted_service: str | None = None
    error_code: str | None = None
    reason: str | None = None
    properties: Mapping[str, object] | None = None
    is_brief: bool = False

    @property
    def sentence_chars(self) -> int:
        """How long description and reason may be, each."""
        return limits.AUDIT_BRIEF_SENTENCE_CHARS if self.is_brief else TEXT_CHARS


# ---- encoding -------------------------------------------------------------------------------------------------------


class _Nobody(msgspec.Struct, frozen=True):
    """`identity` of a request without a verified token: `{}`."""


class _Claims(msgspec.Struct, frozen=True):
    claim: Identity


class _Properties(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """The properties every record may have."""

    http_status_code: int
    client_info: str | None = None
    request_uri: str | None = None
    id: str | None = None
    tls_version: str | None = None
    is_access_policy_match: bool | None = None
    is_rbac_authorized: bool | None = None
    applied_assignment_id: str | None = None
    addr_auth_type: str | None = None
    trusted_service: str | None = None
    error_code: str | None = None
    reason: str | None = None


class _AuditEvent(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The record, in the reference's order."""

    time: str
    resource_id: str
    operation_name: str
    operation_version: str
    category: str
    result_type: str
    result_signature: str
    result_description: str
    duration_ms: str
    caller_ip_address: str
    correlation_id: str
    identity: _Claims | _Nobody
    properties: _Properties | dict[str, object]


_encode = msgspec.json.Encoder().encode
_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}
_NOBODY: Final = _Nobody()


def encode(entry: Entry) -> bytes:
    """Make the audit record of an entry, as JSON on one line."""
    event = _AuditEvent(
        time=timestamp(entry.time),
        resource_id=entry.resource_id.upper(),
        operation_name=entry.operation,
        operation_version=entry.operation_version if _is_version(entry.operation_version) else "",
        category="AuditEvent",
        # The service did its work when it refused: consumers filter on httpStatusCode, as the reference says.
        result_type="Success" if entry.status < 500 else "Failure",
        result_signature=_PHRASES.get(entry.status, str(entry.status)),
        result_description=clip(entry.description, entry.sentence_chars),
        duration_ms=str(max(0, round(entry.duration_s * 1000))),
        caller_ip_address=entry.address,
        correlation_id=clip(entry.correlation_id, CORRELATION_CHARS),
        identity=_NOBODY if entry.identity is None else _Claims(entry.identity),
        properties=_properties(entry),
    )
    try:
        encoded = _encode(event)
    except UnicodeEncodeError:
        # Half a surrogate pair, from a caller's JSON, is a Python string and no Unicode. It must not prevent a record.
        encoded = _encode(_legible(msgspec.to_builtins(event)))
    if len(encoded) > ENTRY_BYTES and entry.properties:
        # A committed entry that the journal could never take would stand in the way of all that come after it.
        return encode(msgspec.structs.replace(entry, properties=dict.fromkeys(list(entry.properties)[:32], _TOO_LARGE)))
    return encoded


class Template:
    """
    A record but for its time, its duration and its correlation id, for answers that differ in nothing else.

    It is made by encoding the entry of one of them, so that one place alone knows the form of a record.
    """

    __slots__ = ("_pieces",)

    def __init__(self, entry: Entry) -> None:
        """Prepare records like that of *entry*."""
        record = encode(msgspec.structs.replace(entry, duration_s=0.0, correlation_id=""))
        # A quotation mark inside a text is escaped, so each of these stands where the member itself is.
        _, time, rest = record.partition(f'{{"time":"{timestamp(entry.time)}"'.encode())
        before_duration, duration, rest = rest.partition(b'"durationMs":"0"')
        before_correlation, correlation, rest = rest.partition(b'"correlationId":""')
        if not (time and duration and correlation):
            msg = "a record without time, duration or correlation id"
            raise RuntimeError(msg)
        self._pieces = (before_duration + b'"durationMs":"', b'"' + before_correlation + b'"correlationId":', rest)

    def fill(self, time: float, duration_s: float, correlation_id: str) -> bytes:
        """Make one record."""
        before_duration, before_correlation, rest = self._pieces
        second = int(time)
        return b'{"time":"%b.%07dZ"%b%d%b%b%b' % (
            _to_the_second(second),
            (time - second) * 10_000_000,
            before_duration,
            max(0, round(duration_s * 1000)),
            before_correlation,
            _encode(clip(correlation_id, CORRELATION_CHARS)),
            rest,
        )


def _legible(value: object) -> object:
    """Replace what is no Unicode in every text."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_legible(name): _legible(member) for name, member in value.items()}
    return [_legible(item) for item in value] if isinstance(value, list) else value


def _properties(entry: Entry) -> _Properties | dict[str, object]:
    uri = entry.request_uri and redact(entry.request_uri)
    fixed = _Properties(
        http_status_code=entry.status,
        client_info=entry.client_info
        and clip(entry.client_info, limits.AUDIT_BRIEF_INPUT_CHARS if entry.is_brief else TEXT_CHARS),
        request_uri=uri and (clip(uri, limits.AUDIT_BRIEF_INPUT_CHARS) if entry.is_brief else uri),
        id=entry.object_uri and redact(entry.object_uri),
        tls_version=entry.tls_version,
        is_access_policy_match=entry.is_access_policy_match,
        is_rbac_authorized=entry.is_rbac_authorized,
        applied_assignment_id=entry.applied_assignment_id,
        addr_auth_type=entry.addr_auth_type,
        trusted_service=entry.trusted_service,
        error_code=entry.error_code,
        reason=entry.reason and clip(entry.reason, entry.sentence_chars),
    )
    if not entry.properties:
        return fixed
    # What the flow established stands, whatever a handler says under the same name.
    established: dict[str, object] = msgspec.to_builtins(fixed)
    return handlers_own(entry.properties) | established


def timestamp(at: float) -> str:
    """Write a time as Azure does: UTC with seven digits of fraction."""
    second = int(at)
    return f"{_to_the_second(second).decode()}.{int((at - second) * 10_000_000):07d}Z"


@lru_cache(maxsize=8)  # A busy service asks for the same second thousands of times.
def _to_the_second(second: int) -> bytes:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()


# ---- query parameters -----------------------------------------------------------------------------------------------

_ORDINARY = re.compile(rf"[^?#]{{1,{URI_CHARS}}}(?:\?api-version=(?:{API_VERSION.pattern}))?")
"""What nearly every request asks for, with nothing to redact."""
_SHOWN: Final[Mapping[str, re.Pattern[str]]] = {
    "api-version": API_VERSION,
    "maxresults": re.compile(r"[0-9]{1,10}"),
}
"""The parameters whose values are recorded, and the form a value must have: anything else may be a secret astray."""
_NAMED: Final = frozenset({
    "$expand", "$filter", "$orderby", "$search", "$select", "$skiptoken", "$top", "client_id", "code",
    "includeManaged", "login_hint", "mi_res_id", "msi_res_id", "nonce", "object_id", "outContentType", "redirect_uri",
    "resource", "scope", "state",
})  # fmt: skip
"""The parameters whose names are recorded, and not their values."""


@lru_cache(maxsize=64)
def _is_version(text: str) -> bool:
    return API_VERSION.fullmatch(text) is not None


def redact(uri: str) -> str:
    """Cut the fragment from a URI and every value from its query that is not known to be harmless."""
    if _ORDINARY.fullmatch(uri):
        return uri
    head, _, query = uri.partition("#")[0].partition("?")
    head = clip(head, URI_CHARS)
    return f"{head}?{'&'.join(_redacted(query))}" if query else head


def _redacted(query: str) -> list[str]:
    parameters = query.split("&", QUERY_PARAMETERS)
    shown = [_parameter(text) for text in parameters[:QUERY_PARAMETERS]]
    return [*shown, REDACTED] if len(parameters) > QUERY_PARAMETERS else shown


def _parameter(text: str) -> str:
    name, equals, value = text.partition("=")
    form = _SHOWN.get(name)
    if form is not None:
        return text if form.fullmatch(value) else f"{name}={REDACTED}"
    # A parameter nobody knows may be a secret that was put in the place of a name.
    return f"{name}={REDACTED}" if equals and name in _NAMED else REDACTED
