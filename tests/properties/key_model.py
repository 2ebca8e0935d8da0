"""A vault's keys as dictionaries: what becomes of a key, for walks of `test_key_life` to compare with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

DAY = 86_400
RETENTION = 7 * DAY
REFUSED_OUTSIDE = {"sign", "encrypt", "wrapKey"}


@dataclass(frozen=True)
class Policy:
    """A rotation policy in days: how long new versions are good, and when they are replaced."""

    good_for: int | None = None
    after: int | None = None
    before: int | None = None

    def body(self) -> dict[str, Any]:
        """Write it as a request has it."""
        members = {"timeAfterCreate": self.after, "timeBeforeExpiry": self.before}
        trigger = {member: f"P{days}D" for member, days in members.items() if days is not None}
        actions = [{"trigger": trigger, "action": {"type": "Rotate"}}] if trigger else []
        expiry = {"expiryTime": f"P{self.good_for}D"} if self.good_for is not None else {}
        return {"lifetimeActions": actions, "attributes": expiry}

    def due(self, version: Version) -> int | None:
        """Say when a version is to be replaced: not in its first week, nor while it is disabled."""
        at = None
        if self.after is not None:
            at = version.created + self.after * DAY
        elif self.before is not None and version.exp is not None:
            at = version.exp - self.before * DAY
        return max(at, version.created + 7 * DAY) if at is not None and version.enabled else None


ROTATING = (Policy(after=7), Policy(28, after=9), Policy(28, before=7))
POLICIES = (Policy(), Policy(90), *ROTATING)


@dataclass
class Version:
    """A version as the model has it."""

    id: str
    type: str
    operations: list[str]
    created: int
    updated: int
    enabled: bool = True
    nbf: int | None = None
    exp: int | None = None
    tags: dict[str, str] | None = None
    public: tuple[str, str] | None = None
    """The coordinates of a point."""

    def refusal(self, operation: str, now: int) -> str | None:
        """Say as what a use is refused, in the order of the reference (sections 4.2, 4.4, 9)."""
        if not self.enabled:
            return "KeyDisabled"
        if operation in REFUSED_OUTSIDE and self.nbf is not None and now < self.nbf:
            return "KeyNotYetValid"
        if operation in REFUSED_OUTSIDE and self.exp is not None and now >= self.exp:
            return "KeyExpired"
        return None if operation in self.operations else "KeyOperationForbidden"


@dataclass
class Modelled:
    """A key as the model has it."""

    versions: list[Version] = field(default_factory=list)
    deleted: int | None = None
    policy: Policy = Policy()

    def gone(self, now: int) -> bool:
        """Tell whether its retention is over."""
        return self.deleted is not None and now >= self.deleted + RETENTION


@dataclass(frozen=True)
class Made:
    """Something that a version made, which it and no other one takes back."""

    name: str
    version: str
    operation: str
    body: dict[str, Any]
