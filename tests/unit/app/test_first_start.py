"""The first start: what it makes, with which modes, and what it never touches."""

from __future__ import annotations

import asyncio
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509

from strongroom.app import open_instance
from strongroom.app.data_directory import InstanceFault, NotInitialised, lock_directory
from strongroom.app.first_start import initialise
from strongroom.config import Settings
from strongroom.core.builtin_roles import KEY_VAULT_ADMINISTRATOR, OWNER
from strongroom.core.directory_roles import GLOBAL_ADMINISTRATOR
from strongroom.core.identity import Credential, CredentialKind, Tenant
from strongroom.core.keys import Curve, KeyKind, KeySpec, PublicParts
from strongroom.core.rbac import RoleAssignment
from strongroom.crypto.keys.algorithms import ALGORITHMS
from strongroom.crypto.keys.protocol import Place

FACTS = {
    "tenantId",
    "subscriptionId",
    "resourceGroup",
    "vaultName",
    "vaultUri",
    "authority",
    "armUri",
    "graphUri",
    "clientId",
    "clientSecret",
    "objectId",
    "userName",
    "userPassword",
    "caFile",
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Set up an instance that is not there yet."""
    return Settings(data=tmp_path / "data", domain="vaults.example", port=9443)


def make(settings: Settings) -> dict[str, str]:
    """Make the instance."""
    facts: dict[str, str] = {}
    asyncio.run(initialise(settings, facts.update))
    return facts


def test_the_end_waits_for_no_key(settings: Settings) -> None:
    """What waits to be made or read is dropped when an instance is closed: it would keep the process until then."""
    make(settings)

    async def after_the_end() -> None:
        async with open_instance(settings) as opened:
            world = opened.world
        place, rsa = Place("v", "s", "n", "1"), KeySpec(KeyKind.RSA, 2048)
        for late in (
            world.protections.software.make(rsa, place),
            world.incoming_keys.read(KeyKind.EC, Curve.P256, {}),
            world.protections.public.verify(
                KeySpec(KeyKind.EC, curve=Curve.P384), PublicParts(), ALGORITHMS["ES384"], bytes(48), bytes(96)
            ),
        ):
            with pytest.raises(RuntimeError, match="is closed"):
                await late

    asyncio.run(after_the_end())


def test_what_it_prints_has_a_port(settings: Settings) -> None:
    """A free port is known when the service listens, and not to an `init`: that makes nothing, and says what to do."""
    with pytest.raises(InstanceFault, match="serve --port 0"):
        make(replace(settings, port=0))
    assert not settings.data.exists()


def test_prints_the_promised_facts(settings: Settings) -> None:
    """`init --json` has exactly the members that scripts rely on."""
    facts = make(settings)
    assert set(facts) == FACTS
    assert facts["vaultUri"] == f"https://{facts['vaultName']}.vault.vaults.example:9443/"
    assert facts["authority"] == "https://login.vaults.example:9443"
    assert Path(facts["caFile"]).read_bytes().startswith(b"-----BEGIN CERTIFICATE-----")


def test_everything_is_the_owners_alone(settings: Settings) -> None:
    """The directory is 0700 and every file in it 0600 (SEC-BOOT-12: umask 077)."""
    make(settings)
    assert stat.S_IMODE(settings.data.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in settings.data.iterdir() if path.is_file()}
    assert {"root.key", "strongroom.db", "server.key"} <= set(modes)
    assert set(modes.values()) == {0o600}


def test_no_secret_is_kept(settings: Settings) -> None:
    """SEC-BOOT-2, SEC-NAME-11: the first secrets are in no file of the instance, the CA's key in none unsealed."""
    facts = make(settings)
    everything = b"".join(path.read_bytes() for path in settings.data.rglob("*") if path.is_file())
    assert facts["clientSecret"].encode() not in everything
    assert facts["userPassword"].encode() not in everything
    assert b"PRIVATE KEY" not in (settings.database.read_bytes())


def test_the_ca_speaks_for_its_domain_alone(settings: Settings) -> None:
    """SEC-NAME-10: the CA is critically constrained to the instance's domain, and no IP address is in it."""
    facts = make(settings)
    authority = x509.load_pem_x509_certificate(Path(facts["caFile"]).read_bytes())
    constraints = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    assert [str(tree.value) for tree in constraints.value.permitted_subtrees or []] == ["vaults.example"]
    assert len(constraints.value.excluded_subtrees or []) == 2


def test_the_first_principals_rights(settings: Settings) -> None:
    """
    SEC-BOOT-8: the first application and user administer everything; the identity `default` its vault alone.

    SEC-BOOT-3: the application's secret ends after 30 days.
    """
    facts = make(settings)

    async def rights() -> tuple[list[RoleAssignment], dict[str, frozenset[str]], str, int]:
        async with open_instance(settings) as opened:
            view = opened.world.view
            tenant = facts["tenantId"]
            user = view.user_by_upn(facts["userName"])
            assert user is not None
            identity = view.user_assigned_identity(facts["subscriptionId"], facts["resourceGroup"], "default")
            assert identity is not None
            roles = {oid: view.directory_roles_of(tenant, oid) for oid in (facts["objectId"], user.id)}
            secrets = [c for c in view.all(Credential) if c.kind is CredentialKind.SECRET]
            assert len(secrets) == 1
            expires = secrets[0].expires
            assert expires is not None
            return list(view.all(RoleAssignment)), roles, identity.principal_id, expires - secrets[0].created

    assignments, roles, identity, lifetime_s = asyncio.run(rights())
    assert all(held == {GLOBAL_ADMINISTRATOR} for held in roles.values())
    subscription = f"/subscriptions/{facts['subscriptionId']}"
    given = {(a.principal, a.role, a.scope) for a in assignments}
    vault = (
        f"{subscription}/resourceGroups/{facts['resourceGroup']}/providers/Microsoft.KeyVault/vaults/"
        f"{facts['vaultName']}"
    )
    assert given == {
        *((oid, role, subscription) for oid in roles for role in (OWNER, KEY_VAULT_ADMINISTRATOR)),
        (identity, KEY_VAULT_ADMINISTRATOR, vault),
    }
    assert lifetime_s == 30 * 86_400


def test_a_second_start_finds_all_of_it(settings: Settings) -> None:
    """What the first start made is there at every later one, and a second init refuses to make it anew."""
    facts = make(settings)

    async def tenant() -> str:
        async with open_instance(settings) as opened:
            return opened.world.view.all(Tenant)[0].id

    assert asyncio.run(tenant()) == facts["tenantId"]
    with pytest.raises(InstanceFault, match="initialised already"):
        make(settings)


@pytest.mark.parametrize("lost", ["root.key", "strongroom.db"])
def test_nothing_is_made_over_what_is_left(settings: Settings, lost: str) -> None:
    """An instance that lost its key or its store is left as it is: a backup may bring the other half back."""
    make(settings)
    (settings.data / lost).unlink()
    before = {path: path.read_bytes() for path in settings.data.rglob("*") if path.is_file() and path.name != "lock"}
    with pytest.raises(InstanceFault, match="backup"):
        make(settings)
    assert {path: path.read_bytes() for path in before} == before


def test_a_first_start_that_was_cut_short_is_made_anew(settings: Settings) -> None:
    """What a first start left half-made does not count and is in nobody's way."""
    settings.data.mkdir(mode=0o700)
    (settings.data / "root.key.new").write_bytes(b"x" * 32)
    (settings.data / "strongroom.db.new").write_bytes(b"half")
    assert set(make(settings)) == FACTS
    assert not list(settings.data.glob("*.new*"))


def test_a_first_start_cut_between_its_last_steps_is_finished(settings: Settings) -> None:
    """If only the store had not got its name yet, the next start gives it."""
    facts = make(settings)
    settings.database.rename(settings.database.with_name("strongroom.db.new"))

    async def tenant() -> str:
        async with open_instance(settings) as opened:
            return opened.world.view.all(Tenant)[0].id

    assert asyncio.run(tenant()) == facts["tenantId"]


def test_a_directory_that_others_can_read_is_refused(settings: Settings) -> None:
    """Strongroom does not put secrets where others can read, and says the mend."""
    settings.data.mkdir(mode=0o755)
    settings.data.chmod(0o755)
    with pytest.raises(InstanceFault, match="chmod 700"):
        make(settings)


def test_one_process_at_a_time(settings: Settings) -> None:
    """A second service on the same directory is refused."""
    make(settings)

    async def twice() -> None:
        async with lock_directory(settings.data), lock_directory(settings.data):
            pass

    with pytest.raises(InstanceFault, match="already running"):
        asyncio.run(twice())


def test_another_domain_is_refused(settings: Settings) -> None:
    """The CA cannot vouch for another domain, so an instance keeps the one it was made for."""
    make(settings)

    async def moved() -> None:
        async with open_instance(Settings(data=settings.data, domain="elsewhere.example")):
            pass

    with pytest.raises(InstanceFault, match=r"vaults\.example"):
        asyncio.run(moved())


def test_no_instance_says_how_to_make_one(settings: Settings) -> None:
    """Opening what is not there says the command that makes it."""
    settings.data.mkdir(mode=0o700)

    async def opened() -> None:
        async with open_instance(settings):
            pass

    with pytest.raises(NotInitialised, match="strongroom init"):
        asyncio.run(opened())


def test_the_wrong_root_key_opens_nothing(settings: Settings, tmp_path: Path) -> None:
    """A store does not open under another instance's key."""
    make(settings)
    other = Settings(data=tmp_path / "other")
    make(other)
    settings.root_key.write_bytes(other.root_key.read_bytes())

    async def opened() -> None:
        async with open_instance(settings):
            pass

    with pytest.raises(InstanceFault, match="root key"):
        asyncio.run(opened())


_START = """
import asyncio, pathlib, sys
import strongroom.cli.serve, strongroom.cli.serving, strongroom.app.service, strongroom.app.jobs
import strongroom.arm.operations, strongroom.vault.operations
from strongroom.app import open_instance
from strongroom.app.first_start import initialise
from strongroom.config import Settings

async def start(settings):
    await initialise(settings, lambda _: None)
    async with open_instance(settings):
        print(*sys.modules)

asyncio.run(start(Settings(data=pathlib.Path(sys.argv[1]))))
"""


def test_a_start_without_a_token_loads_nothing_of_pkcs11(tmp_path: Path) -> None:
    """Neither our package nor the binding: it costs nobody who has no use for it, and its faults are not theirs."""
    run = subprocess.run(
        [sys.executable, "-c", _START, str(tmp_path / "data")], capture_output=True, check=True, text=True, timeout=60
    )
    loaded = set(run.stdout.split())
    assert {"strongroom.app.tokens", "strongroom.app.jobs", "strongroom.crypto.keys.software"} <= loaded
    assert not {name for name in loaded if "kcs11" in name.lower()}
