"""Which names a run serves, refuses and passes through."""

import pytest

from strongroom.cli.azure_names import ServedNames, Way, is_azure_name, is_loopback_name
from strongroom.core.names import AZURE_DOMAINS, AZURE_HOSTS

SERVED = ServedNames(
    azure=frozenset({*AZURE_HOSTS, "mine.vault.azure.net"}),
    own=frozenset({"login.localhost", "mine.vault.localhost"}),
    own_port=8443,
)


@pytest.mark.parametrize(
    ("name", "port", "way"),
    [
        # Azure's, served: on its own port and no other.
        ("mine.vault.azure.net", 443, Way.SERVE),
        ("login.microsoftonline.com", 443, Way.SERVE),
        ("mine.vault.azure.net", 8443, Way.REFUSE),
        # Ours: on our port, and on 443, where clients leave the port out.
        ("login.localhost", 8443, Way.SERVE),
        ("mine.vault.localhost", 443, Way.SERVE),
        ("login.localhost", 3000, Way.THROUGH),
        ("other.vault.localhost", 8443, Way.THROUGH),
        # Azure's, not served.
        ("other.vault.azure.net", 443, Way.REFUSE),
        ("vault.azure.net", 443, Way.REFUSE),
        ("a.mine.vault.azure.net", 443, Way.REFUSE),
        ("pool.managedhsm.azure.net", 443, Way.REFUSE),
        ("westeurope.login.microsoft.com", 443, Way.REFUSE),
        ("portal.azure.com", 443, Way.REFUSE),
        ("mine.vault.usgovcloudapi.net", 443, Way.REFUSE),
        ("mine.vault.azure.cn", 443, Way.REFUSE),
        ("login.live.com", 443, Way.REFUSE),
        # All others, however alike they look.
        ("example.com", 443, Way.THROUGH),
        ("notazure.net", 443, Way.THROUGH),
        ("vault.azure.net.example.com", 443, Way.THROUGH),
        ("learn.microsoft.com", 443, Way.THROUGH),
        ("localhost", 8443, Way.THROUGH),
        ("127.0.0.1", 8443, Way.THROUGH),
        ("::1", 443, Way.THROUGH),
    ],
)
def test_the_way_to_a_name(name: str, port: int, way: Way) -> None:
    """Served names end here, Azure's others are refused, the rest passes: SEC-NAME-8, SEC-NAME-9."""
    assert SERVED.way_to(name, port) is way


@pytest.mark.parametrize("domain", AZURE_DOMAINS)
def test_what_this_service_stands_for_is_azures(domain: str) -> None:
    """Every domain that core knows as Azure's is refused where it is not served."""
    assert is_azure_name(domain)
    assert is_azure_name(f"anything.{domain}")


@pytest.mark.parametrize(
    ("entry", "bypasses"),
    [
        ("*", True),
        ("azure.net", True),
        (".azure.net", True),
        ("*.vault.azure.net", True),
        ("mine.vault.azure.net:443", True),
        ("MINE.VAULT.AZURE.NET", True),
        ("other.vault.azure.net", True),
        ("net", True),
        # As requests and urllib read it, any ending of letters counts.
        ("t.com", True),
        ("localhost", True),
        (".localhost", True),
        ("live.com", True),
        ("", False),
        ("  ", False),
        ("127.0.0.1", False),
        ("10.0.0.0/8", False),
        ("::1", False),
        ("[::1]", False),
        ("example.com", False),
        ("intranet.corp", False),
    ],
)
def test_entries_of_no_proxy_that_would_lead_past_the_relay(entry: str, *, bypasses: bool) -> None:
    """An exception that any client could take for a served or refused name is one too many: SEC-NAME-7."""
    assert SERVED.bypasses(entry) is bypasses


@pytest.mark.parametrize(
    ("name", "loopback"),
    [("localhost", True), ("a.b.localhost", True), ("notlocalhost", False), ("localhost.com", False)],
)
def test_names_under_localhost_are_this_machine(name: str, *, loopback: bool) -> None:
    """RFC 6761 section 6.3, whatever the resolver says."""
    assert is_loopback_name(name) is loopback
