"""Orders of certificates at ACME authorities: issued in every state, for whom and which names, and cancelled."""

from __future__ import annotations

import json
import secrets as chance
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ObjectIdentifier

from strongroom.core import acme_limits as limits
from strongroom.core.acme_accounts import AcmeChallenge
from strongroom.core.errors import Failure, Invalid, Unavailable
from strongroom.core.issuance import Issued, Waiting
from strongroom.core.records import INSTANCE
from strongroom.crypto.acme_requests import new_account_key
from strongroom.crypto.context import bind
from tests.flow.acme_authority import problem
from tests.flow.acme_ordering import Ordering, calls, hook, leaf, ordering, request
from tests.flow.test_acme_accounts import add
from tests.flow.test_federation import control

__all__ = ["hook", "ordering"]


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
