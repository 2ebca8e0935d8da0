"""Keys in a token, through the API: made, used, kept apart from software, and refused where there is no token."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.config import Settings
from strongroom.core.builtin_roles import KEY_VAULT_ADMINISTRATOR
from strongroom.crypto.keys.pkcs11.token_keys import TokenKeys
from tests.assertions import ec_key, rsa_key
from tests.flow.attesting import HASHES, Authority, opened
from tests.flow.test_key_byok import blob, pkcs8, wrapped
from tests.softhsm import SoftToken, soft_token
from tests.world import GENEROUS, Answer, Simulation

pytestmark = pytest.mark.toolchain("softhsm2-util")
VERSION = "api-version=7.6"


class Place:
    """A simulated instance with a token."""

    def __init__(self, folder: Path, token: SoftToken) -> None:
        self.token = token
        settings = Settings(
            data=folder, flow=GENEROUS, pkcs11_module=str(token.module), pkcs11_pin_file=str(token.pin_file)
        )
        self.world = Simulation(folder, settings)
        principal = self.world.principal()
        self.world.grant(principal.oid, KEY_VAULT_ADMINISTRATOR, self.world.vault.scope)
        self.bearer = self.world.token(principal)
        self.world.run(self._open())

    async def _open(self) -> None:
        self.keys = TokenKeys(self.token.settings(workers=1), pause_s=0.0)
        self.world.world.protections.token = self.keys

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        """Ask the vault."""
        return self.world.ask(method, f"{self.world.vault_url}/keys/{path}?{VERSION}", body=body, token=self.bearer)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Make an instance with a token for all tests."""
    folder = tmp_path_factory.mktemp("token-flow")
    with soft_token() as token:
        place = Place(folder, token)
        yield place
        place.world.run(place.keys.close())
        place.world.close()


def b64(value: bytes) -> str:
    """Write bytes as requests do."""
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def test_a_key_in_the_token_signs(place: Place) -> None:
    """Made, used and judged through the API; its version says what holds it."""
    made = place.ask("POST", "signer/create", {"kty": "EC-HSM", "crv": "P-256"})
    assert made.status == 200, made.json
    assert made.json["key"]["kty"] == "EC-HSM"
    assert made.json["attributes"]["hsmPlatform"] == "0"
    version = made.json["key"]["kid"].rsplit("/", 1)[-1]
    signed = place.ask("POST", f"signer/{version}/sign", {"alg": "ES256", "value": b64(bytes(32))})
    assert signed.status == 200, signed.json
    asked = {"alg": "ES256", "digest": b64(bytes(32)), "value": signed.json["value"]}
    assert place.ask("POST", f"signer/{version}/verify", asked).json == {"value": True}


def test_an_rsa_key_in_the_token_decrypts(place: Place) -> None:
    """OAEP with SHA-256, which this token lacks, and PKCS#1 v1.5."""
    made = place.ask("POST", "opener/create", {"kty": "RSA-HSM", "key_size": 2048})
    version = made.json["key"]["kid"].rsplit("/", 1)[-1]
    for algorithm in ("RSA-OAEP", "RSA-OAEP-256", "RSA1_5"):
        sealed = place.ask("POST", f"opener/{version}/encrypt", {"alg": algorithm, "value": b64(b"message")})
        opened = place.ask("POST", f"opener/{version}/decrypt", {"alg": algorithm, "value": sealed.json["value"]})
        assert opened.json["value"] == b64(b"message"), opened.json


def test_a_key_brought_into_the_token_is_released(place: Place) -> None:
    """SEC-TENANT-15: RSA and EC keys come in as transfer blobs, and out for what is attested, each as it was."""
    authority = Authority(place.world, "https://attest.example")
    authority.configure()
    kek = place.ask("POST", "kek/create", {"kty": "RSA-HSM", "key_ops": ["import"]}).json["key"]
    for kty, private in (("EC-HSM", ec_key()), ("RSA-HSM", rsa_key())):
        key = {"kty": kty, "key_hsm": blob(kek, wrapped(kek, pkcs8(private)))} | (
            {"crv": "P-256"} if kty == "EC-HSM" else {}
        )
        body = {"key": key, "attributes": {"exportable": True}, "release_policy": authority.policy()}
        assert (brought := place.ask("PUT", f"released-{kty}", body)).status == 200, brought.json
        for method in HASHES:
            answer = place.ask("POST", f"released-{kty}/release", {"target": authority.token(), "enc": method})
            assert answer.status == 200, answer.json
            assert opened(answer.json["value"]).private_numbers() == private.private_numbers()
    altered = {"kty": "EC-HSM", "crv": "P-256", "key_hsm": blob(kek, wrapped(kek, pkcs8(ec_key()))[:-8])}
    assert place.ask("PUT", "altered", {"key": altered}).status == 400


def test_without_the_token_its_keys_alone_are_unavailable(place: Place) -> None:
    """SEC-KEY-3: 503 for a key in it; keys in software are as before; with the token, it is as before."""
    made = place.ask("POST", "away/create", {"kty": "EC-HSM"})
    version = made.json["key"]["kid"].rsplit("/", 1)[-1]
    use = {"alg": "ES256", "value": b64(bytes(32))}
    elsewhere = place.token.folder / "elsewhere"
    place.token.tokens.rename(elsewhere)
    try:
        refused = place.ask("POST", f"away/{version}/sign", use)
        assert refused.status == 503
        assert refused.error["message"] == "The key's token (HSM) cannot be reached now."
        assert place.ask("POST", "software/create", {"kty": "EC"}).status == 200
        asked = {"alg": "ES256", "digest": b64(bytes(32)), "value": b64(bytes(64))}
        assert place.ask("POST", f"away/{version}/verify", asked).json == {"value": False}
    finally:
        elsewhere.rename(place.token.tokens)
    answers = [place.ask("POST", f"away/{version}/sign", use).status for _ in range(3)]
    assert answers[-1] == 200


def test_a_vault_without_premium_has_no_such_keys(place: Place) -> None:
    """400, and nothing falls back to software (SEC-KEY-2)."""
    place.world.set_vault(sku="standard")
    try:
        refused = place.ask("POST", "standard/create", {"kty": "EC-HSM"})
    finally:
        place.world.set_vault(sku="premium")
    assert (refused.status, refused.error["code"]) == (400, "BadParameter")


def test_an_instance_without_a_token_has_no_such_keys(place: Place) -> None:
    """A premium vault may exist without one; keys of types ending in -HSM are refused in it."""
    place.world.world.protections.token = None
    try:
        refused = place.ask("POST", "nowhere/create", {"kty": "EC-HSM"})
    finally:
        place.world.world.protections.token = place.keys
    assert (refused.status, refused.error["code"]) == (400, "BadParameter")
    assert "this service has none" in refused.error["message"]
