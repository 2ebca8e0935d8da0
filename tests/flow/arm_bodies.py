"""What is sent to the management plane: the bodies of requests that tests share."""

from __future__ import annotations

from typing import Any

from tests.plugins.canary import plant


def secret_body(value: str | None = None, **properties: Any) -> dict[str, Any]:
    """Give the body that sets a secret, to a value of no meaning unless *value* gives one."""
    return {"properties": {"value": plant() if value is None else value, **properties}}


def key_body(**properties: Any) -> dict[str, Any]:
    """Give the body that makes a key, of the kind that is made fastest unless *properties* say another."""
    return {"properties": {"kty": "EC", "curveName": "P-256", **properties}}


def inbound(*prefixes: str, **more: Any) -> dict[str, Any]:
    """Give the body of an access rule for what comes from ranges."""
    ranges = {"addressPrefixes": list(prefixes)} if prefixes else {}
    return {"properties": {"direction": "Inbound", **ranges, **more}}


def tags_body(tags: dict[str, str], operation: str = "") -> dict[str, Any]:
    """Give the body that replaces tags; with an operation, the one that changes them."""
    return {"properties": {"tags": tags}, **({"operation": operation} if operation else {})}


def lock_body(level: str = "CanNotDelete", **properties: Any) -> dict[str, Any]:
    """Give the body that locks something."""
    return {"properties": {"level": level, **properties}}


def decided(status: str, **more: Any) -> dict[str, Any]:
    """Give the body by which a vault's owner decides about a connection."""
    return {"properties": {"privateLinkServiceConnectionState": {"status": status, **more}}}
