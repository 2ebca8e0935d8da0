"""What a file may say of a key."""

from __future__ import annotations

from strongroom.cli.seed.forms.texts import OBJECT, TAGS
from strongroom.cli.seed.schema import Choice, Flag, Instant, ListOf, Member, Shape, Text, Whole
from strongroom.core.keys import OCT_BITS, RSA_BITS, Curve, KeyOperation, KeyType

_DURATION = Text(r"P[0-9YMWD]{2,23}", "an ISO 8601 duration, as P90D", "duration")
_ROTATION_POLICY = Shape(
    "rotation policy",
    {
        "rotateAfter": Member(_DURATION, "How long after a version was made the next one is."),
        "rotateBeforeExpiry": Member(_DURATION, "Or how long before it expires."),
        "notifyBeforeExpiry": Member(_DURATION, "How long before it expires that is told; `P30D` if it is not said."),
        "expiresAfter": Member(_DURATION, "How long the versions are good that rotation makes."),
    },
)


KEY = Shape(
    "key",
    {
        "name": Member(OBJECT, "Its name.", required=True),
        "type": Member(Choice(tuple(KeyType)), "`RSA` if it is not said. It cannot be changed, as size and curve."),
        "size": Member(Whole(min(OCT_BITS), max(RSA_BITS)), "How many bits, of an RSA or oct key."),
        "curve": Member(Choice(tuple(Curve)), "Of an EC key."),
        "operations": Member(ListOf(Choice(tuple(KeyOperation))), "All that it may be used for."),
        "enabled": Member(Flag(), "Whether it can be used."),
        "notBefore": Member(Instant(), "From when on."),
        "expires": Member(Instant(), "Until when."),
        "tags": TAGS,
        "rotationPolicy": Member(_ROTATION_POLICY, "When it is rotated by itself; it is said whole."),
    },
)
