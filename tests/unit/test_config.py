"""Settings: defaults, a TOML file, the environment and options, the later winning, all faults together."""

from __future__ import annotations

from pathlib import Path

import pytest

from strongroom.config import ConfigFault, default_data_directory, load
from strongroom.core.limits import USER_DOMAIN_CHARS


def test_defaults(tmp_path: Path) -> None:
    """Without anything said, the names and port are those of the README, on loopback."""
    settings = load(tmp_path, environment={})
    assert (settings.domain, settings.address, settings.port) == ("localhost", "127.0.0.1", 8443)
    assert settings.managed_identity_port == 0


def test_options_win_over_the_environment_over_the_file(tmp_path: Path) -> None:
    """The later of file, environment and options wins, setting by setting."""
    (tmp_path / "config.toml").write_text('domain = "a.example"\nport = 1\nregion = "one"\n')
    environment = {"STRONGROOM_PORT": "2", "STRONGROOM_REGION": "two"}
    settings = load(tmp_path, {"region": "three", "domain": None}, environment)
    assert (settings.domain, settings.port, settings.region) == ("a.example", 2, "three")


def test_the_flows_settings(tmp_path: Path) -> None:
    """Each package's settings have a table in the file and a prefix in the environment."""
    (tmp_path / "config.toml").write_text("[flow]\nservice_limits = true\nbody_time_s = 5\n")
    settings = load(tmp_path, environment={"STRONGROOM_FLOW_TOKEN_CACHE_ENTRIES": "1000"})
    assert settings.flow.service_limits is True
    assert settings.flow.body_time_s == 5.0
    assert settings.flow.token_cache_entries == 1000


def test_the_data_directory_from_the_environment() -> None:
    """STRONGROOM_DATA names the directory where no option does."""
    assert load(environment={"STRONGROOM_DATA": "/srv/vaults"}).data == Path("/srv/vaults")


def test_all_faults_are_reported_together(tmp_path: Path) -> None:
    """Whoever mends settings sees every fault at once, each with its place."""
    (tmp_path / "config.toml").write_text('port = "x"\ncolour = 1\ndomain = "-"\n[flow]\nwarp = 9\n')
    with pytest.raises(ConfigFault) as fault:
        load(tmp_path, environment={"STRONGROOM_MANAGED_IDENTITY_PORT": "many"})
    text = "\n".join(fault.value.faults)
    assert len(fault.value.faults) == 5
    for word in ("port", "colour", "domain", "warp", "STRONGROOM_MANAGED_IDENTITY_PORT"):
        assert word in text


@pytest.mark.parametrize("port", [-1, 65_536])
def test_ports_have_a_range(tmp_path: Path, port: int) -> None:
    """A port is 0 to 65535."""
    with pytest.raises(ConfigFault):
        load(tmp_path, {"port": port}, {})


@pytest.mark.parametrize(
    "domain", ["", "a b", "a_b.example", "-a.example", "a..example", f"{'a' * 64}.test", "192.0.2.7", "bücher.example"]
)
def test_a_domain_is_a_dns_name(tmp_path: Path, domain: str) -> None:
    """What is no DNS name, or would be read as an address, is refused before anything is made for it."""
    with pytest.raises(ConfigFault, match="must be a DNS name"):
        load(tmp_path, {"domain": domain}, {})


@pytest.mark.parametrize(
    "domain",
    [
        "azure.net",
        "vault.azure.net",
        "x.vault.azure.net",
        "Microsoft.com",
        "windows.net",
        "net",
        "us",
        "x.azure.net",
        "x.cloudapp.azure.com",
        "x.azure.us",
        "x.microsoftonline.com",
        "x.blob.core.windows.net",
    ],
)
def test_a_domain_is_none_of_azures(tmp_path: Path, domain: str) -> None:
    """SEC-NAME-4: with a domain around Azure's names the server would hold keys for them, and answer to them."""
    with pytest.raises(ConfigFault, match="Azure's own names"):
        load(tmp_path, {"domain": domain}, {})


@pytest.mark.parametrize(("before", "after"), [("", ".example"), ("strongroom.", "")])
def test_a_domain_leaves_room_for_users(tmp_path: Path, before: str, after: str) -> None:
    """Users' names end with it, or with a label and it, and have Entra's limit."""
    room = USER_DOMAIN_CHARS - len(before) - len(after)
    assert load(tmp_path, {"domain": "a" * room + after}, {}).domain == "a" * room + after
    with pytest.raises(ConfigFault, match=f"of {USER_DOMAIN_CHARS}"):
        load(tmp_path, {"domain": "a" * (room + 1) + after}, {})


@pytest.mark.parametrize("address", ["", "localhost", "[::1]", "127.0.0.1:8443"])
def test_the_address_is_one(tmp_path: Path, address: str) -> None:
    """The listener is told an address, in words that say so; a name is none."""
    with pytest.raises(ConfigFault, match="address must be an IP address"):
        load(tmp_path, {"address": address}, {})


def test_a_broken_file_is_a_fault(tmp_path: Path) -> None:
    """A file that is no TOML is reported, not ignored."""
    (tmp_path / "config.toml").write_text("port = ")
    with pytest.raises(ConfigFault, match=r"config\.toml"):
        load(tmp_path, environment={})


def test_a_relative_base_directory_is_ignored() -> None:
    """The base directory specification: a relative XDG_DATA_HOME counts as none."""
    assert default_data_directory({"XDG_DATA_HOME": "here"}) == default_data_directory({})


def test_the_flows_numbers_are_more_than_nothing(tmp_path: Path) -> None:
    """A time or an allowance of nothing, or less, is a fault like any other."""
    with pytest.raises(ConfigFault, match="body_time_s"):
        load(tmp_path, environment={"STRONGROOM_FLOW_BODY_TIME_S": "-1"})


def test_where_requests_may_go(tmp_path: Path) -> None:
    """A range that is none, and a file that is not there, are faults: the service would reach less than was meant."""
    environment = {"STRONGROOM_EGRESS_NETWORKS": "10.0.0.0/8, 10.0.0.1/8", "STRONGROOM_EGRESS_CA_FILE": "/nowhere.pem"}
    with pytest.raises(ConfigFault) as fault:
        load(tmp_path, environment=environment)
    assert len(fault.value.faults) == 2
    assert "'10.0.0.1/8' is no address range" in fault.value.faults[0]
    assert "/nowhere.pem" in fault.value.faults[1]


@pytest.mark.parametrize("address", ["0.0.0.0", "224.0.0.1", "::1", "localhost", "10.0.0.1/8"])  # noqa: S104  to be refused
def test_tokens_are_offered_on_one_named_address(tmp_path: Path, address: str) -> None:
    """SEC-TOKEN-17: the address of the managed identity listener is one IPv4 address, and never every one."""
    with pytest.raises(ConfigFault, match="metadata_address"):
        load(tmp_path, {"metadata_address": address}, environment={})


@pytest.mark.parametrize(
    "listen", ["80", "localhost:80", "10.0.0.1", "10.0.0.1:0", "10.0.0.1:65536", "::1:80", "[10.0.0.1]:80"]
)
def test_the_plain_listener_has_an_address_and_a_port(tmp_path: Path, listen: str) -> None:
    """What is none is a fault that shows one."""
    with pytest.raises(ConfigFault, match=r"pki_listen must be an IP address and a port, such as 0\.0\.0\.0:80"):
        load(tmp_path, {"pki_listen": listen}, environment={})


@pytest.mark.parametrize(
    "url", ["https://pki.example.org", "http://pki.example.org/x", "http://a@b", "http://", "http://a\nb"]
)
def test_certificates_name_a_plain_url(tmp_path: Path, url: str) -> None:
    """The URL in certificates is plain HTTP's and a host's, since no certificate can be checked by itself."""
    with pytest.raises(ConfigFault, match="pki_url must be http://"):
        load(tmp_path, {"pki_listen": "10.0.0.1:80", "pki_url": url}, environment={})


def test_a_url_in_certificates_wants_a_listener(tmp_path: Path) -> None:
    """Nobody could read what is not served."""
    with pytest.raises(ConfigFault, match="pki_url wants pki_listen"):
        load(tmp_path, {"pki_url": "http://pki.example.org"}, environment={})


@pytest.mark.parametrize(
    ("settings", "base"),
    [
        ({}, ""),
        ({"pki_listen": "[::]:80"}, "http://pki.localhost"),
        ({"pki_listen": "10.0.0.1:8080"}, "http://pki.localhost:8080"),
        ({"pki_listen": "10.0.0.1:8080", "pki_url": "http://pki.example.org/"}, "http://pki.example.org"),
    ],
    ids=["none", "the usual port", "another port", "given"],
)
def test_the_url_in_certificates(tmp_path: Path, settings: dict[str, str], base: str) -> None:
    """It is the domain's unless it is set, and there is none without a listener."""
    assert load(tmp_path, settings, environment={}).pki_base == base


@pytest.mark.parametrize("folder", ["keys", "/a=b", "/a b", "/a/", "/a\nb", ""])
def test_the_folder_of_key_files_fits_into_a_header(tmp_path: Path, folder: str) -> None:
    """It stands in Arc's challenge, which clients cut at a sign of equality."""
    with pytest.raises(ConfigFault, match="arc_key_folder"):
        load(tmp_path, {"arc_key_folder": folder}, environment={})


# ---- proxies in front -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"trusted_proxies": "10.0.0.0/8, 0.0.0.0/0"}, "trusted_proxies: '0.0.0.0/0' is every address there is"),
        (
            {"trusted_proxies": "0.0.0.0/1 128.0.0.0/1"},
            "trusted_proxies: together the ranges are every address there is",
        ),
        ({"trusted_proxies": "::/0"}, "trusted_proxies: '::/0' is every address there is"),
        ({"trusted_proxies": "balancer"}, "trusted_proxies: 'balancer' is no address range"),
        ({"proxy_protocol_address": "10.0.0.5"}, "proxy_protocol_address wants trusted_proxies"),
        (
            {"proxy_protocol_address": "balancer", "trusted_proxies": "10.0.0.1"},
            "proxy_protocol_address must be an IP address",
        ),
        ({"proxy_protocol_port": 65_536}, "proxy_protocol_port must be between 0 and 65535"),
        ({"public_port": -1}, "public_port must be between 0 and 65535"),
    ],
)
def test_proxies_that_cannot_be(tmp_path: Path, given: dict[str, object], fault: str) -> None:
    """SEC-FLOW-10: whom to believe is a fault of the settings where it is nobody, or everybody."""
    with pytest.raises(ConfigFault) as faults:
        load(tmp_path, given, {})
    assert len(faults.value.faults) == 1
    assert faults.value.faults[0].startswith(fault)


def test_proxies_from_the_file(tmp_path: Path) -> None:
    """They stand where every setting does; the port in URLs is the listener's unless another is named."""
    (tmp_path / "config.toml").write_text(
        'trusted_proxies = "10.0.0.0/8, 2001:db8::1"\nproxy_protocol_address = "::"\nproxy_protocol_port = 0\n'
    )
    settings = load(tmp_path, environment={"STRONGROOM_PUBLIC_PORT": "443"})
    assert (settings.trusted_proxies, settings.proxy_protocol_address) == ("10.0.0.0/8, 2001:db8::1", "::")
    assert (settings.port, settings.url_port, load(tmp_path, environment={}).url_port) == (8443, 443, 8443)
