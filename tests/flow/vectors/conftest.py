"""The places whose keys the vectors are tried with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from strongroom.core.keys import Curve, KeyKind
from strongroom.crypto.forks import Forks
from strongroom.crypto.keys import material
from strongroom.crypto.keys.protocol import PlainKey
from tests.flow.vectors.places import InSoftware, InToken, Place


@pytest.fixture(scope="module", autouse=True)
def quick_imports() -> Iterator[None]:
    """
    Take the vectors' RSA keys without a process that checks that their factors are prime: a third of a second each.

    That imported keys are checked is tests/flow/test_key_import.py's matter.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(material, "read_apart", _read_unchecked)
        yield


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(InSoftware, id="software"),
        pytest.param(InToken, id="token", marks=pytest.mark.toolchain("softhsm2-util")),
    ],
)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Give a vault whose keys live in software, and then one whose keys live in a token."""
    with request.param() as place:
        yield place


def _read_unchecked(_forks: Forks, kind: KeyKind, curve: Curve | None, members: Mapping[str, bytes]) -> PlainKey:
    return material.read_private_key(kind, curve, members, is_checked=True)
