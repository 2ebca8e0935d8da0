"""
What anonymous and blocked attempts may take of the audit journal (SEC-FLOW-6).

There is a share for each source, a number and bytes for all together, and entries are brief. What is beyond is counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from strongroom.config import Settings
from strongroom.core import limits
from strongroom.core.network import Bypass, DefaultAction, Link, NetworkAcls
from strongroom.flow import audit
from strongroom.flow.quota import AnonymousQuota, Beyond
from strongroom.flow.settings import FlowSettings
from strongroom.journal import Entry, JournalUnavailable, encode
from tests.flow.client import VERSION, Client
from tests.flow.journal import files, full_disk, last, since
from tests.world import PUBLIC_ADDRESS, START, Simulation

pytestmark = pytest.mark.usefixtures("restored")

PER_SOURCE, PER_SECOND = 3, 5
ELSEWHERE = "198.51.100.9"
BYTES = 100


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[Simulation]:
    """Make a world that lists five anonymous attempts in a second, and three of one source."""
    flow = FlowSettings(anonymous_audit_per_second=PER_SECOND, anonymous_audit_per_source=PER_SOURCE)
    settings = Settings(data=tmp_path, flow=flow)
    simulation = Simulation(tmp_path, settings)
    yield simulation
    with suppress(JournalUnavailable):
        simulation.world.journal.close()
    simulation.close()


def _knock(world: Simulation, how: str, token: str) -> int:
    """Make an attempt that proves nobody, or that a blocked address makes."""
    url = f"{world.vault_url}/secrets?api-version={VERSION}"
    match how:
        case "no token":
            return world.ask("GET", url).status
        case "bad token":
            return world.ask("GET", url, token=f"{token}x").status
        case "blocked":
            return world.ask("GET", url, token=token, peer=ELSEWHERE).status
        case "unknown host":
            return world.ask("GET", url, host="nobody.example").status
        case "unknown path":
            return world.ask("GET", f"{world.vault_url}/nothing", token=token).status
        case "wrong secret":
            form = {"grant_type": "client_credentials", "client_id": "x", "client_secret": "y", "scope": "z/.default"}
            return world.ask("POST", f"{world.login_url}/common/oauth2/v2.0/token", form=form).status
        case _:
            return world.ask("GET", f"{world.vault_url}/healthstatus").status


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ("no token", 401),
        ("bad token", 401),
        ("blocked", 403),
        ("unknown host", 421),
        ("unknown path", 404),
        ("wrong secret", 400),
        ("a public document", 200),
    ],
)
def test_anonymous_and_blocked_attempts_are_counted_beyond_a_quota(quiet: Simulation, how: str, status: int) -> None:
    """
    SEC-FLOW-6: in each second some attempts of a source are listed, the rest are one count.

    A good token at a blocked address is such an attempt too, and so is reading a public document; whoever proves who
    they are is listed always.
    """
    quiet.set_vault(network_acls=NetworkAcls(DefaultAction.DENY, Bypass.NONE, (f"{PUBLIC_ADDRESS}/32",)))
    vault = Client(quiet)
    token, before = vault.token, len(quiet.entries())
    assert [_knock(quiet, how, token) for _ in range(PER_SOURCE + 3)] == [status] * (PER_SOURCE + 3)
    assert len(since(quiet, before)) == PER_SOURCE
    vault.put("a")
    assert last(quiet)["operationName"] == "SecretSet"
    audit.settle_anonymous(quiet.world)
    entry = last(quiet)
    assert entry["operationName"] == "Authentication"
    assert entry["properties"]["count"] == 3
    assert entry["properties"]["beyond"] == {"source": 3}
    assert entry["properties"]["since"] == int(START)
    assert len(since(quiet, before)) == PER_SOURCE + 2


def test_a_new_second_has_a_quota_of_its_own(quiet: Simulation) -> None:
    """SEC-FLOW-6: the quota is for each second, and without anything to count nothing is recorded."""
    for _ in range(3):
        for _ in range(PER_SOURCE):
            _knock(quiet, "no token", "")
        quiet.advance(1)
    count = len(quiet.entries())
    assert count == 3 * PER_SOURCE
    audit.settle_anonymous(quiet.world)
    assert len(quiet.entries()) == count


def test_who_proves_to_be_somebody_uses_no_quota(quiet: Simulation) -> None:
    """Tokens that were issued and calls that were refused for want of a right are listed, however many."""
    nobody = quiet.principal()
    before = len(quiet.entries())
    for _ in range(PER_SECOND + 1):
        client = Client(quiet, nobody)
        assert client.ask("GET", "/secrets").status == 403
    names = [entry["operationName"] for entry in since(quiet, before)]
    assert names == ["TokenIssue", "SecretList"] * (PER_SECOND + 1)


def test_a_count_that_cannot_be_recorded_stays(quiet: Simulation) -> None:
    """A count that the journal refuses is recorded when it takes entries again, with what came since."""
    for _ in range(PER_SOURCE + 2):
        _knock(quiet, "no token", "")
    with full_disk(quiet), pytest.raises(JournalUnavailable):
        audit.settle_anonymous(quiet.world)
    _knock(quiet, "no token", "")
    audit.settle_anonymous(quiet.world)
    assert last(quiet)["properties"]["count"] == 3


@pytest.mark.parametrize("how", ["no token", "a public document"])
def test_what_is_only_counted_needs_a_journal_for_the_count(quiet: Simulation, how: str) -> None:
    """SEC-AUDIT-6: with a broken journal nothing is answered beyond the quota either."""
    for _ in range(PER_SOURCE + 1):
        _knock(quiet, how, "")
    for path in files(quiet):
        path.unlink()
    with pytest.raises(JournalUnavailable):
        quiet.world.journal.append(b"{}")
    assert _knock(quiet, how, "") == 503


def test_a_quota_is_no_way_round_the_firewall(quiet: Simulation) -> None:
    """Beyond the quota an attempt is refused as before: only its entry is a count."""
    quiet.set_vault(network_acls=replace(NetworkAcls(), default_action=DefaultAction.DENY))
    token = quiet.token(quiet.administrator)
    for _ in range(2 * PER_SECOND):
        assert _knock(quiet, "blocked", token) == 403


# ---- who may take what -----------------------------------------------------------------------------------------------


def _from(world: Simulation, *peers: str) -> list[str]:
    """Ask without a token from each address, and say from which an entry came of it."""
    before = len(world.entries())
    for peer in peers:
        assert world.ask("GET", f"{world.vault_url}/secrets?api-version={VERSION}", peer=peer).status == 401
    return [entry["callerIpAddress"] for entry in since(world, before)]


def test_one_source_does_not_hide_another(quiet: Simulation) -> None:
    """SEC-FLOW-6: whatever one source does in a second, another's attempts are listed."""
    noise = [PUBLIC_ADDRESS] * 50
    assert _from(quiet, *noise, ELSEWHERE, ELSEWHERE) == [PUBLIC_ADDRESS] * PER_SOURCE + [ELSEWHERE] * 2


def test_many_sources_share_the_whole_number(quiet: Simulation) -> None:
    """SEC-FLOW-6: beyond the number for all together no source is listed, and the count says which limit it was."""
    peers = [f"198.51.100.{number}" for number in range(PER_SECOND + 2)]
    assert _from(quiet, *peers) == peers[:PER_SECOND]
    audit.settle_anonymous(quiet.world)
    assert last(quiet)["properties"]["beyond"] == {"number": 2}


def test_the_addresses_of_a_network_are_one_source(quiet: Simulation) -> None:
    """SEC-FLOW-6: whoever has one IPv6 address has its whole /64, and no other share for it."""
    own = [f"2001:db8:0:1::{number:x}" for number in range(1, PER_SOURCE + 3)]
    assert _from(quiet, *own, "2001:db8:0:2::1") == [*own[:PER_SOURCE], "2001:db8:0:2::1"]


def test_the_owners_socket_has_a_share_of_its_own(quiet: Simulation) -> None:
    """SEC-FLOW-6: what others on this machine do on loopback does not hide what comes over the control socket."""
    assert _from(quiet, *["127.0.0.1"] * (PER_SOURCE + 1)) == ["127.0.0.1"] * PER_SOURCE
    before = len(quiet.entries())
    assert quiet.ask("GET", "http://control/nothing", link=Link.CONTROL, host="control").status == 404
    assert len(since(quiet, before)) == 1


def test_whoever_showed_the_right_secret_uses_no_quota(quiet: Simulation) -> None:
    """A client that proved itself and then asks for what there is not is listed always, by name."""
    admin, before = quiet.administrator, len(quiet.entries())
    form = {"grant_type": "client_credentials", "client_id": admin.appid, "client_secret": admin.secret}
    for _ in range(PER_SECOND + 1):
        url = f"{quiet.login_url}/{quiet.first.tenant_id}/oauth2/v2.0/token"
        assert quiet.ask("POST", url, form=form | {"scope": "https://storage.azure.com/.default"}).status == 400
    entries = since(quiet, before)
    assert [entry["properties"]["appId"] for entry in entries] == [admin.appid] * (PER_SECOND + 1)


# ---- the quota by itself ---------------------------------------------------------------------------------------------


def _entry_of(size: int) -> bytes:
    return b"x" * size


def test_the_bytes_of_a_second_have_a_limit() -> None:
    """SEC-FLOW-6: entries are written up to the budget, to the byte; one more is counted."""
    quota = AnonymousQuota(per_source=10, per_second=10, bytes_per_second=BYTES)
    assert quota.take("a", START, lambda: _entry_of(BYTES - 1)) is not None
    assert quota.take("b", START, lambda: _entry_of(2)) is None
    assert quota.take("b", START, lambda: _entry_of(1)) is not None
    assert quota.take("c", START, lambda: _entry_of(1)) is None
    assert quota.counted == ({Beyond.BYTES: 2}, int(START))
    assert quota.take("c", START + 1, lambda: _entry_of(BYTES)) is not None


def test_an_attempt_from_before_brings_no_second_back() -> None:
    """SEC-FLOW-6: a request that was long under way counts in the present second, and gives nobody a new one."""
    quota = AnonymousQuota(per_source=1, per_second=10, bytes_per_second=BYTES)
    assert quota.take("a", START + 1, lambda: b"x") == b"x"
    assert quota.take("b", START, lambda: b"x") == b"x"
    for now in (START, START + 1):
        assert quota.take("a", now, lambda: b"x") is None
        assert quota.take("b", now, lambda: b"x") is None


def test_nothing_is_made_for_what_is_only_counted() -> None:
    """Beyond the share of a source an attempt costs no entry, and counts under the first limit that it is beyond."""

    def never() -> bytes:
        raise AssertionError("an entry was made")

    quota = AnonymousQuota(per_source=1, per_second=1, bytes_per_second=BYTES)
    assert quota.take("a", START, lambda: _entry_of(1)) == b"x"
    assert quota.take("a", START, never) is None
    assert quota.take("b", START, never) is None
    assert quota.counted == ({Beyond.SOURCE: 1, Beyond.NUMBER: 1}, int(START))
    quota.settle()
    assert quota.counted[0] == {}


# ---- brief entries ---------------------------------------------------------------------------------------------------

BRIEF = limits.AUDIT_BRIEF_INPUT_CHARS


@pytest.mark.parametrize("over", [0, 1])
def test_an_unproved_request_is_recorded_briefly(world: Simulation, over: int) -> None:
    """SEC-FLOW-6: without proof, request URI and user agent are kept up to the limit; one more is cut, with a mark."""
    start = f"{world.vault_url}/secrets"
    path = "/" * (BRIEF + over - len(start))
    world.ask("GET", start + path, headers={"User-Agent": "a" * (BRIEF + over)})
    properties = last(world)["properties"]
    mark = "…" * over
    assert properties["requestUri"] == (start + path)[:BRIEF] + mark
    assert properties["clientInfo"] == "a" * BRIEF + mark


def test_a_proved_request_is_recorded_at_length(world: Simulation, vault: Client) -> None:
    """Whoever proved who they are has the whole text in the journal."""
    vault.ask("GET", "/secrets", headers={"User-Agent": "a" * (BRIEF + 1)})
    assert last(world)["properties"]["clientInfo"] == "a" * (BRIEF + 1)


def test_a_blocked_callers_request_is_recorded_briefly(world: Simulation, vault: Client) -> None:
    """SEC-FLOW-6: a good token at a blocked address is no admission, so its entry is brief too."""
    token = vault.token
    world.set_vault(network_acls=NetworkAcls(DefaultAction.DENY, Bypass.NONE))
    assert vault.ask("GET", "/secrets", token=token, headers={"User-Agent": "a" * (BRIEF + 1)}).status == 403
    assert last(world)["properties"]["clientInfo"] == "a" * BRIEF + "…"


@pytest.mark.parametrize("over", [0, 1])
def test_the_sentences_of_a_brief_entry_have_a_limit(over: int) -> None:
    """SEC-FLOW-6: description and reason are cut likewise, each at its limit."""
    length = limits.AUDIT_BRIEF_SENTENCE_CHARS
    text, cut = "d" * (length + over), "d" * length + "…" * over
    entry = Entry(time=START, operation="x", status=401, description=text, reason=text, is_brief=True)
    record = json.loads(encode(entry))
    assert (record["resultDescription"], record["properties"]["reason"]) == (cut, cut)
