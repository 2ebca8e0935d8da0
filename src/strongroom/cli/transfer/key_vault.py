"""The secrets of a vault, Azure's or any Strongroom's: both have one API (reference operations.md, secrets)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from strongroom.cli.remote.session import Refused
from strongroom.cli.transfer.histories import History, Version
from strongroom.cli.transfer.naming import Named, Unusable, vault_name_of
from strongroom.cli.transfer.transfer import SecretFault, TransferEnded

_NOT_FOUND, _CONFLICT, _FORBIDDEN, _BAD = 404, 409, 403, 400
_ABOUT_ONE = frozenset({_BAD, _FORBIDDEN, _NOT_FOUND, _CONFLICT, 413})
_ABOUT_ALL = frozenset({"ForbiddenByFirewall", "ForbiddenByConnection", "VaultNotFound"})
"""Refusals of a place from which nothing will be answered, whatever is asked."""
_KEPT_BACK = {
    "keys": "keys stay behind, since a vault lets no private key out: make others, or import them from their origin",
    "certificates": "certificates stay behind, with the keys and secrets that are theirs",
}


class VaultApi(Protocol):
    """One vault's data plane."""

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """
        Ask for something below the vault's URI.

        Raises:
            Refused: the vault says no.
            TransferEnded: it does not answer.
        """
        ...

    def pages(self, path: str) -> Iterator[dict[str, Any]]:
        """Go through a list to its end. Raises as `request` does."""
        ...


class Pace:
    """
    Keeps two versions of one secret a second apart.

    A vault's times are whole seconds and its versions have no other order, so two that were made in one second could
    not be told apart by whoever reads them later.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._last: dict[str, float] = {}

    def wait(self, name: str) -> None:
        """Wait until a second has passed since the last version of that name was seen."""
        last = self._last.get(name)
        if last is not None and (rest := last + 1.0 - self._clock()) > 0:
            self._sleep(rest)

    def saw(self, name: str) -> None:
        """Remember that a version is there by now."""
        self._last[name] = self._clock()


class VaultSecrets:
    """A vault as the source and as the destination of secrets."""

    is_whole = False

    def __init__(self, title: str, api: VaultApi, pace: Pace | None = None) -> None:
        self.title = title
        self._api = api
        self._pace = pace or Pace()

    # ---- as a source ------------------------------------------------------------------------------------------------

    def listed(self) -> tuple[Sequence[Named], Sequence[Unusable]]:
        """Name every secret. Those of certificates stay with them."""
        named: list[Named] = []
        unusable: list[Unusable] = []
        try:
            for item in self._api.pages("secrets"):
                name = _last_segment(item["id"])
                if vault_name_of(name) != name:
                    # It would be another path, here and at the destination.
                    unusable.append(Unusable(name, "no vault has such a name"))
                elif item.get("managed"):
                    unusable.append(Unusable(name, "it is a certificate's, and stays with it"))
                else:
                    named.append(Named(name, name))
        except Refused as refused:
            raise TransferEnded(_sentence(refused)) from None
        return named, unusable

    def notes(self) -> Iterable[str]:
        """Say which keys and certificates stay behind, as far as whoever asks may know."""
        for collection, sentence in _KEPT_BACK.items():
            try:
                names = [_last_segment(item.get("kid") or item["id"]) for item in self._api.pages(collection)]
            except Refused as refused:
                if refused.status == _FORBIDDEN:
                    yield f"{collection} were not looked for: {_sentence(refused)}"
                elif refused.status not in {_BAD, _NOT_FOUND}:
                    raise TransferEnded(_sentence(refused)) from None
                # Otherwise the vault knows no such collection, so nothing stays behind.
                continue
            if names:
                yield f"{len(names)} {sentence}: {', '.join(sorted(names))}"

    def read(self, original: str) -> History:
        """Read every version, the oldest first, with its value unless it is disabled."""
        try:
            return self._history(original)
        except Refused as refused:
            raise _fault(refused) from None

    # ---- as a destination -------------------------------------------------------------------------------------------

    def find(self, name: str) -> History | None:
        """Read what there is of a name."""
        try:
            found = self._history(name)
        except Refused as refused:
            if refused.status == _NOT_FOUND and not _is_about_all(refused):
                return None
            raise _fault(refused) from None
        # Its newest version may be of this second, written by a run that was ended.
        self._pace.saw(name)
        return found

    def write(self, name: str, version: Version) -> None:
        """Set a version with its attributes in one request, so that none is ever there without them."""
        attributes = {
            "enabled": version.enabled,
            **({"nbf": version.not_before} if version.not_before is not None else {}),
            **({"exp": version.expires} if version.expires is not None else {}),
        }
        body = {
            "value": version.value,
            "attributes": attributes,
            **({"contentType": version.content_type} if version.content_type else {}),
            **({"tags": dict(version.tags)} if version.tags else {}),
        }
        self._pace.wait(name)
        try:
            self._api.request("PUT", f"secrets/{name}", body)
        except Refused as refused:
            raise _fault(refused) from None
        self._pace.saw(name)

    def finish(self) -> None:
        """Do nothing more: each version is durable when its write is answered."""

    # ---- both -------------------------------------------------------------------------------------------------------

    def _history(self, name: str) -> History:
        listed = list(self._api.pages(f"secrets/{name}/versions"))
        if not listed:
            # A secret always has a version; some services answer an unknown name with an empty list.
            self._api.request("GET", f"secrets/{name}")
        current = self._current(name)
        ordered = sorted(listed, key=lambda item: _age(item, current))
        versions: list[Version] = []
        unread: list[str] = []
        for item in ordered:
            version = _last_segment(item["id"])
            if not item.get("attributes", {}).get("enabled", True):
                unread.append(f"version {version} is disabled, so its value is not told")
                continue
            try:
                versions.append(_version_of(self._api.request("GET", f"secrets/{name}/{version}")))
            except Refused as refused:
                if refused.status != _FORBIDDEN or _is_about_all(refused):
                    raise
                unread.append(f"version {version} is not told: {_sentence(refused)}")
        is_newest_unread = bool(ordered) and (not versions or versions[-1].origin != _last_segment(ordered[-1]["id"]))
        return History(tuple(versions), tuple(unread), is_newest_unread=is_newest_unread)

    def _current(self, name: str) -> str | None:
        """Name the current version: of those made in one second it is the last. None if it is disabled."""
        try:
            return _last_segment(self._api.request("GET", f"secrets/{name}")["id"])
        except Refused as refused:
            if refused.status == _FORBIDDEN and not _is_about_all(refused):
                return None
            raise


def _version_of(bundle: dict[str, Any]) -> Version:
    attributes = bundle.get("attributes", {})
    return Version(
        value=bundle["value"],
        content_type=bundle.get("contentType") or None,
        tags=bundle.get("tags") or {},
        enabled=attributes.get("enabled", True),
        not_before=attributes.get("nbf"),
        expires=attributes.get("exp"),
        origin=_last_segment(bundle["id"]),
    )


def _age(item: dict[str, Any], current: str | None) -> tuple[int, bool, str]:
    version = _last_segment(item["id"])
    return item.get("attributes", {}).get("created", 0), version == current, version


def _last_segment(identifier: str) -> str:
    return identifier.rstrip("/").rpartition("/")[2]


def _fault(refused: Refused) -> SecretFault | TransferEnded:
    """Tell a refusal that is about one secret from one that is about all."""
    if refused.status in _ABOUT_ONE and not _is_about_all(refused):
        return SecretFault(_sentence(refused))
    return TransferEnded(_sentence(refused))


def _is_about_all(refused: Refused) -> bool:
    return refused.inner in _ABOUT_ALL or refused.code in _ABOUT_ALL


def _sentence(refused: Refused) -> str:
    code = refused.inner or refused.code
    return f"{refused.status} {code}: {refused.message}" if code else f"{refused.status}: {refused.message}"
