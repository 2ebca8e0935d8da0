"""X.500 names as text: what a policy's subject may say (reference section 4.5)."""

from __future__ import annotations

import string
from contextlib import suppress

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from strongroom.core.errors import Invalid
from strongroom.core.x500 import Attribute, NotAName, parse_name
from strongroom.crypto.certificates.properties import subject_of

CN, O_, OU, C, ST_, E_, DC = (
    "2.5.4.3",
    "2.5.4.10",
    "2.5.4.11",
    "2.5.4.6",
    "2.5.4.8",
    "1.2.840.113549.1.9.1",
    "0.9.2342.19200300.100.1.25",
)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("  ", []),
        ("CN=example.com", [(CN, "example.com")]),
        ("CN=a,O=b", [(CN, "a"), (O_, "b")]),
        ('CN=a, O="Example, Inc.", C=US', [(CN, "a"), (O_, "Example, Inc."), (C, "US")]),
        ('O="say ""no"""', [(O_, 'say "no"')]),
        (r"O=Example\, Inc.", [(O_, "Example, Inc.")]),
        (r"O=\C3\A9t\C3\A9", [(O_, "été")]),
        ("cn = a ; st = b", [(CN, "a"), (ST_, "b")]),
        ("S=Bavaria, E=a@b.example", [(ST_, "Bavaria"), (E_, "a@b.example")]),
        ("emailAddress=a@b.example,DC=example", [(E_, "a@b.example"), (DC, "example")]),
        ("OID.2.5.4.3=a, 2.5.4.10=b", [(CN, "a"), (O_, "b")]),
        ("CN=two words", [(CN, "two words")]),
        ("CN=*.example.com", [(CN, "*.example.com")]),
        (r"CN=ends\ ", [(CN, "ends ")]),
        ('CN="  kept  "', [(CN, "  kept  ")]),
        ("CN=Ünïcode", [(CN, "Ünïcode")]),
        ("CN=a=b", [(CN, "a=b")]),
    ],
)
def test_a_name_is_read(text: str, parts: list[tuple[str, str]]) -> None:
    """As Windows, OpenSSL and RFC 4514 write it, with the real service's quotes."""
    assert [part for (part,) in parse_name(text)] == [Attribute(*part) for part in parts]


def test_a_part_can_have_more_than_one_attribute() -> None:
    """With a plus sign between them."""
    assert parse_name("CN=a+OU=b, O=c") == ((Attribute(CN, "a"), Attribute(OU, "b")), (Attribute(O_, "c"),))


@pytest.mark.parametrize(
    "text",
    [
        "example.com",
        "CN=",
        "CN=a,",
        ",CN=a",
        "CN=a,,O=b",
        "XX=a",
        "CN=Example, Inc.",
        'CN="a',
        'CN="a"b',
        'CN=a"b',
        "CN=a<b",
        "CN=#04024869",
        r"CN=CORP\user",
        "CN=a\\",
        "CN=\\ff",
        "C=USA",
        "C=U1",
        "E=ü@example.com",
        "3.1.1=a",
        "1.40.1=a",
        "CN=a\x00b",
        "CN=" + "x" * 65,
        "2.5.4.3",
        "+",
    ],
)
def test_what_is_no_name_is_refused(text: str) -> None:
    """With a reason in which nothing of the text stands."""
    with pytest.raises(NotAName):
        parse_name(text)


def test_a_bound_of_x509_holds_at_its_end() -> None:
    """A common name has 64 characters at most (RFC 5280)."""
    assert parse_name("CN=" + "x" * 64)
    subject_of("CN=" + "x" * 64)


def test_the_certificate_has_the_parts_the_other_way_round() -> None:
    """So that tools show the text that the policy has."""
    name = subject_of('CN=a, OU=x+L=y, O="Example, Inc.", C=DE')
    assert name.rfc4514_string() == r"CN=a,OU=x+L=y,O=Example\, Inc.,C=DE"
    assert [attribute.value for attribute in name] == ["DE", "Example, Inc.", "x", "y", "a"]


_VALUES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)


@given(st.lists(st.tuples(st.sampled_from(["CN", "O", "OU", "L"]), _VALUES), min_size=1, max_size=4))
def test_what_is_quoted_is_read_as_it_was(parts: list[tuple[str, str]]) -> None:
    """Whatever stands in a value, in quotes it is that value."""
    text = ", ".join(
        f'{word}="{value.replace(chr(92), chr(92) * 2).replace(chr(34), chr(34) * 2)}"' for word, value in parts
    )
    assert [part.value for (part,) in parse_name(text)] == [value for _, value in parts]


@given(st.text(string.printable, max_size=40))
def test_any_text_is_a_name_or_is_refused(text: str) -> None:
    """Nothing else comes of it, in the library either."""
    with suppress(Invalid):
        subject_of(text)


def test_a_refusal_is_in_the_real_services_words() -> None:
    """Why it is none is for the journal."""
    with pytest.raises(Invalid, match=r"^The subject name provided is not a valid X500 name\.$") as caught:
        subject_of("CN=Example, Inc.")
    assert caught.value.reason == "an attribute has the form TYPE=value"


@given(st.lists(st.tuples(st.sampled_from(["CN", "O", "OU"]), _VALUES), min_size=1, max_size=3))
def test_what_the_library_writes_is_read(parts: list[tuple[str, str]]) -> None:
    """RFC 4514, as certificates' names are told elsewhere, comes back as the same name."""
    oids = {"CN": CN, "O": O_, "OU": OU}
    name = x509.Name([x509.NameAttribute(x509.ObjectIdentifier(oids[word]), value) for word, value in parts])
    assert subject_of(name.rfc4514_string()) == name
