"""Names of vaults and objects, hosts and what they stand for, challenges and audiences."""

import pytest

from strongroom.core.errors import Invalid
from strongroom.core.limits import OBJECT_NAME_CHARS
from strongroom.core.names import (
    AZURE_HOSTS,
    Hosts,
    Surface,
    azure_names,
    is_azure_host,
    is_vault_name,
    parse_object_name,
    parse_vault_name,
    parse_version,
)
from strongroom.core.network import Link

TENANT = "11111111-2222-3333-4444-555555555555"
HOSTS = Hosts("localhost", 8443)
ON_443 = Hosts("example.com", 443)


@pytest.mark.parametrize("name", ["kv1", "a-b", "Abc", "a" * 24, "a1-2-3", "my-vault"])
def test_a_vault_name_is_3_to_24_letters_digits_and_single_hyphens(name: str) -> None:
    """These names are a vault's."""
    assert parse_vault_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "kv", "a" * 25, "1kv", "-kv", "kv-", "k--v", "k_v", "k.v", "kv1\n", "kvé", "kv\u0661", "k v", "vault/.."],
)
def test_other_vault_names_are_refused(name: str) -> None:
    """These are not, and ARM says so; the line feed and the foreign digit are those that `$` and `isdigit` let pass."""
    assert not is_vault_name(name)
    with pytest.raises(Invalid) as refusal:
        parse_vault_name(name)
    assert refusal.value.code == "VaultNameNotValid"


@pytest.mark.parametrize("name", ["a", "0", "-", "My-Secret-1", "a" * OBJECT_NAME_CHARS])
def test_an_object_name_keeps_its_case(name: str) -> None:
    """Letters, digits and hyphens, 1 to 127 of them, are a name."""
    assert parse_object_name(name) == name


@pytest.mark.parametrize(
    ("name", "told"),
    [
        *((name, name) for name in ("my_name", "a.b", "..", "a b", "_" * OBJECT_NAME_CHARS)),
        *((name, "REDACTED") for name in ("", "a" * (OBJECT_NAME_CHARS + 1), "a/b", "a\n", "ä", "a%2fb")),
    ],
)
def test_a_wrong_object_name_is_refused(name: str, told: str) -> None:
    """Pitfall "Paths, handles, parsing": anything else is a 400, which repeats what a name could have been (ADR 14)."""
    with pytest.raises(Invalid) as refusal:
        parse_object_name(name)
    assert refusal.value.code == "BadParameter"
    assert refusal.value.message == f"The request URI contains an invalid name: {told}"


def test_a_version_is_read_in_either_case() -> None:
    """A version's digits compare without case."""
    assert parse_version("0123456789ABCDEFabcdef0123456789") == "0123456789abcdefabcdef0123456789"


def test_an_empty_version_means_the_latest() -> None:
    """Official clients send an empty last segment for the latest version."""
    assert parse_version("") is None


@pytest.mark.parametrize("text", ["0" * 31, "0" * 33, "g" * 32, "0" * 31 + "\n", "\u0660" * 32])
def test_a_malformed_version_is_refused(text: str) -> None:
    """Anything but 32 hexadecimal digits is a 400."""
    with pytest.raises(Invalid) as refusal:
        parse_version(text)
    assert refusal.value.message.startswith("The request URI contains an invalid version: ")


# ---- hosts


OWN = [
    ("kv1.vault.localhost:8443", Surface.VAULT, "kv1"),
    ("KV1.Vault.LOCALHOST:8443", Surface.VAULT, "kv1"),
    ("login.localhost:8443", Surface.LOGIN, None),
    ("management.localhost:8443", Surface.MANAGEMENT, None),
    ("graph.localhost:8443", Surface.GRAPH, None),
]


@pytest.mark.parametrize(("host", "surface", "vault"), OWN)
@pytest.mark.parametrize("link", [Link.PUBLIC, Link.CONTROL])
def test_own_names_are_known_on_every_link(host: str, surface: Surface, vault: str | None, link: Link) -> None:
    """The four kinds of host of this instance, with its port, are known whatever the connection and the case."""
    site = HOSTS.site_of(host, link)
    assert site is not None
    assert (site.surface, site.vault_name, site.azure) == (surface, vault, False)
    assert site.base_url == f"https://{host.lower()}"


@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost:8443",
        "vault.localhost:8443",
        "kv1.localhost:8443",
        "a.kv1.vault.localhost:8443",
        "k_v.vault.localhost:8443",
        "x.login.localhost:8443",
        "kv1.vault.localhost",
        "kv1.vault.localhost:443",
        "kv1.vault.localhost:8444",
        "kv1.vault.localhost:08443",
        "kv1.vault.localhost:",
        "kv1.vault.localhost:8443:8443",
        "kv1.vault.localhost.:8443",
        "kv1.vaultlocalhost:8443",
        "kv1.vault.notlocalhost:8443",
        "127.0.0.1:8443",
        "[::1]:8443",
        "user@kv1.vault.localhost:8443",
    ],
)
def test_other_hosts_are_unknown(host: str) -> None:
    """A host that is not exactly one of ours, port included, stands for nothing."""
    assert HOSTS.site_of(host, Link.PUBLIC) is None


AZURE = [
    *((host, surface, None) for host, surface in AZURE_HOSTS.items()),
    ("kv1.vault.azure.net", Surface.VAULT, "kv1"),
]


@pytest.mark.parametrize(("host", "surface", "vault"), AZURE)
def test_azure_names_are_aliases_on_the_control_link_only(host: str, surface: Surface, vault: str | None) -> None:
    """SEC-NAME-5: "accepts Azure's names as aliases only on its owner-only Unix socket"."""
    site = HOSTS.site_of(host, Link.CONTROL)
    assert site is not None
    assert (site.surface, site.vault_name, site.azure, site.netloc) == (surface, vault, True, host)
    assert HOSTS.site_of(host, Link.PUBLIC) is None
    assert HOSTS.site_of(host, Link.MANAGED_IDENTITY) is None
    assert HOSTS.site_of(f"{host}:8443", Link.CONTROL) is None


@pytest.mark.parametrize(
    "host", ["vault.azure.net", "kv1.vault.azure.cn", "kv1.managedhsm.azure.net", "graph.windows.net"]
)
def test_azure_names_that_are_not_served_are_unknown_and_known_to_be_azures(host: str) -> None:
    """SEC-NAME-8: `run` "refuses Azure names it does not serve": they are recognised, and stand for nothing."""
    assert HOSTS.site_of(host, Link.CONTROL) is None
    assert is_azure_host(host)


@pytest.mark.parametrize(
    "host", ["example.com", "notvault.azure.net.example", "kv1-vault.azure.net", "xlogin.windows.net"]
)
def test_hosts_beside_azures_are_let_through(host: str) -> None:
    """Only whole labels count: these names are somebody else's."""
    assert not is_azure_host(host)


def test_port_443_is_left_out_of_urls_and_hosts() -> None:
    """An instance on 443 builds URLs without a port, and a client that writes it gets ids without."""
    assert ON_443.url(Surface.LOGIN) == "https://login.example.com"
    assert ON_443.url(Surface.VAULT, "KV1") == "https://kv1.vault.example.com"
    for host in ("kv1.vault.example.com", "kv1.vault.example.com:443"):
        site = ON_443.site_of(host, Link.PUBLIC)
        assert site is not None
        assert site.base_url == "https://kv1.vault.example.com"


def test_the_relay_may_leave_the_port_out() -> None:
    """Through `run` our own names work on 443 too, and ids then carry no port."""
    site = HOSTS.site_of("kv1.vault.localhost", Link.CONTROL)
    assert site is not None
    assert site.base_url == "https://kv1.vault.localhost"
    assert HOSTS.site_of("kv1.vault.localhost:8444", Link.CONTROL) is None


CHALLENGES = [
    (HOSTS, "kv1.vault.localhost:8443", f"https://login.localhost:8443/{TENANT}", "https://vault.localhost:8443"),
    (HOSTS, "kv1.vault.localhost", f"https://login.localhost/{TENANT}", "https://vault.localhost"),
    (HOSTS, "kv1.vault.azure.net", f"https://login.microsoftonline.com/{TENANT}", "https://vault.azure.net"),
    (HOSTS, "management.azure.com", f"https://login.microsoftonline.com/{TENANT}", "https://management.azure.com"),
    (HOSTS, "graph.localhost:8443", f"https://login.localhost:8443/{TENANT}", "https://graph.localhost:8443"),
    (ON_443, "kv1.vault.example.com", f"https://login.example.com/{TENANT}", "https://vault.example.com"),
]


@pytest.mark.parametrize(("hosts", "host", "authority", "resource"), CHALLENGES)
def test_a_challenge_answers_in_the_names_it_was_asked_in(
    hosts: Hosts, host: str, authority: str, resource: str
) -> None:
    """Pitfall "Wire": the resource is a parent domain of the vault's host, port included; Azure's names get Azure's."""
    site = hosts.site_of(host, Link.CONTROL)
    assert site is not None
    challenge = site.challenge(TENANT)
    assert (challenge.authority, challenge.resource) == (authority, resource)
    assert challenge.header == f'Bearer authorization="{authority}", resource="{resource}"'
    assert challenge.resource in hosts.audiences(site.surface)


def test_a_vault_accepts_what_it_advertises_and_azures_names_for_it() -> None:
    """The audiences of the vault surface are exactly these."""
    assert HOSTS.audiences(Surface.VAULT) == {
        "https://vault.localhost:8443",
        "https://vault.localhost:8443/",
        "https://vault.localhost",
        "https://vault.localhost/",
        "https://vault.azure.net",
        "https://vault.azure.net/",
        "cfa8b339-82a2-471a-a3c9-0fc0be7a4093",
    }


def test_no_audience_serves_two_surfaces() -> None:
    """A token for one surface is never good at another."""
    surfaces = [Surface.VAULT, Surface.MANAGEMENT, Surface.GRAPH]
    sets = [HOSTS.audiences(surface) for surface in surfaces]
    assert sum(len(audiences) for audiences in sets) == len(frozenset[str]().union(*sets))
    for surface in surfaces:
        assert {HOSTS.surface_of_audience(audience) for audience in HOSTS.audiences(surface)} == {surface}


@pytest.mark.parametrize(
    "audience",
    [
        "",
        "https://vault.azure.net//",
        "http://vault.azure.net",
        "https://kv1.vault.azure.net",
        "https://login.localhost:8443",
    ],
)
def test_other_audiences_are_nobodys(audience: str) -> None:
    """Nothing near an audience is one, and there are no tokens for the token service itself."""
    assert HOSTS.surface_of_audience(audience) is None


def test_management_has_its_classic_name_too() -> None:
    """Azure CLI asks for tokens to management.core.windows.net with a slash at the end."""
    assert HOSTS.surface_of_audience("https://management.core.windows.net/") is Surface.MANAGEMENT


def test_a_runs_certificate_names_what_is_served_and_no_more() -> None:
    """SEC-NAME-3: "the exact Azure names served"; every one of them is served."""
    names = azure_names(("KV1", "kv2"))
    assert names == (*AZURE_HOSTS, "kv1.vault.azure.net", "kv2.vault.azure.net")
    assert all(HOSTS.site_of(name, Link.CONTROL) is not None and is_azure_host(name) for name in names)
