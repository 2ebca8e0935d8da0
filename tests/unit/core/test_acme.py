"""What ACME authorities answer, as it is read: known documents, and what is none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from strongroom.core import acme_limits as limits
from strongroom.core.acme import (
    BadAnswer,
    Problem,
    cleaned,
    read_authorization,
    read_directory,
    read_order,
    read_problem,
    read_status,
    retry_after,
)
from strongroom.core.acme_accounts import (
    ChallengeType,
    is_account_name,
    is_contact,
    is_dns_name,
    is_token,
    is_within,
)

DIRECTORY = {
    "newNonce": "https://example.com/acme/new-nonce",
    "newAccount": "https://example.com/acme/new-account",
    "newOrder": "https://example.com/acme/new-order",
    "newAuthz": "https://example.com/acme/new-authz",
    "revokeCert": "https://example.com/acme/revoke-cert",
    "keyChange": "https://example.com/acme/key-change",
    "meta": {
        "termsOfService": "https://example.com/acme/terms/2017-5-30",
        "website": "https://www.example.com/",
        "caaIdentities": ["example.com"],
        "externalAccountRequired": False,
    },
}
"""RFC 8555 section 7.1.1."""
ORDER = {
    "status": "valid",
    "expires": "2016-01-20T14:09:07.99Z",
    "identifiers": [{"type": "dns", "value": "www.example.org"}, {"type": "dns", "value": "example.org"}],
    "notBefore": "2016-01-01T00:00:00Z",
    "notAfter": "2016-01-08T00:00:00Z",
    "authorizations": ["https://example.com/acme/authz/PAniVnsZcis", "https://example.com/acme/authz/r4HqLzrSrpI"],
    "finalize": "https://example.com/acme/order/TOlocE8rfgo/finalize",
    "certificate": "https://example.com/acme/cert/mAt3xBGaobw",
}
"""RFC 8555 section 7.1.3."""
AUTHORIZATION = {
    "status": "valid",
    "expires": "2015-03-01T14:09:07.99Z",
    "identifier": {"type": "dns", "value": "www.example.org"},
    "challenges": [
        {
            "url": "https://example.com/acme/chall/prV_B7yEyA4",
            "type": "http-01",
            "status": "valid",
            "token": "DGyRejmCefe7v4NfDGDKfA",
            "validated": "2014-12-01T12:05:58.16Z",
        }
    ],
    "wildcard": False,
}
"""RFC 8555 section 7.1.4."""


def dump(document: Any) -> bytes:
    """Write a document."""
    return json.dumps(document).encode()


def without(document: dict[str, Any], name: str) -> dict[str, Any]:
    """Leave a member out."""
    return {key: value for key, value in document.items() if key != name}


def test_a_directory() -> None:
    """The example of the RFC, and the least there can be."""
    found = read_directory(dump(DIRECTORY))
    assert (found.new_nonce, found.new_account, found.new_order) == tuple(list(DIRECTORY.values())[:3])
    assert (found.terms, found.external_account_required) == ("https://example.com/acme/terms/2017-5-30", False)
    assert read_directory(dump(without(DIRECTORY, "meta"))).terms is None
    assert read_directory(dump(DIRECTORY | {"meta": {"externalAccountRequired": True}})).external_account_required


@pytest.mark.parametrize("name", ["newNonce", "newAccount", "newOrder"])
@pytest.mark.parametrize(
    "value", [None, 1, "", "http://example.com/", "https://u@example.com/", "https://e/" + "x" * 2048]
)
def test_a_directory_that_leads_elsewhere(name: str, value: object) -> None:
    """Every place is an https URL that could be asked."""
    for document in (DIRECTORY | {name: value}, without(DIRECTORY, name)):
        with pytest.raises(BadAnswer):
            read_directory(dump(document))


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"null", b'{"a": 1, "a": 2}', b"\xff", b"<html>"])
def test_what_is_no_object(text: bytes) -> None:
    """It is none of what was expected; as a problem it says nothing."""
    for read in (read_directory, read_order, read_authorization, read_status):
        with pytest.raises(BadAnswer):
            read(text)
    assert read_problem(text) == Problem()


def test_an_order() -> None:
    """The example of the RFC."""
    found = read_order(dump(ORDER))
    assert (found.status, found.authorizations) == ("valid", tuple(ORDER["authorizations"]))
    assert (found.finalize, found.certificate, found.problem) == (ORDER["finalize"], ORDER["certificate"], None)
    assert read_order(dump(without(ORDER, "certificate"))).certificate is None


@pytest.mark.parametrize(
    "change",
    [{"status": 1}, {"status": "two words"}, {"status": ""}, {"authorizations": []}, {"authorizations": "x"},
     {"authorizations": [1]}, {"authorizations": ["http://example.com/"]}, {"finalize": None}, {"certificate": "x"}],
)  # fmt: skip
def test_what_is_no_order(change: dict[str, Any]) -> None:
    """A member that is missing or is something else."""
    with pytest.raises(BadAnswer):
        read_order(dump(ORDER | change))


def test_so_many_authorizations() -> None:
    """As many as there may be names, and no more."""
    urls = [f"https://example.com/{number}" for number in range(limits.ACME_NAMES + 1)]
    assert len(read_order(dump(ORDER | {"authorizations": urls[:-1]})).authorizations) == limits.ACME_NAMES
    with pytest.raises(BadAnswer):
        read_order(dump(ORDER | {"authorizations": urls}))


def test_an_authorization() -> None:
    """The example of the RFC; a challenge of a kind that nobody knows is passed over, whatever its members are."""
    more = [*AUTHORIZATION["challenges"], {"type": "dns-account-01"}, {"type": 5}, 7]  # type: ignore[misc]
    found = read_authorization(dump(AUTHORIZATION | {"challenges": more}))
    assert (found.domain, found.status, found.problem) == ("www.example.org", "valid", None)
    challenge = found.find(ChallengeType.HTTP)
    assert challenge is not None
    assert (challenge.token, challenge.status) == ("DGyRejmCefe7v4NfDGDKfA", "valid")
    assert found.find(ChallengeType.DNS) is None


@pytest.mark.parametrize(
    "change",
    [{"identifier": {"type": "ip", "value": "10.0.0.1"}}, {"identifier": "x"}, {"identifier": {"type": "dns"}},
     {"challenges": None}, {"status": None},
     {"challenges": [{"type": "http-01", "url": "https://e/", "status": "pending"}]},
     {"challenges": [{"type": "http-01", "url": "e", "status": "pending", "token": "t" * 30}]}],
)  # fmt: skip
def test_what_is_no_authorization(change: dict[str, Any]) -> None:
    """A member that is missing or is something else."""
    with pytest.raises(BadAnswer):
        read_authorization(dump(AUTHORIZATION | change))


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"type": "urn:ietf:params:acme:error:caa", "detail": "No"}, "No (caa)"),
        ({"type": "about:blank", "detail": "No"}, "No"),
        ({"type": "urn:ietf:params:acme:error:x y", "detail": 5}, "it does not say why"),
        ({"detail": "", "subproblems": [{"detail": "one"}]}, "one"),
        ({}, "it does not say why"),
    ],
)
def test_a_problem(document: dict[str, Any], text: str) -> None:
    """Its words and the word of its type, as far as they are some."""
    assert str(read_problem(dump(document))) == text


def test_what_others_say() -> None:
    """SEC-ACME-3: one line of what can be printed, so long and no longer."""
    assert cleaned("a\r\nb\t c\x00\x1b[0m\u202ed") == "a b c [0m d"
    assert cleaned("x" * limits.ACME_DETAIL_CHARS) == "x" * limits.ACME_DETAIL_CHARS
    assert cleaned("x" * 10**6) == "x" * (limits.ACME_DETAIL_CHARS - 1) + "…"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None), ("0", 0), ("120", 120), (" 5 ", 5), ("-1", None), ("1.5", None), ("9" * 10, None), ("x", None),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 59), ("Fri, 31 Dec 1999 23:00:00 GMT", 0),
        ("Fri, 31 Foo 1999 23:59:59 GMT", None), ("Fri, 99 Dec 1999 23:59:59 GMT", None),
        ("Friday, 31-Dec-99 23:59:59 GMT", None),
    ],
)  # fmt: skip
def test_when_to_ask_again(value: str | None, seconds: int | None) -> None:
    """RFC 9110 section 10.2.3: seconds, or a date."""
    assert retry_after(value, 946_684_740) == seconds


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("example.com", True), ("a", True), ("localhost", True), ("xn--bcher-kva.example", True), ("1.a", True),
        ("a-b.c", True), ("-a.b", False), ("a-.b", False), ("a..b", False), (".a", False), ("a.", False),
        ("A.b", False),
        ("a_b.c", False), ("*.a", False), ("10.0.0.1", False), ("a.1", False), ("", False), ("b\u00fccher.de", False),
        ("a" * 63 + ".b", True), ("a" * 64 + ".b", False), (".".join(["a" * 49] * 5) + ".bcd", True),
        (".".join(["a" * 49] * 5) + ".bcde", False),
    ],
)  # fmt: skip
def test_dns_names(name: str, *, is_one: bool) -> None:
    """Host names of RFC 1123, in lower case, of 253 characters at most."""
    assert is_dns_name(name) is is_one


@pytest.mark.parametrize(
    ("contact", "is_one"),
    [
        ("mailto:a@b.example", True), ("MAILTO:a+c@b.example", True), ("mailto:a@b.example?subject=x", False),
        ("mailto:a@b.example,c@d.example", False), ("a@b.example", False), ("tel:+1", False), ("mailto:a b@c", False),
        ("mailto:a%2Cb@c.example", False), ("mailto:", False),
    ],
)  # fmt: skip
def test_contacts(contact: str, *, is_one: bool) -> None:
    """RFC 8555 section 7.3: one address without header fields."""
    assert is_contact(contact) is is_one


def test_how_long_a_contact_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the limit it is one, and one past it none."""
    monkeypatch.setattr(limits, "ACME_CONTACT_CHARS", 20)
    assert is_contact("mailto:" + "a@" + "b" * 11)
    assert not is_contact("mailto:" + "a@" + "b" * 12)


@pytest.mark.parametrize(
    ("token", "is_one"),
    [("a" * 22, True), ("a" * 21, False), ("-_" * 20, True), ("a" * 30 + "=", False), ("a" * 30 + "/", False),
     ("a" * limits.ACME_TOKEN_CHARS, True), ("a" * (limits.ACME_TOKEN_CHARS + 1), False)],
)  # fmt: skip
def test_tokens(token: str, *, is_one: bool) -> None:
    """RFC 8555 section 8.1: base64url of 128 bits or more, without padding."""
    assert is_token(token) is is_one


@pytest.mark.parametrize(
    ("name", "is_one"), [("a", True), ("a-1", True), ("-a", False), ("A", False), ("", False), ("a.b", False)]
)
def test_names_of_accounts(name: str, *, is_one: bool) -> None:
    """Words that need no quoting anywhere."""
    assert is_account_name(name) is is_one


def test_domains() -> None:
    """At one or below it, and not what merely ends alike."""
    assert is_within("example.com", ["example.com"])
    assert is_within("a.b.example.com", ["x.org", "example.com"])
    assert not is_within("notexample.com", ["example.com"])
    assert not is_within("com", ["example.com"])
