"""The server's certificate: which names it is for, and how it is renewed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from cryptography import x509

from strongroom.app import certificates, open_instance
from strongroom.app.first_start import initialise
from strongroom.app.instance import Opened
from strongroom.config import Settings
from strongroom.crypto.context import bind
from strongroom.crypto.protocol import Unsealable

T = TypeVar("T")
DAY_S = 86_400


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Make an instance."""
    made = Settings(data=tmp_path / "data", domain="vaults.example", port=9443)
    asyncio.run(initialise(made, lambda _: None))
    return made


def after(settings: Settings, seconds: int, look: Callable[[Opened], T]) -> tuple[bool, T]:
    """Open the instance that much later, let it renew if it is due, and say whether it was, with what *look* saw."""

    async def renew() -> tuple[bool, T]:
        async with open_instance(settings) as opened:
            began = opened.installation.created
            opened.world.clock = lambda: began + seconds
            return await certificates.renew_if_due(opened), look(opened)

    return asyncio.run(renew())


def shown(settings: Settings) -> x509.Certificate:
    """Read the certificate that is served."""
    return x509.load_pem_x509_certificate(settings.certificate_files[0].read_bytes())


def test_the_certificate_is_for_our_own_names_alone(settings: Settings) -> None:
    """SEC-NAME-4: the server's certificate is for names of its own domain, and there is no key for any other."""
    names = shown(settings).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(name.value) for name in names} == {
        "*.vault.vaults.example",
        "login.vaults.example",
        "management.vaults.example",
        "graph.vaults.example",
    }
    keys = [path.name for path in settings.data.rglob("*") if path.is_file() and b"PRIVATE KEY" in path.read_bytes()]
    assert keys == ["server.key"]


def test_the_authoritys_key_opens_with_the_root_key_for_its_purpose_alone(settings: Settings) -> None:
    """SEC-NAME-11: the CA's key is sealed: it opens under the root key, for what it is and for its domain, only."""

    async def check() -> None:
        async with open_instance(settings) as opened:
            sealed = opened.installation.sealed_ca_key
            assert b"PRIVATE KEY" not in sealed
            assert b"PRIVATE KEY" in opened.keys.open(certificates.CA_PURPOSE, bind("vaults.example"), sealed)
            for purpose, domain in (("another purpose", "vaults.example"), (certificates.CA_PURPOSE, "other.example")):
                with pytest.raises(Unsealable):
                    opened.keys.open(purpose, bind(domain), sealed)

    asyncio.run(check())


def test_a_certificate_is_renewed_when_two_thirds_of_its_life_are_over(settings: Settings) -> None:
    """SEC-NAME-12: after 19 days nothing is due; after 20 there is a new certificate with a new key."""
    first = shown(settings)
    assert after(settings, 19 * DAY_S, lambda _: None) == (False, None)
    assert shown(settings) == first

    renewed, expires = after(settings, 20 * DAY_S, lambda opened: opened.installation.certificate_expires)

    second = shown(settings)
    assert renewed
    assert second.public_key() != first.public_key()
    assert second.not_valid_after_utc.timestamp() == expires
    assert second.not_valid_after_utc > first.not_valid_after_utc
    assert (second.not_valid_after_utc - second.not_valid_before_utc).days <= 30
    assert after(settings, 21 * DAY_S, lambda _: None) == (False, None)


def test_a_certificate_of_a_clock_that_was_ahead_is_issued_anew(settings: Settings) -> None:
    """SEC-NAME-12: one that has not begun is not waited for; one that has just begun is kept."""
    assert after(settings, 20 * DAY_S, lambda _: None)[0]
    ahead = shown(settings).not_valid_before_utc

    assert after(settings, DAY_S, lambda _: None)[0]

    assert shown(settings).not_valid_before_utc < ahead
    assert after(settings, DAY_S, lambda _: None) == (False, None)


@pytest.mark.parametrize("lost", ["server.pem", "server.key"])
def test_a_lost_certificate_is_issued_again(settings: Settings, lost: str) -> None:
    """Either half gone means another pair: nothing has to be restored for it."""
    (settings.data / lost).unlink()

    assert after(settings, 0, lambda _: None)[0]
    assert all(path.exists() for path in settings.certificate_files)
