"""Names and hosts: what is built is found again, and nothing else is."""

import string

from hypothesis import example, given
from hypothesis import strategies as st

from strongroom.core.errors import Invalid
from strongroom.core.names import (
    AZURE_HOSTS,
    Hosts,
    Surface,
    is_azure_host,
    is_vault_name,
    parse_object_name,
    parse_version,
)
from strongroom.core.network import Link

ALPHABET = string.ascii_letters + string.digits + "-"
labels = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
domains = st.lists(labels, min_size=1, max_size=3).map(".".join)
hosts = st.builds(Hosts, domain=domains, port=st.one_of(st.just(443), st.integers(1, 65535)))
vault_names = st.from_regex(r"[A-Za-z](-?[0-9A-Za-z]){2,11}", fullmatch=True)
public_links = st.sampled_from([Link.PUBLIC, Link.CONTROL])


@given(hosts, vault_names, public_links)
def test_a_vaults_host_is_found_again(names: Hosts, vault: str, link: Link) -> None:
    """The host built for a vault stands for that vault, in any case, and ids start with the URL built for it."""
    host = names.netloc(Surface.VAULT, vault)
    for spelled in (host, host.upper()):
        site = names.site_of(spelled, link)
        assert site is not None
        assert (site.surface, site.vault_name, site.azure) == (Surface.VAULT, vault.lower(), False)
        assert site.base_url == names.url(Surface.VAULT, vault)


@given(hosts, public_links, st.sampled_from([Surface.LOGIN, Surface.MANAGEMENT, Surface.GRAPH]))
def test_the_other_hosts_are_found_again(names: Hosts, link: Link, surface: Surface) -> None:
    """So does the host of every other surface, and its URL is an audience of it, the token service's aside."""
    site = names.site_of(names.netloc(surface), link)
    assert site is not None
    assert (site.surface, site.vault_name) == (surface, None)
    assert names.surface_of_audience(names.url(surface)) is (None if surface is Surface.LOGIN else surface)


@given(hosts, vault_names, public_links)
def test_a_challenge_is_for_a_parent_of_the_host(names: Hosts, vault: str, link: Link) -> None:
    """Pitfall "Wire": what clients verify of a challenge holds for every name and port."""
    site = names.site_of(names.netloc(Surface.VAULT, vault), link)
    assert site is not None
    challenge = site.challenge("tenant")
    assert site.netloc.endswith("." + challenge.resource.removeprefix("https://"))
    assert challenge.authority == f"{names.url(Surface.LOGIN)}/tenant"
    assert challenge.header.count(",") == 1
    assert challenge.header.count("=") == 2


@given(hosts, st.text(max_size=60), st.sampled_from(Link))
@example(Hosts("localhost", 8443), "\x00", Link.CONTROL)
@example(Hosts("localhost", 8443), ":", Link.CONTROL)
def test_no_host_header_does_harm(names: Hosts, host: str, link: Link) -> None:
    """Any text is found or not, and what is found says where it came from."""
    site = names.site_of(host, link)
    if site is not None:
        assert site.netloc in {host.lower(), host.lower().removesuffix(":443")}
        assert not site.azure or link is Link.CONTROL


@given(hosts, vault_names)
def test_a_vault_has_no_host_but_its_own(names: Hosts, vault: str) -> None:
    """A longer or shorter host of the same vault stands for nothing."""
    host = names.netloc(Surface.VAULT, vault)
    for other in (
        f"x.{host}",
        f"{host}.",
        f"{host}0",
        host.removeprefix(f"{vault.lower()}."),
        f"{vault}.{names.domain}",
    ):
        assert names.site_of(other, Link.PUBLIC) is None


@given(vault_names, st.sampled_from([Link.PUBLIC, Link.MANAGED_IDENTITY]))
def test_azures_names_stand_for_nothing_in_public(vault: str, link: Link) -> None:
    """SEC-NAME-5: they are known on the control link alone, whatever the instance's own domain."""
    names = Hosts("example.com", 443)
    for host in (f"{vault}.vault.azure.net", *AZURE_HOSTS):
        assert is_azure_host(host)
        assert names.site_of(host, link) is None
        assert names.site_of(host, Link.CONTROL) is not None


@given(st.text(max_size=140))
@example("a\n")
@example("\u0661")
@example("\u017f")
def test_object_names_are_letters_digits_and_hyphens(text: str) -> None:
    """The rule, said without an expression."""
    valid = 1 <= len(text) <= 127 and all(character in ALPHABET for character in text)
    try:
        accepted = parse_object_name(text) == text
    except Invalid:
        accepted = False
    assert accepted == valid


@given(st.text(alphabet=ALPHABET + "._\n", max_size=26))
def test_vault_names_keep_their_rule(text: str) -> None:
    """The rule, said without an expression: length, first and last character, hyphens."""
    valid = (
        3 <= len(text) <= 24
        and all(character in ALPHABET for character in text)
        and text[0] in string.ascii_letters
        and not text.endswith("-")
        and "--" not in text
    )
    assert is_vault_name(text) == valid


@given(st.integers(0, 2**128 - 1))
def test_a_version_is_read_back(number: int) -> None:
    """32 digits in either case are one version."""
    text = f"{number:032x}"
    assert parse_version(text) == parse_version(text.upper()) == text
