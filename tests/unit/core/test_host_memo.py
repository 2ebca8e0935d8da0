"""What is remembered of Host headers."""

from strongroom.core import names
from strongroom.core.limits import HOST_MEMO_ENTRIES
from strongroom.core.names import Hosts
from strongroom.core.network import Link

HOSTS = Hosts("localhost", 8443)


def ask(number: int) -> None:
    """Ask for a host that nobody else asks for."""
    site = HOSTS.site_of(f"v{number}.vault.localhost:8443", Link.PUBLIC)
    assert site is not None
    assert site.vault_name == f"v{number}"


def test_the_host_asked_longest_ago_is_forgotten_first() -> None:
    """`HOST_MEMO_ENTRIES` meanings are kept; with one more, the one asked longest ago is found out anew."""
    memo = names._site_of
    memo.cache_clear()
    for number in range(100, 100 + HOST_MEMO_ENTRIES):
        ask(number)
    ask(100)
    assert memo.cache_info()[:4] == (1, HOST_MEMO_ENTRIES, HOST_MEMO_ENTRIES, HOST_MEMO_ENTRIES)

    ask(100 + HOST_MEMO_ENTRIES)
    assert memo.cache_info().currsize == HOST_MEMO_ENTRIES
    ask(100)
    assert memo.cache_info().hits == 2
    ask(101)
    assert memo.cache_info().hits == 2
