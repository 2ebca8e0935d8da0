"""Key sets of outside issuers (RFC 7517): the keys for signatures in them, and nothing else of what they say."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.exceptions import InvalidKeyError

from strongroom.core import limits
from strongroom.core.federation import IssuerKey
from strongroom.core.strict_json import parse_object
from strongroom.crypto.assertions import AssertionKey, algorithms_of, require_usable

FEDERATED_ALGORITHMS = ("RS256",)
"""What outside issuers sign with, pinned: the one algorithm that Entra takes from them."""
PROVIDER_ALGORITHMS = ("RS256", "PS256", "ES256")
"""What identity providers sign with."""
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_KEYS_KEPT = 1024
_SETS_KEPT = 64


class BadKeySet(Exception):
    """It is no key set, or none with a key that can be used; the message says why and repeats nothing."""


def read_key_set(
    members: Mapping[str, object], algorithms: tuple[str, ...] = FEDERATED_ALGORITHMS
) -> tuple[IssuerKey, ...]:
    """
    Read the keys of a set that verify RS256, or what else *algorithms* has; others are passed over, as sets have them.

    Raises:
        BadKeySet: it is none, too large, has a private key in it, two keys of one `kid`, or none that can be used.
    """
    keys = members.get("keys")
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise BadKeySet("A key set is an object with a list of keys.")
    if len(keys) > limits.ISSUER_KEYS:
        raise BadKeySet(f"A key set has at most {limits.ISSUER_KEYS} keys.")
    if any(_PRIVATE & key.keys() for key in keys):
        raise BadKeySet("There is a private or symmetric key in the key set. Give the public keys alone.")
    found = [key for key in (_read(one, algorithms) for one in keys) if key is not None]
    if not found:
        kinds = "RSA or P-256" if "ES256" in algorithms else "RSA"
        raise BadKeySet(f"There is no {kinds} key for signatures in the key set, with a kid and of a sound size.")
    if len({key.kid for key in found}) != len(found):
        raise BadKeySet("Two keys of the key set have the same kid.")
    return tuple(found)


@lru_cache(maxsize=_SETS_KEPT)
def parse_key_set(document: bytes, algorithms: tuple[str, ...] = FEDERATED_ALGORITHMS) -> tuple[IssuerKey, ...]:
    """
    Read a key set as it was fetched; the most recently used are kept.

    Raises:
        BadKeySet: see `read_key_set`, or it is not JSON.
    """
    try:
        return read_key_set(parse_object(document), algorithms)
    except (TypeError, ValueError):
        raise BadKeySet("The key set is no JSON object.") from None


@lru_cache(maxsize=_KEYS_KEPT)
def issuer_key(public_key: bytes) -> AssertionKey:
    """Load a key that `read_key_set` gave; the most recently used are kept."""
    return require_usable(load_der_public_key(public_key))


def _read(members: dict[str, object], algorithms: tuple[str, ...]) -> IssuerKey | None:
    kid = members.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= limits.DISPLAY_NAME_CHARS:
        return None
    if members.get("use", "sig") != "sig" or members.get("alg", algorithms[0]) not in algorithms:
        return None
    try:
        key = require_usable(_load(members))
    except (InvalidKeyError, UnsupportedAlgorithm, TypeError, ValueError, AttributeError):
        return None
    if not set(algorithms_of(key)) & set(algorithms):
        return None
    return IssuerKey(kid, key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _load(members: dict[str, object]) -> object:
    """Load a key by the members that make it one, and by no other."""
    if members.get("kty") == "EC":
        return ECAlgorithm.from_jwk({name: members.get(name) for name in ("kty", "crv", "x", "y")})
    return RSAAlgorithm.from_jwk({name: members.get(name) for name in ("kty", "n", "e")})
