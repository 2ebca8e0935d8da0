"""
The KV version 2 engine of OpenBao and of HashiCorp Vault, whose API is the same.

    LIST /v1/{mount}/metadata/{path}     what is below a path; folders end with a slash
    GET  /v1/{mount}/metadata/{path}     versions with their state, custom metadata
    GET  /v1/{mount}/data/{path}?version=N
    POST /v1/{mount}/data/{path}         writes a version

What it keeps under a path is an object with fields. A field becomes a secret of its own, named after path and field; or
the whole object becomes one secret of the content type `application/json`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from strongroom.cli.transfer.histories import History, Version
from strongroom.cli.transfer.naming import Named, Unusable, name_all, name_tags
from strongroom.cli.transfer.transfer import SecretFault, TransferEnded

_TIMEOUT_S = 30.0
_FORBIDDEN, _NOT_FOUND = 403, 404
_DEPTH = 32
JSON_TYPE = "application/json"
_VALUE = "value"


@dataclass(frozen=True, slots=True)
class _Place:
    """A path, and a field of it where fields are secrets of their own."""

    path: str
    field: str | None


class KvClient:
    """One KV version 2 mount, asked with one token."""

    def __init__(
        self, address: str, mount: str, token: str, client: httpx.Client, namespace: str | None = None
    ) -> None:
        self.title = f"{address.rstrip('/')}/{mount}"
        self._base = f"{address.rstrip('/')}/v1/{quote(mount.strip('/'))}"
        self._headers = {"X-Vault-Token": token, **({"X-Vault-Namespace": namespace} if namespace else {})}
        self._client = client

    def ask(self, method: str, kind: str, path: str, body: Any = None, **query: str) -> Any | None:
        """
        Ask about a path; None where there is nothing.

        Raises:
            SecretFault: this path is refused.
            TransferEnded: the mount is not to be used with this token, or does not answer.
        """
        if not {".", ".."}.isdisjoint(path.split("/")):
            msg = f"{path!r} would be another path"
            raise SecretFault(msg)
        try:
            answer = self._client.request(
                method,
                f"{self._base}/{kind}/{quote(path)}",
                params=query or None,
                json=body,
                headers=self._headers,
                timeout=_TIMEOUT_S,
            )
        except httpx.HTTPError as error:
            msg = f"{self.title} does not answer: {type(error).__name__}"
            raise TransferEnded(msg) from None
        if answer.status_code == _NOT_FOUND:
            # A deleted version is answered with 404 and its metadata; nobody asks for one.
            return None
        if answer.is_success:
            return _data(answer, self.title) if answer.content else {}
        told = _errors(answer)
        sentence = f"{answer.status_code} from {self.title}" + (f": {told}" if told else "")
        if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR and path:
            raise SecretFault(sentence)
        raise TransferEnded(sentence)


class KvSecrets:
    """What a mount has, below a path, as a source."""

    def __init__(
        self,
        kv: KvClient,
        below: str = "",
        *,
        whole: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.title = kv.title
        self._kv = kv
        self._below = below.strip("/")
        self._whole = whole
        self._now = now
        self._places: dict[str, _Place] = {}
        self._loaded: tuple[str, _Loaded] | None = None
        self._refused: list[str] = []

    def listed(self) -> tuple[Sequence[Named], Sequence[Unusable]]:
        """Name every path, or every field of the newest readable version of every path."""
        try:
            paths = sorted(self._walk(self._below))
        except SecretFault as fault:
            raise TransferEnded(str(fault)) from None
        for path in paths:
            if self._whole:
                self._places[path] = _Place(path, None)
                continue
            try:
                fields = self._load(path).fields
            except SecretFault as fault:
                self._refused.append(f"{path}: {fault}")
                continue
            for field in fields:
                self._places[f"{path}/{field}"] = _Place(path, field)
        return name_all(self._places)

    def notes(self) -> Iterable[str]:
        """Say which paths could not be looked into."""
        return [f"not looked into, {sentence}" for sentence in self._refused]

    def read(self, original: str) -> History:
        """Read the versions of a path, or those in which a field changed."""
        place = self._places[original]
        loaded = self._load(place.path)
        tags = loaded.tags | name_tags(original)
        versions: list[Version] = []
        for number, data, expires in loaded.versions:
            if place.field is not None and place.field not in data:
                continue
            value = _text(data if place.field is None else data[place.field])
            if place.field is not None and versions and versions[-1].value == value:
                # Another field of the path changed, which is no new version of this one.
                continue
            kind = JSON_TYPE if place.field is None or not isinstance(data[place.field], str) else None
            versions.append(Version(value, kind, tags, expires=expires, origin=str(number)))
        return History(tuple(versions), loaded.unread, is_newest_unread=loaded.is_newest_unread)

    def _walk(self, folder: str, depth: int = 0) -> Iterable[str]:
        """Go through everything below a folder."""
        if depth > _DEPTH:
            msg = f"the folders below {folder!r} are over {_DEPTH} deep"
            raise TransferEnded(msg)
        found = self._kv.ask("LIST", "metadata", folder)
        if found is None:
            if depth == 0 and folder and self._kv.ask("GET", "metadata", folder) is not None:
                yield folder
            elif depth == 0:
                # An engine that has nothing and a mount that is none are answered alike.
                msg = f"{self.title} has nothing below {folder or '/'!r}, or there is no such KV version 2 mount"
                raise TransferEnded(msg)
            return
        for key in found.get("keys", []):
            path = f"{folder}/{key}" if folder else key
            if key.endswith("/"):
                yield from self._walk(path.rstrip("/"), depth + 1)
            else:
                yield path

    def _load(self, path: str) -> _Loaded:
        """Read a path with all its versions, once for all its fields."""
        if self._loaded is None or self._loaded[0] != path:
            self._loaded = (path, _load(self._kv, path, self._now()))
        return self._loaded[1]


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A path's readable versions: number, data, and when it expires."""

    versions: tuple[tuple[int, dict[str, Any], int | None], ...]
    unread: tuple[str, ...]
    tags: dict[str, str]
    is_newest_unread: bool

    @property
    def fields(self) -> list[str]:
        """The fields of the newest version: one that is gone from it is gone."""
        return sorted(self.versions[-1][1]) if self.versions else []


class KvDestination:
    """A mount as the destination: each secret is a path, each version an object with its value and attributes."""

    is_whole = False

    def __init__(self, kv: KvClient, below: str = "", now: Callable[[], float] = time.time) -> None:
        self.title = kv.title
        self._kv = kv
        self._below = below.strip("/")
        self._now = now

    def find(self, name: str) -> History | None:
        """Read what an earlier transfer wrote to the path."""
        if self._kv.ask("GET", "metadata", self._path(name)) is None:
            return None
        loaded = _load(self._kv, self._path(name), self._now())
        return History(tuple(_read_version(data, number) for number, data, _ in loaded.versions), loaded.unread)

    def write(self, name: str, version: Version) -> None:
        """Write a version."""
        self._kv.ask("POST", "data", self._path(name), {"data": _write_version(version)})

    def finish(self) -> None:
        """Do nothing more: each version is written when its write is answered."""

    def _path(self, name: str) -> str:
        return f"{self._below}/{name}" if self._below else name


def require_address(address: str) -> str:
    """
    Check the address: HTTPS, or this machine itself, since a token goes there.

    Raises:
        ValueError: it is neither; the message says so.
    """
    parts = urlsplit(address)
    if parts.username is not None or parts.query or parts.fragment:
        # It stands in reports.
        msg = "an address is https://HOST:PORT, and has no user, password or query"
        raise ValueError(msg)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in {"127.0.0.1", "::1", "localhost"}):
        return address.rstrip("/")
    msg = f"{address!r} would send the token in the clear: an address begins with https://"
    raise ValueError(msg)


def _load(kv: KvClient, path: str, now: float) -> _Loaded:
    metadata = kv.ask("GET", "metadata", path)
    if metadata is None:
        msg = f"{path} is gone"
        raise SecretFault(msg)
    versions: list[tuple[int, dict[str, Any], int | None]] = []
    unread: list[str] = []
    number = 0
    for number, state in sorted((int(key), state) for key, state in (metadata.get("versions") or {}).items()):
        ends = _seconds(state.get("deletion_time"))
        if state.get("destroyed") or (ends is not None and ends <= now):
            unread.append(f"version {number} is {'destroyed' if state.get('destroyed') else 'deleted'}")
            continue
        answer = kv.ask("GET", "data", path, version=str(number))
        if answer is None or not isinstance(answer.get("data"), dict):
            unread.append(f"version {number} is not told")
            continue
        versions.append((number, answer["data"], ends))
    custom = metadata.get("custom_metadata") or {}
    is_newest_unread = bool(unread) and (not versions or versions[-1][0] != number)
    tags = {str(key): str(value) for key, value in custom.items()}
    return _Loaded(tuple(versions), tuple(unread), tags, is_newest_unread)


def _write_version(version: Version) -> dict[str, Any]:
    document: dict[str, Any] = {_VALUE: version.value}
    if version.content_type is not None:
        document["contentType"] = version.content_type
    if version.tags:
        document["tags"] = dict(version.tags)
    if not version.enabled:
        document["enabled"] = False
    if version.not_before is not None:
        document["notBefore"] = version.not_before
    if version.expires is not None:
        document["expires"] = version.expires
    return document


def _read_version(data: dict[str, Any], number: int) -> Version:
    # Whoever else writes there may mean other things by these names.
    tags, kind = data.get("tags"), data.get("contentType")
    return Version(
        value=_text(data.get(_VALUE, data)),
        content_type=kind if kind is None else _text(kind),
        tags={key: _text(value) for key, value in tags.items()} if isinstance(tags, dict) else {},
        enabled=data.get("enabled", True),
        not_before=data.get("notBefore"),
        expires=data.get("expires"),
        origin=str(number),
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _seconds(text: str | None) -> int | None:
    """Read a time as Unix seconds; an empty one is none."""
    if not text:
        return None
    return int(datetime.fromisoformat(text).timestamp())


def _data(answer: httpx.Response, title: str) -> Any:
    try:
        return answer.json().get("data")
    except (ValueError, AttributeError):
        # A proxy's page, or another service.
        msg = f"{title} does not answer as a KV engine does: is its address right?"
        raise TransferEnded(msg) from None


def _errors(answer: httpx.Response) -> str:
    try:
        errors = answer.json().get("errors", [])
    except (ValueError, AttributeError):
        return ""
    return "; ".join(str(error) for error in errors)
