"""ACME accounts: made with an authority by the operator, over the control socket, and by nobody else."""

from __future__ import annotations

import base64
import secrets as chance
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from strongroom.core import acme_limits as limits
from strongroom.core.acme_accounts import AcmeAccount, AcmeChallenge
from strongroom.core.errors import Conflict, NotFound
from strongroom.core.network import Link
from strongroom.core.records import INSTANCE
from strongroom.objects.issuers import acme_accounts
from tests.flow.acme_authority import DIRECTORY, TERMS, Authority, problem
from tests.flow.test_federation import control
from tests.plugins import canary
from tests.world import Answer, Simulation


@pytest.fixture
def authority(world: Simulation) -> Iterator[Authority]:
    """Put an authority where the way out leads."""
    before, made = world.world.egress, Authority(world.clock)
    world.world.egress = made
    yield made
    world.world.egress = before


@pytest.fixture
def called() -> str:
    """Give a name that no other account has."""
    return f"a-{chance.token_hex(6)}"


def add(world: Simulation, name: str, /, **more: Any) -> Answer:
    """Make an account."""
    place = {"name": name, "directory": DIRECTORY, "agreeToTerms": True, "tenants": [world.first.tenant_id]}
    body = place | more
    return control(world, "POST", "/acme-accounts", {key: value for key, value in body.items() if value is not None})


def stored(world: Simulation, name: str) -> AcmeAccount | None:
    """Read what is kept of one."""
    return world.view.get(AcmeAccount, INSTANCE, name)


def refused(answer: Answer, status: int, text: str) -> None:
    """Make sure that nothing came of it, and why."""
    assert (answer.status, text in answer.error["message"]) == (status, True), answer.body


def test_an_account_is_made(world: Simulation, authority: Authority, called: str) -> None:
    """The authority knows its key and contacts; here it is shown without the key, which is sealed."""
    answer = add(world, called, contacts=["mailto:ops@example.com"], domains=["Example.com."], tenants=None)
    assert answer.status == 201, answer.body
    shown = answer.json
    there = authority.accounts[shown["url"]]
    assert (there["contact"], there["status"]) == (["mailto:ops@example.com"], "valid")
    assert (shown["challenge"], shown["domains"], shown["terms"]) == ("http-01", ["example.com"], TERMS)
    assert shown["tenantIds"] == [world.first.tenant_id]
    assert control(world, "GET", f"/acme-accounts/{called}").json == shown
    assert shown in control(world, "GET", "/acme-accounts").json["value"]
    kept = stored(world, called)
    assert kept is not None
    assert "sealed_key" not in repr(kept)


@pytest.mark.usefixtures("authority")
def test_terms_are_the_operators_to_agree_to(world: Simulation, called: str) -> None:
    """SEC-ACME-1: nothing agrees by itself: without the word the account is not made, and the terms are named."""
    refused(add(world, called, agreeToTerms=None), 400, TERMS)
    assert stored(world, called) is None


def test_an_authority_without_terms(world: Simulation, authority: Authority, called: str) -> None:
    """Where there are none there is nothing to agree to."""
    authority.terms = None
    answer = add(world, called, agreeToTerms=None)
    assert (answer.status, answer.json["terms"]) == (201, None)


def test_an_external_account(world: Simulation, authority: Authority, called: str) -> None:
    """The account is bound to one that the authority knows; the key of that is used once and is nowhere after."""
    key = canary.plant().encode()
    authority.external = {"kid-1": key}
    refused(add(world, called), 400, "external")
    text = base64.urlsafe_b64encode(key).rstrip(b"=").decode()
    canary.remember(text)
    refused(add(world, called, externalKeyId="kid-2", externalKey=text), 400, "binding is wrong (unauthorized)")
    answer = add(world, called, externalKeyId="kid-1", externalKey=text)
    assert (answer.status, answer.json["externalKeyId"]) == (201, "kid-1"), answer.body


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"name": "A"}, "lower-case"), ({"name": ""}, "lower-case"), ({"name": "a/b"}, "lower-case"),
        ({"directory": "http://acme.example/"}, "https"), ({"directory": "https://u@acme.example/"}, "https"),
        ({"contacts": ["ops@example.com"]}, "mailto"), ({"contacts": ["mailto:a@b.example?cc=c@d"]}, "mailto"),
        ({"contacts": ["mailto:a@b.example,c@d.example"]}, "mailto"),
        ({"domains": ["*.example.com"]}, "DNS name"), ({"domains": ["a b"]}, "DNS name"),
        ({"tenants": ["nobody.example"]}, "tenant"),
        ({"challenge": "dns-01"}, "hook"), ({"hook": "/bin/true"}, "hook"),
        ({"challenge": "dns-01", "hook": "true"}, "absolute"),
        ({"challenge": "dns-01", "hook": "/no/such/hook"}, "cannot be found"),
        ({"challenge": "tls-alpn-01"}, "not valid"),
        ({"externalKeyId": "k"}, "together"), ({"externalKey": "AAAAAAAAAAAAAAAAAAAAAAAAAAAA"}, "together"),
        ({"externalKeyId": "k", "externalKey": "?"}, "base64url"),
        ({"externalKeyId": "k", "externalKey": "AAAAAAAAAAAAAAAAAAAA"}, "base64url"),
        ({"dnsWaitSeconds": limits.DNS_WAIT_MAX_S + 1}, "not valid"), ({"dnsWaitSeconds": -1}, "not valid"),
        ({"unknown": 1}, "not valid"),
    ],
)  # fmt: skip
def test_what_is_no_account(
    world: Simulation, authority: Authority, called: str, more: dict[str, Any], text: str
) -> None:
    """A member that is malformed is said in a sentence, and no account is made with anybody."""
    refused(add(world, called, **more), 404 if "tenants" in more else 400, text)
    assert authority.accounts == {}


def test_a_name_is_taken_once(world: Simulation, authority: Authority, called: str) -> None:
    """A second account of the name is refused before the authority is asked."""
    assert add(world, called).status == 201
    refused(add(world, called), 409, "Remove it first")
    assert len(authority.accounts) == 1


@pytest.mark.parametrize(("is_down", "answer"), [(True, None), (False, problem("serverInternal", status=500))])
def test_an_authority_that_is_not_there(
    world: Simulation, authority: Authority, called: str, *, is_down: bool, answer: Any
) -> None:
    """What cannot be reached, or is out of order, is 503; nothing is kept."""
    authority.down = is_down
    authority.answers = [] if answer is None else [("/newAccount", answer)]
    refused(add(world, called), 503, "cannot be reached now")
    assert stored(world, called) is None


def test_an_authority_that_refuses(world: Simulation, authority: Authority, called: str) -> None:
    """Its own words are given, on one line of what can be printed."""
    authority.answers = [("/newAccount", problem("invalidContact", "no\r\n\x1b[31mmail"))]
    refused(add(world, called), 400, "makes no account: no [31mmail (invalidContact).")


def test_how_an_account_is(
    world: Simulation, authority: Authority, called: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check asks the authority, and says what it says; first of all somebody has to answer challenges here."""
    url = add(world, called).json["url"]
    refused(control(world, "POST", f"/acme-accounts/{called}/check", {}), 400, "pki_listen")
    monkeypatch.setattr(world.world.instance, "pki_url", "http://pki.localhost")
    checked = control(world, "POST", f"/acme-accounts/{called}/check", {})
    assert (checked.status, checked.json) == (200, {"name": called, "status": "valid", "terms": TERMS})
    authority.accounts[url]["status"] = "revoked"
    refused(control(world, "POST", f"/acme-accounts/{called}/check", {}), 400, "accountDoesNotExist")


def test_a_hook_is_judged_when_it_is_named_and_checked(
    world: Simulation, authority: Authority, called: str, tmp_path: Path
) -> None:
    """SEC-ACME-4: a program that somebody else could change is not taken, and a check notices one that became so."""
    hook = tmp_path / "hook"
    hook.write_text("#!/bin/sh\n")
    hook.chmod(0o777)
    refused(add(world, called, challenge="dns-01", hook=str(hook)), 400, "can be changed by others")
    hook.chmod(0o700)
    shown = add(world, called, challenge="dns-01", hook=str(hook)).json
    assert (shown["hook"], shown["dnsWaitSeconds"]) == (str(hook), limits.DNS_WAIT_S)
    assert control(world, "POST", f"/acme-accounts/{called}/check", {}).status == 200
    hook.chmod(0o600)
    refused(control(world, "POST", f"/acme-accounts/{called}/check", {}), 400, "no file that can be run")
    assert authority.accounts


def test_an_account_is_changed(world: Simulation, authority: Authority, called: str, tmp_path: Path) -> None:
    """What is said is different from then on; the authority hears of its contacts, and of nothing else."""
    hook = tmp_path / "hook"
    hook.write_text("#!/bin/sh\n")
    hook.chmod(0o700)
    made = add(world, called, domains=["example.com"]).json
    asked = len(authority.asked)
    place, other = f"/acme-accounts/{called}", world.tenant()
    dns = {"challenge": "dns-01", "hook": str(hook), "dnsWaitSeconds": 5}
    changes: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({}, {}),
        (dns, dns),
        ({"domains": ["example.org"]}, {"domains": ["example.org"]}),
        ({"domains": []}, {"domains": []}),
        ({"challenge": "http-01"}, {"challenge": "http-01", "hook": None, "dnsWaitSeconds": 0}),
        ({"tenants": [other]}, {"tenantIds": [other]}),
    ]
    for change, seen in changes:
        made |= seen
        changed = control(world, "PATCH", place, change)
        assert (changed.status, changed.json) == (200, made), changed.body
    assert len(authority.asked) == asked
    changed = control(world, "PATCH", place, {"contacts": ["mailto:a@b.example"]})
    assert changed.json["contacts"] == authority.accounts[made["url"]]["contact"] == ["mailto:a@b.example"]
    authority.answers = [("/acct", problem("invalidContact", "no such domain"))]
    refused(
        control(world, "PATCH", place, {"contacts": ["mailto:a@c.example"]}), 400, "no such domain (invalidContact)"
    )
    assert world.entries()[-1]["operationName"] == "AcmeAccountChange"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"contacts": ["a"]}, "mailto"), ({"domains": ["*.a"]}, "DNS name"), ({"tenants": []}, "not valid"),
        ({"challenge": "dns-01"}, "hook"), ({"hook": "/bin/true"}, "hook"), ({"name": "b"}, "not valid"),
        ({"challenge": "dns-01", "hook": "x"}, "absolute"), ({"dnsWaitSeconds": -1}, "not valid"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("authority")
def test_what_is_no_change(world: Simulation, called: str, change: dict[str, Any], text: str) -> None:
    """It is said in a sentence, and nothing is different."""
    add(world, called)
    before = stored(world, called)
    assert before is not None
    refused(control(world, "PATCH", f"/acme-accounts/{called}", change), 400, text)
    assert stored(world, called) == before


@pytest.mark.usefixtures("authority")
def test_a_change_meanwhile(world: Simulation, called: str) -> None:
    """Who decided by what is not so any more is told, and overwrites nothing."""
    add(world, called)
    one = stored(world, called)
    assert one is not None
    world.commit(lambda tx: acme_accounts.replace_account(tx, one, replace(one, domains=("a.example",))))
    with pytest.raises(Conflict):
        world.commit(lambda tx: acme_accounts.replace_account(tx, one, replace(one, domains=())))
    world.commit(lambda tx: acme_accounts.remove_account(tx, called))
    with pytest.raises(NotFound):
        world.commit(lambda tx: acme_accounts.replace_account(tx, one, one))


@pytest.mark.parametrize("is_down", [False, True])
def test_an_account_is_removed(world: Simulation, authority: Authority, called: str, *, is_down: bool) -> None:
    """The authority is told if it can be; here the account is forgotten in any case, with what is answered for it."""
    url = add(world, called).json["url"]
    token = chance.token_urlsafe(24)
    world.commit(lambda tx: tx.put(AcmeChallenge(token, called, f"{token}.x", int(world.clock()) + 60)))
    authority.down = is_down
    removed = control(world, "DELETE", f"/acme-accounts/{called}")
    assert removed.json == {"name": called, "deactivated": not is_down}
    assert authority.accounts[url]["status"] == ("valid" if is_down else "deactivated")
    assert stored(world, called) is None
    assert world.view.get(AcmeChallenge, INSTANCE, token) is None
    for method, more in (("GET", ""), ("DELETE", ""), ("POST", "/check")):
        refused(control(world, method, f"/acme-accounts/{called}{more}"), 404, "no such ACME account")


def test_the_journal_has_it(world: Simulation, authority: Authority, called: str) -> None:
    """Who is with which authority is recorded, with no key in it."""
    add(world, called)
    entry = world.entries()[-1]
    assert (entry["operationName"], entry["properties"]["acmeAccount"]) == ("AcmeAccountAdd", called)
    assert entry["properties"]["acmeDirectory"] == DIRECTORY
    assert authority.accounts


def test_an_authority_that_hangs(
    world: Simulation, authority: Authority, called: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits at the socket is told in time; nothing is kept, and an account that is removed is gone."""
    assert add(world, called).status == 201
    monkeypatch.setattr(limits, "ACME_CONTROL_S", 0.01)
    authority.hangs = True
    refused(add(world, f"{called}-b"), 503, "does not answer in time")
    assert control(world, "DELETE", f"/acme-accounts/{called}").json["deactivated"] is False


@pytest.mark.usefixtures("authority")
def test_so_many_accounts(world: Simulation, called: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the limit one is made, and one past it none."""
    known = len(world.view.all(AcmeAccount, INSTANCE))
    monkeypatch.setattr(limits, "ACME_ACCOUNTS", known + 1)
    assert add(world, called).status == 201
    refused(add(world, f"{called}-b"), 400, f"at most {known + 1}")


@pytest.mark.parametrize(
    ("limit", "member", "make"),
    [
        (limits.ACME_ACCOUNT_CONTACTS, "contacts", lambda n: [f"mailto:a{i}@b.example" for i in range(n)]),
        (limits.ACME_ACCOUNT_DOMAINS, "domains", lambda n: [f"d{i}.example" for i in range(n)]),
        (limits.ACME_ACCOUNT_NAME_CHARS, "name", lambda n: chance.token_hex(n)[:n]),
        (limits.ACME_EXTERNAL_ID_CHARS, "externalKeyId", lambda n: "k" * n),
        (limits.ACME_EXTERNAL_KEY_CHARS, "externalKey", lambda n: "A" * n),
        (limits.HOOK_PATH_CHARS, "hook", lambda n: "/" + "h" * (n - 1)),
        (limits.DNS_WAIT_MAX_S, "dnsWaitSeconds", lambda n: n),
        (limits.ACME_ACCOUNT_TENANTS, "tenants", lambda n: ["strongroom.localhost"] * n),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
@pytest.mark.usefixtures("authority")
def test_so_much_of_an_account(world: Simulation, called: str, limit: int, member: str, make: Any) -> None:
    """At the limit of a member it is not the form that is refused, and one past it is."""
    assert "not valid" not in add(world, called, **{member: make(limit)}).body.decode()
    assert "not valid" in add(world, f"{called}-b", **{member: make(limit + 1)}).error["message"]


def test_only_by_the_socket(world: Simulation, called: str) -> None:
    """SEC-BOOT-7: no other listener has the paths."""
    for link in (Link.PUBLIC, Link.MANAGED_IDENTITY):
        assert control(world, "GET", f"/acme-accounts/{called}", link=link).status in {400, 404, 421}
