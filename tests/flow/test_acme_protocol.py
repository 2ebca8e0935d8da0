"""Certificates of ACME authorities, step by step (RFC 8555 section 7.4): what is taken of an authority that errs."""

from __future__ import annotations

import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from strongroom.app.instance import make_world
from strongroom.core import acme_limits as limits
from strongroom.core.errors import Unavailable
from strongroom.core.issuance import Issued, Refused, Waiting
from strongroom.egress import Egress, Reply
from tests.flow.acme_authority import problem
from tests.flow.acme_ordering import Ordering, leaf, ordering
from tests.world import Simulation

__all__ = ["ordering"]


@pytest.mark.parametrize(("times", "works"), [(limits.ACME_NONCE_TRIES - 1, True), (limits.ACME_NONCE_TRIES, False)])
def test_nonces_that_are_refused(ordering: Ordering, times: int, *, works: bool) -> None:
    """Each is tried again with the one that came with the refusal (section 6.5), so often and no oftener."""
    ordering.account()
    ordering.authority.bad_nonces = times
    if works:
        assert isinstance(ordering.step(), Waiting)
        asked = [path for _, path in ordering.authority.asked]
        assert asked[-times - 2 :] == ["/newNonce", *["/newOrder"] * (times + 1)]
    else:
        with pytest.raises(Unavailable):
            ordering.step()


@pytest.mark.parametrize(
    "part", ["/newOrder", "/order", "/authz", "/chall", "/finalize", "/cert", "/directory", "/newNonce"]
)
@pytest.mark.parametrize("status", [500, 503, 200])
def test_an_authority_that_is_out_of_order(ordering: Ordering, part: str, status: int) -> None:
    """SEC-ACME-3: 5xx, and what cannot be read, is tried again; after that it goes on where it was."""
    ordering.account()
    if part in {"/directory", "/newNonce"}:
        ordering.restarted()
    for _ in range(10):
        ordering.authority.answers = [(part, Reply(status, {}, b"<html>oops</html>"))]
        try:
            made = ordering.step()
        except Unavailable:
            break
        if isinstance(made, Refused):
            assert (part, status) == ("/cert", 200)
            assert "something else than was asked for" in made.message
            return
        if not ordering.authority.answers:
            # The answer to a challenge is not read: the next step looks at what became of it.
            assert (part, status) == ("/chall", 200)
            return
    ordering.authority.answers = []
    leaf(ordering.end())


@pytest.mark.parametrize(
    ("age_s", "times"), [(limits.ACME_DIRECTORY_FRESH_S - 1, 1), (limits.ACME_DIRECTORY_FRESH_S, 2)]
)
def test_a_directory_is_read_now_and_then(ordering: Ordering, age_s: int, times: int) -> None:
    """What an authority says of itself counts for a while, and is then read again."""
    ordering.account()
    before = len(ordering.authority.asked)
    ordering.step()
    ordering.state = b""
    ordering.world.advance(age_s)
    ordering.step()
    assert [path for _, path in ordering.authority.asked[before:]].count("/directory") == times


def test_so_many_requests_at_once(world: Simulation) -> None:
    """Authorities have a way out of their own: one that takes its time keeps nothing else waiting."""
    egress = make_world(
        world.settings, world.first.installation, world.store, world.keys, world.view, world.journal
    ).egress
    assert isinstance(egress, Egress)
    assert egress._places._value == limits.ACME_REQUESTS_AT_ONCE


def test_an_authority_that_cannot_be_reached(ordering: Ordering) -> None:
    """It is an `Unavailable`, in every state."""
    ordering.account()
    while True:
        ordering.authority.down = True
        with pytest.raises(Unavailable, match="cannot be reached"):
            ordering.step()
        ordering.authority.down = False
        if not isinstance(ordering.step(), Waiting):
            break
    assert ordering.authority.issued == 1


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("unauthorized", 403),
        ("rejectedIdentifier", 400),
        ("caa", 403),
        ("rateLimited", 429),
        ("unsupportedIdentifier", 400),
    ],
)
@pytest.mark.parametrize("part", ["/newOrder", "/order", "/chall", "/finalize"])
def test_an_authority_that_says_no(ordering: Ordering, kind: str, status: int, part: str) -> None:
    """SEC-ACME-3: the problem's words are the reason, cleaned, and asking again will not help."""
    ordering.account()
    ordering.authority.answers = [(part, problem(kind, "because\r\n  \x1b[2Jof this", status))]
    assert ordering.refused() == f"The ACME authority refused: because [2Jof this ({kind})."
    assert ordering.presented == 0


def test_words_without_end(ordering: Ordering) -> None:
    """Of an authority's words so many are repeated, and no more."""
    ordering.account()
    ordering.authority.answers = [("/newOrder", problem("malformed", "x" * limits.ACME_DETAIL_CHARS))]
    assert "x" * limits.ACME_DETAIL_CHARS + " (" in ordering.refused()
    ordering.authority.answers = [("/newOrder", problem("malformed", "x" * (limits.ACME_DETAIL_CHARS + 1)))]
    assert "x" * (limits.ACME_DETAIL_CHARS - 1) + "… (" in ordering.refused()


def test_subproblems(ordering: Ordering) -> None:
    """Each name's own reason is given as well (section 6.7.1)."""
    ordering.account()
    body = {
        "type": "urn:ietf:params:acme:error:malformed", "detail": "Some names",
        "subproblems": [{"detail": "a is bad"}, {"detail": "b too"}, 1, {"detail": 2}],
    }  # fmt: skip
    ordering.authority.answers = [("/newOrder", Reply(400, {}, json.dumps(body).encode()))]
    assert "Some names; a is bad; b too (malformed)" in ordering.refused()


@pytest.mark.parametrize(
    ("wait_s", "waits"), [(limits.ACME_RETRY_AFTER_S, True), (limits.ACME_RETRY_AFTER_S + 1, False)]
)
def test_a_rate_limit(ordering: Ordering, wait_s: int, *, waits: bool) -> None:
    """An authority that wants to be asked later is, within reason; one that wants to rest for longer has refused."""
    ordering.account()
    ordering.authority.answers = [("/newOrder", problem("rateLimited", "slowly", 429, retry_after=str(wait_s)))]
    before = int(ordering.world.clock())
    made = ordering.step()
    if waits:
        assert isinstance(made, Waiting)
        assert (made.until - before, "slowly" in (made.details or "")) == (wait_s, True)
        leaf(ordering.end())
    else:
        assert isinstance(made, Refused)


@pytest.mark.parametrize(
    ("said", "waited_s"),
    [(None, limits.ACME_POLL_S), ("soon", limits.ACME_POLL_S), ("7", 7), ("0", 1),
     ("100000", limits.ACME_RETRY_AFTER_S), ("Sun, 06 Nov 1994 08:49:37 GMT", 1)],
)  # fmt: skip
def test_how_long_is_waited(ordering: Ordering, said: str | None, waited_s: int) -> None:
    """`Retry-After` counts, within limits; without one the waits grow."""
    ordering.account()
    ordering.step()
    ordering.step()
    ordering.authority.retry_after = said
    before = int(ordering.world.clock())
    made = ordering.step()
    assert isinstance(made, Waiting)
    assert made.until - before == waited_s


def test_waits_grow(ordering: Ordering) -> None:
    """Twice as long each time, to the longest."""
    ordering.account()
    ordering.authority.slow = 12
    waits = []
    while isinstance(ordering.seen[-1] if ordering.seen else Waiting(b"", 0), Waiting):
        before = int(ordering.world.clock())
        made = ordering.step()
        if isinstance(made, Waiting) and made.until > before:
            waits.append(made.until - before)
    assert waits[1:4] == [limits.ACME_POLL_S, 2 * limits.ACME_POLL_S, 4 * limits.ACME_POLL_S]
    assert max(waits) == limits.ACME_POLL_MAX_S


@pytest.mark.parametrize(("age_s", "ends"), [(limits.ACME_ISSUANCE_S - 1, False), (limits.ACME_ISSUANCE_S, True)])
def test_an_order_that_does_not_end(ordering: Ordering, age_s: int, *, ends: bool) -> None:
    """After a day it is given up, and what was presented is taken back."""
    ordering.account()
    began = int(ordering.world.clock())
    ordering.step()
    ordering.step()
    ordering.world.advance(began + age_s - int(ordering.world.clock()))
    made = ordering.step()
    assert isinstance(made, Refused) is ends
    assert ordering.presented == (0 if ends else 1)


@pytest.mark.parametrize("status", [404, 410])
def test_an_order_that_is_lost(ordering: Ordering, status: int) -> None:
    """Another one is made, so often; then it is given up."""
    ordering.account()
    ordering.step()
    ordering.step()
    ordering.authority.answers = [("/order", problem("malformed", "gone", status))]
    ordering.step()
    assert ordering.presented == 0
    leaf(ordering.end())
    assert len(ordering.authority.orders) == 2


def test_orders_that_are_lost_again_and_again(ordering: Ordering) -> None:
    """So many orders are made for a certificate, and no more."""
    ordering.account()
    ordering.authority.answers = [("/order/", problem("malformed", "gone", 404)) for _ in range(9)]
    assert ordering.refused() == "The ACME authority lost the order again and again."
    assert len(ordering.authority.orders) == limits.ACME_ORDERS


def test_an_order_that_was_not_finished_in_time(ordering: Ordering) -> None:
    """It is invalid for no reason that anybody gives, and is made anew."""
    ordering.account()
    ordering.step()
    next(iter(ordering.authority.orders.values())).status = "invalid"
    leaf(ordering.end())
    assert len(ordering.authority.orders) == 2


def test_an_order_with_an_error(ordering: Ordering) -> None:
    """Its own error is the reason."""
    ordering.account()
    ordering.step()
    order = next(iter(ordering.authority.orders.values()))
    order.status, order.error = "invalid", {"type": "urn:ietf:params:acme:error:caa", "detail": "CAA forbids it"}
    assert ordering.refused() == "The ACME authority refused: CAA forbids it (caa)."


def test_an_authorization_of_another_name(ordering: Ordering) -> None:
    """SEC-ACME-2: nothing is presented for a name that was not asked for, whatever the authority says."""
    ordering.account()
    ordering.step()
    order = next(iter(ordering.authority.orders.values()))
    order.authorizations[0]["identifier"]["value"] = "victim.example"
    with pytest.raises(Unavailable, match="not asked for"):
        ordering.step()
    assert ordering.presented == 0


@pytest.mark.parametrize("token", ["short", "a/../../b" + "c" * 30, "x" * (limits.ACME_TOKEN_CHARS + 1), 5])
def test_a_token_that_is_none(ordering: Ordering, token: object) -> None:
    """SEC-ACME-2: a token has its form, or nothing is answered by its name."""
    ordering.account()
    ordering.step()
    order = next(iter(ordering.authority.orders.values()))
    order.authorizations[0]["challenges"][0]["token"] = token
    with pytest.raises(Unavailable, match="token"):
        ordering.step()
    assert ordering.presented == 0


def test_a_challenge_that_is_not_offered(ordering: Ordering) -> None:
    """An authority that does not let a name be proved this way is refused."""
    ordering.account()
    ordering.step()
    order = next(iter(ordering.authority.orders.values()))
    del order.authorizations[0]["challenges"][0]
    assert "does not let www.example.com be proved by http-01" in ordering.refused()


def test_a_certificate_of_another_key(ordering: Ordering) -> None:
    """SEC-ACME-3: what is issued for another key than was asked for is not taken."""
    ordering.account()
    ordering.authority.wrong_key = True
    assert "a certificate of another key" in ordering.refused()


def test_an_order_that_another_certificate_has_as_well(ordering: Ordering) -> None:
    """Authorities may give two requests for the same names one order: who comes second makes another one."""
    ordering.account()
    for _ in range(3):
        ordering.step()
    (order,) = ordering.authority.orders.values()
    assert order.status == "ready"
    order.chain, order.status = ordering.authority.issue(x509.load_der_x509_csr(_another())), "valid"
    leaf(ordering.end())
    assert len(ordering.authority.orders) == 2


def test_an_order_that_somebody_else_finalizes_at_the_same_time(ordering: Ordering) -> None:
    """That it is not ready any more is no refusal."""
    ordering.account()
    ordering.authority.answers = [("/finalize", problem("orderNotReady", status=403))]
    leaf(ordering.end())
    assert len(ordering.authority.orders) == 1


def _another() -> bytes:
    """Make a request of the same names for another key."""
    names = x509.SubjectAlternativeName([x509.DNSName("www.example.com")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(names, critical=False)
    return builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()).public_bytes(Encoding.DER)


@pytest.mark.parametrize(("count", "works"), [(limits.ACME_CHAIN, True), (limits.ACME_CHAIN + 1, False)])
def test_a_chain_without_end(ordering: Ordering, count: int, *, works: bool) -> None:
    """So many certificates are a chain, and no more."""
    ordering.account()
    while not ordering.authority.issued:
        ordering.step()
    order = next(iter(ordering.authority.orders.values()))
    order.chain += ordering.authority.certificate.public_bytes(Encoding.PEM) * (count - 2)
    assert isinstance(ordering.end(), Issued) is works
