"""What a certificate says of itself."""

import pytest

from strongroom.crypto.certificate_facts import CertificateFacts, read_certificate
from strongroom.crypto.x509 import AUTHORITY_LIFETIME_S, issue_leaf, make_authority

NOW = 1_800_000_000


def test_names_and_life_are_read() -> None:
    """Those of a leaf as it was issued; an authority has no names, and ten years."""
    authority = make_authority("a.example", now=NOW)
    leaf = issue_leaf(authority, ("*.vault.a.example", "login.a.example"), now=NOW)
    assert read_certificate(leaf.certificate) == CertificateFacts(leaf.names, leaf.not_before, leaf.not_after)
    facts = read_certificate(authority.certificate)
    assert facts.names == ()
    assert facts.not_after - facts.not_before >= AUTHORITY_LIFETIME_S


@pytest.mark.parametrize("content", [b"", b"no certificate", b"\xff\x00"])
def test_what_is_none_is_refused(content: bytes) -> None:
    """As a value that is wrong."""
    with pytest.raises(ValueError):  # noqa: PT011  the library's words are its own
        read_certificate(content)
