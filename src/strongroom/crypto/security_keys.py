"""
Security keys (WebAuthn level 2): what a browser is asked, and whether what it answers is right.

The user has to be verified by the authenticator (a PIN, a fingerprint), not only present. Who made it is asked of
nobody: without attestation, what it says of its make is its own word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from strongroom.core.limits import CREDENTIAL_ID_BYTES, SECOND_FACTOR_PAGE_S

if TYPE_CHECKING:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

CHALLENGE_BYTES = 32


class KeyRefused(Exception):
    """A browser's answer is not right. `reason` is for the journal."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Party:
    """Who asks: the name of the sign-in pages, and where they are shown, exactly."""

    host: str
    origin: str


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a registered key."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Registered:
    """What a browser told of a key that it registered."""

    known: Known
    aaguid: str


def registration_options(
    party: Party, *, handle: bytes, name: str, display_name: str, challenge: bytes, held: Sequence[Known]
) -> dict[str, Any]:
    """Say what `navigator.credentials.create` is asked, as JSON (WebAuthn level 3 section 5.1.8)."""
    # The library takes a tenth of a second to import, which a start-up must not wait for.
    from webauthn import generate_registration_options  # noqa: PLC0415
    from webauthn.helpers import options_to_json_dict  # noqa: PLC0415
    from webauthn.helpers.structs import (  # noqa: PLC0415
        AttestationConveyancePreference,
        AuthenticatorSelectionCriteria,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    options = generate_registration_options(
        rp_id=party.host,
        rp_name=party.host,
        user_id=handle,
        user_name=name,
        user_display_name=display_name,
        challenge=challenge,
        timeout=SECOND_FACTOR_PAGE_S * 1000,
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.DISCOURAGED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=_descriptors(held),
        supported_pub_key_algs=_algorithms(),
    )
    return options_to_json_dict(options)


def verify_registration(party: Party, challenge: bytes, answer: str) -> Registered:
    """
    Check what `navigator.credentials.create` gave (WebAuthn section 7.1).

    Raises:
        KeyRefused: it is not right.
    """
    from webauthn import verify_registration_response  # noqa: PLC0415  see registration_options
    from webauthn.helpers import parse_registration_credential_json  # noqa: PLC0415

    try:
        credential = parse_registration_credential_json(answer)
        verified = verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.host,
            expected_origin=party.origin,
            require_user_verification=True,
            supported_pub_key_algs=_algorithms(),
        )
    except Exception as error:
        # A forged answer makes the parsers below the library raise whatever they like, and all of it means no.
        raise KeyRefused(f"security key not registered: {type(error).__name__}") from error
    if len(verified.credential_id) > CREDENTIAL_ID_BYTES:
        raise KeyRefused("security key not registered: credential id too long")
    transports = tuple(sorted({one.value for one in credential.response.transports or ()}))
    known = Known(verified.credential_id, verified.credential_public_key, verified.sign_count, transports)
    return Registered(known, verified.aaguid)


def authentication_options(party: Party, *, challenge: bytes, held: Sequence[Known]) -> dict[str, Any]:
    """Say what `navigator.credentials.get` is asked, as JSON (WebAuthn level 3 section 5.1.9)."""
    from webauthn import generate_authentication_options  # noqa: PLC0415  see registration_options
    from webauthn.helpers import options_to_json_dict  # noqa: PLC0415
    from webauthn.helpers.structs import UserVerificationRequirement  # noqa: PLC0415

    options = generate_authentication_options(
        rp_id=party.host,
        challenge=challenge,
        timeout=SECOND_FACTOR_PAGE_S * 1000,
        allow_credentials=_descriptors(held),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json_dict(options)


def credential_of(answer: str) -> bytes:
    """
    Read which credential an answer is of.

    Raises:
        KeyRefused: it is no answer.
    """
    from webauthn.helpers import parse_authentication_credential_json  # noqa: PLC0415  see registration_options

    try:
        return parse_authentication_credential_json(answer).raw_id
    except Exception as error:
        # See verify_registration.
        raise KeyRefused(f"not the answer of a security key: {type(error).__name__}") from error


def verify_assertion(party: Party, challenge: bytes, known: Known, handle: bytes, answer: str) -> int:
    """
    Check what `navigator.credentials.get` gave (WebAuthn section 7.2), and give the authenticator's new count.

    Whether it has counted on is for whoever keeps the count: `directory.second_factors`.

    Raises:
        KeyRefused: it is not right.
    """
    from webauthn import verify_authentication_response  # noqa: PLC0415  see registration_options
    from webauthn.helpers import parse_authentication_credential_json  # noqa: PLC0415

    try:
        credential = parse_authentication_credential_json(answer)
        verified = verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.host,
            expected_origin=party.origin,
            credential_public_key=known.public_key,
            # The count is compared where it is kept, in the transaction that sets it.
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except Exception as error:
        # See verify_registration.
        raise KeyRefused(f"security key not taken: {type(error).__name__}") from error
    if credential.response.user_handle not in {None, b"", handle}:
        raise KeyRefused("security key not taken: another user's handle")
    return verified.new_sign_count


def _descriptors(held: Sequence[Known]) -> list[PublicKeyCredentialDescriptor]:
    from webauthn.helpers.structs import AuthenticatorTransport, PublicKeyCredentialDescriptor  # noqa: PLC0415

    known = {one.value: one for one in AuthenticatorTransport}
    return [
        PublicKeyCredentialDescriptor(
            id=one.credential_id, transports=[known[name] for name in one.transports if name in known] or None
        )
        for one in held
    ]


def _algorithms() -> list[Any]:
    """List the signatures that are taken, the best first; the last is what Windows Hello makes."""
    from webauthn.helpers.cose import COSEAlgorithmIdentifier as Algorithm  # noqa: PLC0415  see registration_options

    return [Algorithm.EDDSA, Algorithm.ECDSA_SHA_256, Algorithm.RSASSA_PKCS1_v1_5_SHA_256]
