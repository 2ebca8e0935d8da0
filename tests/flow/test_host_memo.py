"""What is remembered of Host headers."""

from __future__ import annotations

from strongroom.app.dispatch import Dispatcher, Surfaces
from strongroom.core.limits import HOST_MEMO_ENTRIES
from strongroom.core.network import Link
from tests.world import Simulation


def test_the_host_asked_longest_ago_is_forgotten_first(world: Simulation) -> None:
    """`HOST_MEMO_ENTRIES` meanings are kept; with one more, the one asked longest ago is found out anew."""
    memo = Dispatcher(world.world, Surfaces())._named

    def ask(number: int) -> None:
        named = memo(f"v{number}.vault.localhost:8443", Link.PUBLIC)
        assert named is not None
        assert named[1].vault_name == f"v{number}"

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
