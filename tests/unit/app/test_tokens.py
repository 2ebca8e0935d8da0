"""An instance with a token: what a first start makes of it, and the root key that the token wraps (SEC-BOOT-11)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from strongroom.app import open_instance
from strongroom.app.data_directory import InstanceFault
from strongroom.app.first_start import initialise
from strongroom.app.root_keys import create_root_key, load_root_key, token_of_root_key
from strongroom.app.survey import survey_store
from strongroom.config import ConfigFault, Settings, load
from strongroom.crypto.keys.pkcs11.token_keys import TokenKeys
from strongroom.crypto.protocol import RootKeyUnusable
from tests.softhsm import SoftToken, soft_token

pytestmark = pytest.mark.toolchain("softhsm2-util")


@dataclass(frozen=True, slots=True)
class Made:
    """An instance whose root key a token has wrapped."""

    token: SoftToken
    settings: Settings
    """As a later start finds them."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """Make it once: no test changes it."""
    folder = tmp_path_factory.mktemp("made")
    with soft_token() as token:
        options = {
            "pkcs11_module": str(token.module),
            "pkcs11_pin_file": str(token.pin_file),
            "pkcs11_root_key": True,
        }
        asyncio.run(initialise(load(folder / "data", options, {}), lambda _: None))
        yield Made(token, load(folder / "data", environment={}))


def test_a_later_start_finds_the_token(made: Made) -> None:
    """Without an option, by the settings that the first start wrote."""
    assert made.settings.pkcs11_module == str(made.token.module)
    assert made.settings.pkcs11_pin_file == str(made.token.pin_file)


def test_the_first_vault_is_premium(made: Made) -> None:
    """So that keys of types ending in -HSM can be made in it at once; and the token is reached."""

    async def look() -> tuple[str, str, str]:
        async with open_instance(made.settings) as opened:
            world = opened.world
            vault = world.view.vault(opened.installation.vault)
            assert vault is not None
            assert isinstance(world.protections.token, TokenKeys)
            assert await world.protections.token.reach()
            return vault.sku, world.keys.description, world.instance.token

    sku, description, token = asyncio.run(look())
    assert sku == "premium"
    assert description == "PKCS#11 token strongroom-test"
    assert token.startswith("The token strongroom-test is reached (SoftHSM project, SoftHSM v2, firmware ")


def test_the_root_key_opens_by_the_token_alone(made: Made) -> None:
    """Its file names the token and holds no key; what it opens is the same at each start."""
    assert token_of_root_key(made.settings.root_key) == "strongroom-test"
    sealed = load_root_key(made.settings).seal("p", b"c", b"message")
    again = load_root_key(made.settings)
    assert again.open("p", b"c", sealed) == b"message"
    assert again._root not in made.settings.root_key.read_bytes()
    assert asyncio.run(survey_store(made.settings, 0)) is not None


def test_without_its_token_nothing_starts(made: Made) -> None:
    """The token away, or another in its place, or none configured: a sentence that says so, and no instance."""
    away = made.token.folder / "elsewhere"
    made.token.tokens.rename(away)
    try:
        with pytest.raises(RootKeyUnusable, match="cannot be loaded"):
            load_root_key(made.settings)
    finally:
        away.rename(made.token.tokens)
    with (
        soft_token("another"),
        pytest.raises(RootKeyUnusable, match="is not in the token"),
    ):
        load_root_key(made.settings)
    with pytest.raises(RootKeyUnusable, match="set pkcs11_module"):
        load_root_key(Settings(data=made.settings.data))


def test_a_damaged_file_is_refused(made: Made, tmp_path: Path) -> None:
    """Cut or altered, it opens nothing."""
    content = made.settings.root_key.read_bytes()
    settings = replace(made.settings, data=tmp_path)
    for damaged in (content[:-1], content[:-1] + bytes([content[-1] ^ 1]), content[:10]):
        settings.root_key.write_bytes(damaged)
        settings.root_key.chmod(0o600)
        with pytest.raises(RootKeyUnusable):
            load_root_key(settings)


@pytest.mark.parametrize("mode", [None, 0o644])
def test_a_pin_that_is_missing_or_open_to_others_makes_no_instance(
    made: Made, tmp_path: Path, mode: int | None
) -> None:
    """It is said to who types the command, and not in the log of the first start that needs it."""
    pin_file = tmp_path / "pin"
    if mode is not None:
        pin_file.write_text("1234")
        pin_file.chmod(mode)
    options = {"pkcs11_module": str(made.token.module), "pkcs11_pin_file": str(pin_file)}
    with pytest.raises(InstanceFault, match="PIN file"):
        asyncio.run(initialise(load(tmp_path / "data", options, {}), lambda _: None))
    assert not (tmp_path / "data" / "root.key").exists()
    assert not list((tmp_path / "data").glob("*.toml"))


def test_a_root_key_is_never_overwritten(made: Made) -> None:
    """Neither is one that a token has wrapped."""
    before = made.settings.root_key.read_bytes()
    with pytest.raises(RootKeyUnusable, match="never overwritten"):
        create_root_key(replace(made.settings, pkcs11_root_key=True), made.settings.root_key)
    assert made.settings.root_key.read_bytes() == before


def _options(made: Made, **more: object) -> dict[str, object]:
    return {"pkcs11_module": str(made.token.module), "pkcs11_pin_file": str(made.token.pin_file), **more}


def test_a_configuration_file_that_lacks_the_token_makes_no_instance(made: Made, tmp_path: Path) -> None:
    """It is its writer's; the lines to write are told, and with them the instance is made."""
    file = tmp_path / "config.toml"
    tmp_path.chmod(0o700)
    file.write_text("[flow]\nbody_time_s = 20\n")
    with pytest.raises(InstanceFault, match=r"at its top") as told:
        asyncio.run(initialise(load(tmp_path, _options(made), {}), lambda _: None))
    assert not (tmp_path / "root.key").exists()
    lines = str(told.value).partition("\n")[2]
    assert lines == f'pkcs11_module = "{made.token.module}"\npkcs11_pin_file = "{made.token.pin_file}"\n'
    file.write_text(lines + file.read_text())
    shown: list[dict[str, str]] = []
    asyncio.run(initialise(load(tmp_path, _options(made), {}), shown.append))
    assert len(shown) == 1


def test_a_configuration_file_that_wants_the_options_beside_it_is_told_them(made: Made, tmp_path: Path) -> None:
    """A PIN file alone cannot be: whoever names its library is told the lines, and not that there is no library."""
    tmp_path.chmod(0o700)
    (tmp_path / "config.toml").write_text(f'pkcs11_pin_file = "{made.token.pin_file}"\n')
    with pytest.raises(InstanceFault, match=f'(?s)at its top.*\npkcs11_module = "{made.token.module}"\n'):
        asyncio.run(initialise(load(tmp_path, _options(made), {}), lambda _: None))


def test_an_instance_that_exists_says_how_it_gets_a_token(made: Made, tmp_path: Path) -> None:
    """`init` over it changes nothing, and names the settings and the vaults; with the same token, only the first."""
    with pytest.raises(InstanceFault, match=r"initialised already.*`strongroom recover` makes new ones.*served.$"):
        asyncio.run(initialise(made.settings, lambda _: None))
    with pytest.raises(InstanceFault, match=r'(?s)--sku premium.*\npkcs11_token = "another"\n$'):
        asyncio.run(initialise(replace(made.settings, pkcs11_token="another"), lambda _: None))


def test_a_refused_pin_is_tried_once(made: Made, tmp_path: Path) -> None:
    """
    It is said so, and no restart tries it again until the file is another: the token's own count would lock it.

    What is remembered holds nothing of the PIN.
    """
    pin_file = tmp_path / "pin"
    pin_file.write_text("482916-wrong-pin")
    pin_file.chmod(0o600)
    settings = replace(made.settings, data=tmp_path, pkcs11_pin_file=str(pin_file))
    settings.root_key.write_bytes(made.settings.root_key.read_bytes())
    settings.root_key.chmod(0o600)
    with pytest.raises(RootKeyUnusable, match=r"refused the PIN in .*CKR_PIN_INCORRECT"):
        load_root_key(settings)
    assert b"pin" not in (tmp_path / "pin-refused").read_bytes()
    # Nobody is asked: there is no token to ask, and it is not told.
    with pytest.raises(RootKeyUnusable, match="has not changed since"):
        load_root_key(replace(settings, pkcs11_module="/nowhere.so"))
    pin_file.write_text(made.token.pin)
    load_root_key(settings)
    assert not (tmp_path / "pin-refused").exists()


def test_a_refused_pin_that_systemd_hands_out_anew_is_tried_once(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every start has another file, so its time says nothing. Another length does, or whoever deletes the mark."""
    pin_file = tmp_path / "credentials" / "pin"
    pin_file.parent.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(pin_file.parent))
    settings = replace(made.settings, data=tmp_path, pkcs11_pin_file=str(pin_file))
    settings.root_key.write_bytes(made.settings.root_key.read_bytes())
    settings.root_key.chmod(0o600)
    for module, told in ((settings.pkcs11_module, "CKR_PIN_INCORRECT"), ("/nowhere.so", "delete .*pin-refused")):
        pin_file.unlink(missing_ok=True)
        pin_file.write_text("482918-wrong-and-longer-pin")
        pin_file.chmod(0o600)
        with pytest.raises(RootKeyUnusable, match=told):
            load_root_key(replace(settings, pkcs11_module=module))
    pin_file.write_text(made.token.pin)
    load_root_key(settings)


def test_a_refused_pin_makes_no_instance(made: Made, tmp_path: Path) -> None:
    """Nor does a first start that wants the root key wrapped try it twice."""
    pin_file = tmp_path / "pin"
    pin_file.write_text("482917-wrong-pin")
    pin_file.chmod(0o600)
    options = _options(made, pkcs11_root_key=True, pkcs11_pin_file=str(pin_file))
    for told in (r"refused the PIN in .*CKR_PIN_INCORRECT", "has not changed since"):
        with pytest.raises(RootKeyUnusable, match=told):
            asyncio.run(initialise(load(tmp_path / "data", options, {}), lambda _: None))
    assert not (tmp_path / "data" / "root.key").exists()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"pkcs11_module": "/nowhere.so", "pkcs11_pin_file": "/p"}, "there is no file '/nowhere.so'"),
        ({"pkcs11_module": "/bin/sh"}, "wants pkcs11_pin_file"),
        ({"pkcs11_root_key": True}, "want pkcs11_module"),
        ({"pkcs11_workers": 0}, "between 1 and 64"),
        ({"pkcs11_workers": 65}, "between 1 and 64"),
        ({"pkcs11_timeout_s": 0.0}, "more than 0"),
    ],
)
def test_settings_that_cannot_be_are_told(tmp_path: Path, given: dict[str, object], told: str) -> None:
    """Before anything is made or started."""
    with pytest.raises(ConfigFault, match=told):
        load(tmp_path, given, {})
