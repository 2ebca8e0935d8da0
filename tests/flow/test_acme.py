"""Certificates of ACME authorities, step by step (RFC 8555 section 7.4): what is asked, kept, presented, taken back."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets as chance
import stat
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
from cryptography.x509.oid import NameOID, ObjectIdentifier

from strongroom.app.instance import make_world
from strongroom.core import acme_limits as limits
from strongroom.core.acme_accounts import AcmeAccount, AcmeChallenge
from strongroom.core.certificates import IssuerParameters, X509Properties
from strongroom.core.errors import Failure, Invalid, Unavailable
from strongroom.core.issuance import Issued, Refused, Step, Waiting, Wanted
from strongroom.core.network import Link
from strongroom.core.records import INSTANCE
from strongroom.crypto.acme_requests import new_account_key
from strongroom.crypto.context import bind
from strongroom.egress import Egress, Reply
from strongroom.objects.issuers.acme import AcmeIssuer, Proof
from tests.flow.acme_authority import Authority, problem
from tests.flow.client import Client
from tests.flow.test_acme_accounts import add
from tests.flow.test_federation import control
from tests.flow.vault_certificates import create, loaded
from tests.world import Answer, Simulation

_KEY = ec.generate_private_key(ec.SECP256R1())


def request(*names: x509.GeneralName | str, common_name: str = "") -> bytes:
    """Make a certificate request for some names."""
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    if names:
        kinds = [x509.DNSName(one) if isinstance(one, str) else one for one in names]
        builder = builder.add_extension(x509.SubjectAlternativeName(kinds), critical=False)
    return builder.sign(_KEY, hashes.SHA256()).public_bytes(Encoding.DER)


class Ordering:
    """An issuer, its authority, an account, and one certificate that is wanted."""

    def __init__(self, world: Simulation, authority: Authority) -> None:
        self.world, self.authority = world, authority
        self.name = f"a-{chance.token_hex(6)}"
        self.issuer = self.restarted()
        self.csr = request("www.example.com")
        self.tenant = world.first.tenant_id
        self.state = b""
        self.seen: list[Step] = []
        authority.http = self.answered

    def restarted(self) -> AcmeIssuer:
        """Make the issuer that a new process has."""
        world = self.world.world
        self.issuer = AcmeIssuer(world.store, world.view, world.keys, self.authority, world.clock)
        return self.issuer

    def account(self, **more: object) -> AcmeAccount:
        """Have an account, and give it."""
        answer = add(self.world, self.name, **{"tenants": [self.tenant], **more})
        assert answer.status == 201, answer.body
        found = self.world.view.get(AcmeAccount, INSTANCE, self.name)
        assert found is not None
        return found

    def answered(self, _domain: str, token: str) -> str | None:
        """Answer a challenge as every node does: by what the view has."""
        found = self.world.view.get(AcmeChallenge, INSTANCE, token)
        return None if found is None else found.value

    @property
    def presented(self) -> int:
        """How many challenges are answered now."""
        return sum(one.account == self.name for one in self.world.view.all(AcmeChallenge, INSTANCE))

    def wanted(self) -> Wanted:
        """Say what is wanted, now."""
        now = int(self.world.clock())
        return Wanted("r", "v", self.tenant, "c", self.csr, X509Properties(), IssuerParameters("acme"), now, self.name)

    def step(self) -> Step:
        """Make one step, at the time at which it is due."""
        made = self.world.run(self.issuer.step(self.wanted(), self.state))
        self.seen.append(made)
        if isinstance(made, Waiting):
            self.state = made.state
            self.world.advance(max(0, made.until - int(self.world.clock())))
        return made

    def end(self) -> Issued | Refused:
        """Make steps until there is nothing to wait for."""
        for _ in range(40):
            made = self.step()
            if not isinstance(made, Waiting):
                return made
        raise AssertionError(f"no end: {self.seen[-3:]}")

    def refused(self) -> str:
        """Make steps until it is refused, and say with what words."""
        made = self.end()
        assert isinstance(made, Refused), made
        return made.message


@pytest.fixture
def ordering(world: Simulation) -> Iterator[Ordering]:
    """Have an authority, which nobody has an account with yet."""
    before, authority = world.world.egress, Authority(world.clock)
    world.world.egress = authority
    made = Ordering(world, authority)
    yield made
    authority.down = True
    control(world, "DELETE", f"/acme-accounts/{made.name}")
    world.world.egress = before


def leaf(made: Issued | Refused) -> x509.Certificate:
    """Read the certificate that was issued."""
    assert isinstance(made, Issued), made
    return x509.load_der_x509_certificate(made.chain[0])


# ---- http-01 --------------------------------------------------------------------------------------------------------


def test_a_certificate_is_issued(ordering: Ordering) -> None:
    """SEC-ACME-2: ordered, proved over HTTP, finalized, fetched with its chain; nothing that was presented stays."""
    ordering.account()
    ordering.csr = request("www.example.com", "Example.COM", common_name="www.example.com")
    made = ordering.end()
    names = leaf(made).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["www.example.com", "Example.COM"]
    assert isinstance(made, Issued)
    assert made.chain[1:] == (ordering.authority.certificate.public_bytes(Encoding.DER),)
    (order,) = ordering.authority.orders.values()
    assert order.names == ["www.example.com", "example.com"]
    assert ordering.presented == 0
    assert not any("alternate" in path or path.endswith("/1/1") for _, path in ordering.authority.asked[-2:])


def test_an_account_that_says_it_is_another_one(ordering: Ordering) -> None:
    """SEC-ACME-3: an authority that gives an account another one's URL is not asked in the place of that one."""
    account, place = ordering.account(), "https://other.example/directory"
    sealed = ordering.world.world.keys.seal("acme account key", bind("other", account.url), new_account_key())
    other = replace(account, id="other", directory=place, sealed_key=sealed)
    clients = [ordering.issuer._client(one) for one in (other, account)]
    assert clients[0].key.thumbprint != clients[1].key.thumbprint
    leaf(ordering.end())


def test_it_goes_on_after_a_restart_in_every_state(ordering: Ordering) -> None:
    """Each step is made by a process that knows nothing but the state; one certificate is issued."""
    ordering.account()
    ordering.authority.slow = 2
    for _ in range(40):
        ordering.restarted()
        if not isinstance(ordering.step(), Waiting):
            break
    assert isinstance(ordering.seen[-1], Issued)
    assert (ordering.authority.issued, len(ordering.authority.orders)) == (1, 1)


def test_a_step_that_is_made_twice(ordering: Ordering) -> None:
    """Two nodes, or a crash before the state was kept: still one certificate is issued of an order."""
    ordering.account()
    for _ in range(40):
        before = ordering.state
        first = ordering.step()
        after, ordering.state = ordering.state, before
        second = ordering.step()
        if isinstance(first, Issued):
            assert isinstance(second, Issued)
            assert second.chain == first.chain
            break
        if before:
            ordering.state = after
    assert ordering.authority.issued == 1


def test_the_order_is_known_before_anything_is_finalized(ordering: Ordering) -> None:
    """Whatever is lost before the state is kept is an order that nobody finalizes."""
    ordering.account()
    ordering.step()
    assert json.loads(ordering.state)["order"].endswith("/order/" + str(min(ordering.authority.orders)))
    assert not any(path.startswith(("/finalize", "/chall")) for _, path in ordering.authority.asked)


def test_a_challenge_is_answered_before_the_authority_looks(ordering: Ordering) -> None:
    """What is answered is in the store, so every node answers; the authority is told in the next step."""
    ordering.account()
    ordering.step()
    ordering.step()
    assert ordering.presented == 1
    assert not any(path.startswith("/chall") for _, path in ordering.authority.asked)
    (shown,) = [one for one in ordering.world.view.all(AcmeChallenge, INSTANCE) if one.account == ordering.name]
    assert shown.value.startswith(f"{shown.id}.")


def test_a_name_that_is_not_proved(ordering: Ordering) -> None:
    """The authority's own words are the reason, and nothing stays presented."""
    ordering.account()
    ordering.authority.http = lambda _domain, _token: "something else"
    assert ordering.refused() == (
        "The ACME authority refused: www.example.com did not answer as it should (unauthorized)."
    )
    assert ordering.presented == 0


def test_names_that_are_proved_already(ordering: Ordering) -> None:
    """An authority may remember: nothing is presented then."""
    ordering.account()
    ordering.step()
    (order,) = ordering.authority.orders.values()
    order.authorizations[0]["status"], order.status = "valid", "ready"
    leaf(ordering.end())
    assert not any(path.startswith("/chall") for _, path in ordering.authority.asked)


# ---- where challenges are answered ----------------------------------------------------------------------------------


def look(world: Simulation, token: str, *, host: str = "www.example.com", link: Link = Link.PKI, **how: Any) -> Answer:
    """Look for a challenge, as an authority does."""
    return world.ask("GET", f"http://{host}/.well-known/acme-challenge/{token}", link=link, host=host, **how)


def test_a_challenge_is_answered_at_any_name(ordering: Ordering) -> None:
    """SEC-ACME-2: over plain HTTP, without a name of ours; once it is over it is not there."""
    ordering.account()
    ordering.step()
    ordering.step()
    (shown,) = [one for one in ordering.world.view.all(AcmeChallenge, INSTANCE) if one.account == ordering.name]
    for host in ("www.example.com", "10.0.0.1:80"):
        answer = look(ordering.world, shown.id, host=host)
        assert (answer.status, answer.body.decode()) == (200, shown.value)
    ordering.end()
    assert look(ordering.world, shown.id).status == 404


def test_a_challenge_ends_by_itself(ordering: Ordering) -> None:
    """SEC-ACME-2: what nobody took back is not answered for ever."""
    ordering.account()
    ordering.step()
    ordering.step()
    (shown,) = [one for one in ordering.world.view.all(AcmeChallenge, INSTANCE) if one.account == ordering.name]
    ordering.world.advance(shown.expires - int(ordering.world.clock()) - 1)
    assert look(ordering.world, shown.id).status == 200
    ordering.world.advance(1)
    assert look(ordering.world, shown.id).status == 404


@pytest.mark.parametrize("token", ["a" * 43, "QQ", "..%2F..%2Fcrl", "%00" * 22, "a" * 200, "a.b" * 10])
def test_a_token_that_nobody_presented(world: Simulation, token: str) -> None:
    """SEC-ACME-2: nothing else is served there, and nothing of what was asked for is repeated."""
    answer = look(world, token)
    assert answer.status in {400, 404}
    assert token not in answer.body.decode()


def test_challenges_are_answered_on_the_plain_listener_alone(ordering: Ordering) -> None:
    """No other listener has the path."""
    ordering.account()
    ordering.step()
    ordering.step()
    (shown,) = [one for one in ordering.world.view.all(AcmeChallenge, INSTANCE) if one.account == ordering.name]
    for link, host in ((Link.PUBLIC, "localhost:8443"), (Link.CONTROL, "control")):
        assert look(ordering.world, shown.id, host=host, link=link).status != 200


def test_a_vaults_certificate(ordering: Ordering, vault: Client, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A vault whose issuer names the account gets its certificate; the key and the secret are there with it."""
    world = ordering.world
    # The clock of this world stands still: nobody waits.
    monkeypatch.setattr(limits, "ACME_POLL_S", 0)
    ordering.account(domains=["example.com"])
    world.world.issuers = {"ACME": ordering.restarted()}
    issuer = {"provider": "ACME", "credentials": {"account_id": ordering.name}}
    vault.done("PUT", "/certificates/issuers/letters", body=issuer)
    pending = create(vault, name, issuer={"name": "letters"})
    assert pending["status"] == "inProgress"
    world.settle()
    assert vault.done("GET", f"/certificates/{name}/pending")["status"] == "completed"
    bundle = vault.done("GET", f"/certificates/{name}")
    assert loaded(bundle).issuer == ordering.authority.certificate.subject
    (_, certificate, above) = pkcs12.load_key_and_certificates(
        base64.b64decode(vault.done("GET", f"/secrets/{name}")["value"]), None
    )
    assert (certificate, above) == (loaded(bundle), [ordering.authority.certificate])


def test_a_vaults_certificate_that_is_refused(ordering: Ordering, vault: Client, name: str) -> None:
    """The operation fails, with a sentence about why."""
    ordering.account(domains=["example.org"])
    ordering.world.world.issuers = {"ACME": ordering.restarted()}
    issuer = {"provider": "ACME", "credentials": {"account_id": ordering.name}}
    vault.done("PUT", "/certificates/issuers/letters", body=issuer)
    create(vault, name, issuer={"name": "letters"})
    ordering.world.settle()
    failed = vault.done("GET", f"/certificates/{name}/pending")
    assert (failed["status"], failed["error"]["message"]) == ("failed", "The ACME account is not for example.com.")


# ---- the protocol ---------------------------------------------------------------------------------------------------


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


# ---- who, and for which names ---------------------------------------------------------------------------------------


def test_only_the_tenants_that_the_operator_named(ordering: Ordering) -> None:
    """SEC-ACME-1, SEC-TENANT-2: another tenant's vaults get what they would get for an account that is not there."""
    ordering.account()
    ordering.tenant = ordering.world.tenant()
    with pytest.raises(Invalid) as theirs:
        ordering.step()
    ordering.tenant, ordering.name = ordering.world.first.tenant_id, "no-such-account"
    with pytest.raises(Invalid) as nobodys:
        ordering.step()
    assert theirs.value.message == nobodys.value.message
    assert not any(path == "/newOrder" for _, path in ordering.authority.asked)


_UPN = x509.OtherName(ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x01a")


@pytest.mark.parametrize(
    ("names", "common_name", "text"),
    [
        (["a.example", x509.RFC822Name("a@b.example")], "", "e-mail addresses"),
        (["a.example", x509.UniformResourceIdentifier("https://a")], "", "URIs"),
        (["a.example", _UPN], "", "user principal names"),
        ([], "", "names none"), ([], "A person", "names none"), ([], "10.0.0.1", "names none"),
        (["*.example.com"], "", "dns-01 only"), (["a_b.example"], "", "none that an ACME authority can certify"),
        (["a.*.example"], "", "none that"), (["10.0.0.1"], "", "none that"),
        (["www.example.org"], "", "not for www.example.org"), (["notexample.com"], "", "not for notexample.com"),
        (["www.example.com"], "example.org", "not for example.org"),
    ],
)  # fmt: skip
def test_names_that_are_not_asked_for(
    ordering: Ordering, names: Sequence[x509.GeneralName | str], common_name: str, text: str
) -> None:
    """SEC-ACME-1: a clear sentence, before the authority hears of it; an account may be confined to some domains."""
    ordering.account(domains=["example.com", "a.example"])
    ordering.csr = request(*names, common_name=common_name)
    with pytest.raises(Invalid, match=text):
        ordering.step()
    assert not any(path == "/newOrder" for _, path in ordering.authority.asked)


@pytest.mark.parametrize(("count", "works"), [(limits.ACME_NAMES, True), (limits.ACME_NAMES + 1, False)])
def test_so_many_names(ordering: Ordering, count: int, *, works: bool) -> None:
    """At the limit they are ordered, and one past it not."""
    ordering.account()
    ordering.csr = request(*(f"n{number}.example" for number in range(count)))
    if works:
        assert isinstance(ordering.step(), Waiting)
    else:
        with pytest.raises(Invalid, match="at most"):
            ordering.step()


def test_a_common_name_alone(ordering: Ordering) -> None:
    """A subject's host name is ordered as well; another common name is not the authority's matter."""
    ordering.account()
    ordering.csr = request("a.example", common_name="B.Example")
    ordering.step()
    assert next(iter(ordering.authority.orders.values())).names == ["a.example", "b.example"]


def test_an_account_that_the_authority_forgot(ordering: Ordering) -> None:
    """It is said, since the operator has to make another one."""
    account = ordering.account()
    ordering.authority.accounts[account.url]["status"] = "deactivated"
    assert ordering.refused() == "The ACME authority does not know the account any more."


def test_a_key_that_does_not_open(ordering: Ordering) -> None:
    """SEC-ACME-5: the key is bound to its account: in another one's place it opens nothing."""
    account = ordering.account()
    moved = replace(account, id=f"{account.id}-b")
    ordering.world.commit(lambda tx: tx.put(moved))
    ordering.name = moved.id
    with pytest.raises(Unavailable, match="does not open"):
        ordering.step()


# ---- dns-01 ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def hook(ordering: Ordering, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have a hook that writes down how it is called, and is waited for; the authority's zone is what it wrote."""
    monkeypatch.setattr(limits, "HOOK_PATIENCE_S", 60.0)
    program = tmp_path / "hook"
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\ntest ! -e {tmp_path}/fails\n')
    program.chmod(stat.S_IRWXU)
    real = ordering.step

    def step() -> Step:
        ordering.authority.records = {(one[2], one[3]) for one in calls(program) if one[0] == "present"}
        return real()

    ordering.step = step  # type: ignore[method-assign]  what the hook did is what the authority finds
    return program


def calls(hook: Path) -> list[list[str]]:
    """Read how the hook was called."""
    file = hook.with_name("calls")
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


def test_a_record_is_made_and_removed(ordering: Ordering, hook: Path) -> None:
    """The hook is told what to do, for which domain, the record's name and value; a wildcard goes by the name above."""
    ordering.account(challenge="dns-01", hook=str(hook), domains=["example.com"])
    ordering.csr = request("*.example.com", "example.com")
    leaf(ordering.end())
    called = calls(hook)
    assert [one[:3] for one in called] == [
        ["present", "example.com", "_acme-challenge.example.com"],
        ["present", "example.com", "_acme-challenge.example.com"],
        ["cleanup", "example.com", "_acme-challenge.example.com"],
        ["cleanup", "example.com", "_acme-challenge.example.com"],
    ]
    assert len({one[3] for one in called}) == 2
    assert {one[3] for one in called[:2]} == {one[3] for one in called[2:]}


def test_a_record_is_given_time(ordering: Ordering, hook: Path) -> None:
    """The authority is told to look after as long as the operator says."""
    ordering.account(challenge="dns-01", hook=str(hook), dnsWaitSeconds=77)
    ordering.step()
    before = int(ordering.world.clock())
    made = ordering.step()
    assert isinstance(made, Waiting)
    assert made.until - before == 77
    assert not any(path.startswith("/chall") for _, path in ordering.authority.asked)


def test_a_hook_that_fails(ordering: Ordering, hook: Path) -> None:
    """It is run so often, with a wait between; then the certificate is given up, with a reason."""
    hook.with_name("fails").touch()
    ordering.account(challenge="dns-01", hook=str(hook))
    began = int(ordering.world.clock())
    assert ordering.refused() == "The operator's hook made no DNS record for www.example.com."
    assert int(ordering.world.clock()) - began == limits.HOOK_RETRY_S * (1 + 2)
    assert len(calls(hook)) == limits.HOOK_TRIES
    ordering.state = b""
    ordering.step()
    ordering.step()
    hook.with_name("fails").unlink()
    leaf(ordering.end())


def test_a_hook_that_takes_its_time(ordering: Ordering, hook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits for it: it goes on, and a later step sees what came of it. It is run once."""
    monkeypatch.setattr(limits, "HOOK_PATIENCE_S", 0.01)
    ordering.account(challenge="dns-01", hook=str(hook), dnsWaitSeconds=0)
    hook.write_text(hook.read_text().replace("echo", "sleep 0.2\necho", 1))
    leaf(_end_patiently(ordering))
    assert sum(one[0] == "present" for one in calls(hook)) == 1


def _end_patiently(ordering: Ordering) -> Issued | Refused:
    while True:
        made = ordering.step()
        if not isinstance(made, Waiting):
            return made
        ordering.world.run(_pause())


async def _pause() -> None:
    await asyncio.sleep(0.05)


def test_hooks_that_nobody_asks_about(ordering: Ordering, hook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of so many is it remembered how they ended, and the oldest are forgotten."""
    monkeypatch.setattr(limits, "HOOKS_REMEMBERED", 2)
    monkeypatch.setattr(limits, "HOOK_PATIENCE_S", 0.0)
    account = ordering.account(challenge="dns-01", hook=str(hook))

    async def run(number: int) -> None:
        await ordering.issuer.run_hook(account, "present", Proof("a.example", f"t{number}"))
        await asyncio.wait(ordering.issuer._running.values())

    for number in range(4):
        ordering.world.run(run(number))
    assert [proof.token for _, _, proof in ordering.issuer._running] == ["t1", "t2", "t3"]


def test_what_is_presented_is_taken_back_when_it_is_refused(ordering: Ordering, hook: Path) -> None:
    """A record does not stay for an order that came to nothing."""
    ordering.account(challenge="dns-01", hook=str(hook), dnsWaitSeconds=0)
    ordering.authority.answers = [("/chall", problem("unauthorized", status=403))]
    ordering.refused()
    assert [one[0] for one in calls(hook)] == ["present", "cleanup"]


# ---- cancellation ---------------------------------------------------------------------------------------------------


def cancel(ordering: Ordering) -> None:
    """Let go of it."""
    ordering.world.run(ordering.issuer.cancel(ordering.wanted(), ordering.state))


def test_it_is_cancelled(ordering: Ordering) -> None:
    """What was presented is taken back, and the authority told that nothing comes of it (section 7.5.2)."""
    ordering.account()
    cancel(ordering)
    ordering.step()
    ordering.step()
    cancel(ordering)
    assert ordering.presented == 0
    (order,) = ordering.authority.orders.values()
    assert order.authorizations[0]["status"] == "deactivated"


def test_what_is_proved_stays_proved(ordering: Ordering) -> None:
    """A later order has use for it; the order itself is left to lapse."""
    ordering.account()
    for _ in range(3):
        ordering.step()
    cancel(ordering)
    (order,) = ordering.authority.orders.values()
    assert (order.status, order.authorizations[0]["status"]) == ("ready", "valid")


def test_a_cancellation_that_does_not_reach_the_authority(ordering: Ordering) -> None:
    """Nothing is answered any more all the same, and it is tried again."""
    ordering.account()
    ordering.step()
    ordering.step()
    ordering.authority.down = True
    with pytest.raises(Unavailable):
        cancel(ordering)
    assert ordering.presented == 0
    ordering.authority.down = False
    ordering.authority.answers = [("/order", problem("malformed", "gone", 404))]
    cancel(ordering)


def test_an_order_is_its_accounts_whatever_the_issuer_names_since(ordering: Ordering, hook: Path) -> None:
    """SEC-ACME-1: a vault's issuer has no other account, be it another tenant's, do anything about an order."""
    ordering.account()
    other = f"b-{chance.token_hex(6)}"
    more = {"challenge": "dns-01", "hook": str(hook), "tenants": [ordering.tenant]}
    assert add(ordering.world, other, **more).status == 201
    ordering.step()
    ordering.step()
    assert ordering.presented == 1
    wanted = replace(ordering.wanted(), account_id=other)
    ordering.world.run(ordering.issuer.cancel(wanted, ordering.state))
    assert (ordering.presented, calls(hook)) == (0, [])
    first = ordering.authority.orders.copy()
    made = ordering.world.run(ordering.issuer.step(wanted, ordering.state))
    assert isinstance(made, Waiting)
    assert len(ordering.authority.orders) == len(first) + 1
    control(ordering.world, "DELETE", f"/acme-accounts/{other}")


def test_challenges_that_were_forgotten(ordering: Ordering) -> None:
    """What nobody took back goes when the next challenge comes, once its time is over."""
    ordering.account()
    ordering.step()
    ordering.step()
    ordering.world.advance(limits.ACME_ISSUANCE_S + 60)
    ordering.state = b""
    ordering.step()
    ordering.step()
    assert ordering.presented == 1


def test_nothing_of_a_key_is_shown(ordering: Ordering) -> None:
    """SEC-ACME-5: neither a client nor its key says anything of itself but the thumbprint."""
    account = ordering.account()
    ordering.step()
    client = ordering.issuer._client(account)
    assert repr(client.key) == f"<AccountKey {client.key.thumbprint}>"
    assert isinstance(ordering.seen[-1], Waiting)
    assert "order/" not in repr(ordering.seen[-1])
    assert issubclass(Unavailable, Failure)
