"""The paths that an identity's socket may have."""

from __future__ import annotations

import pytest

from strongroom.core import limits
from strongroom.core.errors import Invalid
from strongroom.core.identity_maps import parse_socket


@pytest.mark.parametrize("path", ["/run/strongroom/web.sock", "/a", "/srv/..a/b-1@x+y"])
def test_good_paths(path: str) -> None:
    """Absolute paths of harmless characters, as they stand."""
    assert parse_socket(path) == path


@pytest.mark.parametrize(
    "path", ["", "/", "a.sock", "/a/", "//a", "/a//b", "/a/../b", "/a/.", "/..", "/a b", "/a\n", "/a\0", "/ä", "/a:b"]
)
def test_bad_paths(path: str) -> None:
    """Relative, with an empty, '.' or '..' segment, or with a character that a list or a log would take amiss."""
    with pytest.raises(Invalid):
        parse_socket(path)


def test_the_longest_path() -> None:
    """As long as the kernels take, and not one more."""
    longest = "/" + "x" * (limits.SOCKET_PATH_CHARS - 1)
    assert parse_socket(longest) == longest
    with pytest.raises(Invalid):
        parse_socket(longest + "x")
