"""
SEC-KEY-10: a name's life, step by step against a model: a certificate with its key and secret, or a key or a secret.

The status of every answer is predicted, and after each step the three collections are compared with what the model has
of the name. The vault keeps what is deleted for seven days, so that a walk sees the end of that too. Run with
`--hypothesis-seed` to bring a run back; a failure prints the line that does.
"""

from __future__ import annotations

import copy
import secrets as chance
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from strongroom.core.builtin_roles import KEY_VAULT_ADMINISTRATOR
from strongroom.directory import signing_keys
from strongroom.objects.jobs import purge_due_objects
from tests.flow.client import Client
from tests.flow.conftest import quick_passwords
from tests.flow.imported import in_pem, self_signed
from tests.flow.vault_certificates import POLICY
from tests.plugins.canary import plant
from tests.world import START, Simulation

__all__ = ["quick_passwords"]
pytestmark = pytest.mark.usefixtures("quick_passwords")

EXAMPLES, STEPS = 8, 25
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""To look for a shorter walk takes hundreds of them."""
DAY = 86_400
RETENTION = 7 * DAY
NAMES = ("one", "two")
VALUES = tuple(in_pem(*self_signed(START, f"CN=n{number}", days=36_500)) for number in range(3))
REQUEST = {"policy": POLICY | {"issuer": {"name": "Unknown"}}}
KINDS = ("certificates", "keys", "secrets")
NOUNS = dict(zip(KINDS, ("Certificate", "Key", "Secret"), strict=True))


@dataclass
class Version:
    """A version of a certificate as the model has it."""

    id: str
    issued: bool
    enabled: bool
    tags: dict[str, str] | None


@dataclass
class Modelled:
    """What a name stands for: a certificate with all that is its, or a key or a secret of its own."""

    kind: str
    versions: list[Version] = field(default_factory=list)
    pending: str | None = None
    deleted: int | None = None

    @property
    def is_issued(self) -> bool:
        """Tell whether a certificate has a key and a secret."""
        return any(one.issued for one in self.versions)

    def has(self, kind: str) -> bool:
        """Tell whether there is an object of a kind because of this."""
        return kind == self.kind or (self.kind == "certificates" and self.is_issued)


names = st.sampled_from(NAMES)
tags = st.sampled_from([None, {}, {"a": "b"}])
own_kinds = st.sampled_from(KINDS[1:])


class CertificateLife(RuleBasedStateMachine):
    """Two names in a vault, and everything that can happen to what they name."""

    client: ClassVar[Client]

    @initialize()
    def begin(self) -> None:
        """Take names that nobody has."""
        self.prefix = f"c{chance.token_hex(6)}-"
        self.found: dict[str, list[Modelled]] = {name: [] for name in NAMES}
        self.blobs: list[tuple[str, dict[str, str], Modelled]] = []

    # ---- the model --------------------------------------------------------------------------------------------------

    @property
    def now(self) -> int:
        """The time in whole seconds."""
        return int(self.client.world.clock())

    def holders(self, name: str) -> list[Modelled]:
        """Give what has a name: what was deleted too long ago has not."""
        left = [one for one in self.found[name] if one.deleted is None or self.now < one.deleted + RETENTION]
        self.found[name] = left
        return left

    def of(self, name: str, kind: str) -> Modelled | None:
        """Give what is the reason that an object of this kind has the name."""
        return next((one for one in self.holders(name) if one.has(kind)), None)

    def active(self, name: str, kind: str) -> Modelled | None:
        """Give that if it is not deleted."""
        found = self.of(name, kind)
        return found if found is not None and found.deleted is None else None

    def ask(self, method: str, path: str, status: int, body: object = None, inner: str | None = None) -> Any:
        """Ask for something, and check that it ends as predicted."""
        answer = self.client.ask(method, path.format(self.prefix), body=body)
        assert answer.status == status, (answer.body, self.found)
        if inner is not None:
            assert answer.error["innererror"]["code"] == inner
        return answer.json if answer.body else None

    # ---- certificates -----------------------------------------------------------------------------------------------

    def refusal_to_begin(self, name: str) -> bool:
        """Tell whether no version of a certificate can be made under a name now."""
        own = self.of(name, "certificates")
        if own is None:
            return bool(self.holders(name))
        return own.deleted is not None or own.pending == "inProgress"

    @rule(name=names, value=st.sampled_from(VALUES), enabled=st.booleans(), given=tags)
    def bring_in(self, name: str, value: str, given: dict[str, str] | None, *, enabled: bool) -> None:
        """Import a certificate."""
        body = {"value": value, "attributes": {"enabled": enabled}, "tags": given}
        path = f"/certificates/{{}}{name}/import"
        if self.refusal_to_begin(name):
            self.ask("POST", path, 409, body)
            return
        told = self.ask("POST", path, 200, body)
        own = self.of(name, "certificates")
        if own is None:
            own = Modelled("certificates")
            self.found[name].append(own)
        if own.versions and not own.versions[-1].issued:
            own.versions.pop()
        own.versions.append(Version(told["id"].rpartition("/")[2], issued=True, enabled=enabled, tags=given))
        own.pending = None

    @rule(name=names)
    def request(self, name: str) -> None:
        """Begin to make a version that somebody else has to sign."""
        path = f"/certificates/{{}}{name}/create"
        if self.refusal_to_begin(name):
            self.ask("POST", path, 409, REQUEST)
            return
        self.ask("POST", path, 202, REQUEST)
        own = self.of(name, "certificates")
        if own is None:
            own = Modelled("certificates")
            self.found[name].append(own)
        if not own.versions or not own.versions[-1].issued:
            told = self.ask("GET", f"/certificates/{{}}{name}", 200)
            own.versions = [Version(told["id"].rpartition("/")[2], issued=False, enabled=False, tags=None)]
        own.pending = "inProgress"

    @rule(name=names)
    def forget(self, name: str) -> None:
        """Forget the operation."""
        own = self.active(name, "certificates")
        is_there = own is not None and own.pending is not None
        self.ask("DELETE", f"/certificates/{{}}{name}/pending", 200 if is_there else 404)
        if own is not None:
            own.pending = None

    @rule(name=names, place=st.integers(-1, 3), enabled=st.sampled_from([None, True, False]), given=tags)
    def update(self, name: str, place: int, given: dict[str, str] | None, *, enabled: bool | None) -> None:
        """Change a version: by its id, or the latest."""
        own = self.active(name, "certificates")
        body = {"attributes": {"enabled": enabled}, "tags": given}
        if own is None:
            self.ask("PATCH", f"/certificates/{{}}{name}", 404, body)
            return
        version = own.versions[place % len(own.versions) if place >= 0 else -1]
        self.ask("PATCH", f"/certificates/{{}}{name}/{version.id if place >= 0 else ''}", 200, body)
        version.enabled = version.enabled if enabled is None or not version.issued else enabled
        version.tags = version.tags if given is None else given

    @rule(name=names)
    def back_up(self, name: str) -> None:
        """Back a certificate up."""
        own = self.active(name, "certificates")
        status = 404 if own is None else 200 if own.versions[-1].issued else 409
        blob = self.ask("POST", f"/certificates/{{}}{name}/backup", status)
        if own is not None and status == 200:
            kept = Modelled("certificates", copy.deepcopy(own.versions))
            self.blobs.append((name, blob, kept))

    @precondition(lambda self: self.blobs)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        """Restore a certificate."""
        name, blob, kept = data.draw(st.sampled_from(self.blobs))
        status = 409 if self.holders(name) else 200
        self.ask("POST", "/certificates/restore", status, blob)
        if status == 200:
            self.found[name].append(copy.deepcopy(kept))

    # ---- keys and secrets -------------------------------------------------------------------------------------------

    @rule(name=names, kind=own_kinds)
    def put(self, name: str, kind: str) -> None:
        """Make a key or a secret of its own, or a version of it."""
        own, certificate = self.of(name, kind), self.of(name, "certificates")
        status, inner = 200, None
        if (own is not None and own.deleted is not None) or (
            certificate is not None and certificate.deleted is not None
        ):
            status, inner = 409, "ObjectIsDeletedButRecoverable"
        elif certificate is not None and certificate.is_issued:
            status, inner = 403, f"{NOUNS[kind]}ManagedByKeyVault"
        elif certificate is not None:
            status = 409
        if kind == "keys":
            self.ask("POST", f"/keys/{{}}{name}/create", status, {"kty": "EC"}, inner)
        else:
            self.ask("PUT", f"/secrets/{{}}{name}", status, {"value": plant()}, inner)
        if status == 200 and own is None:
            self.found[name].append(Modelled(kind))

    # ---- all three --------------------------------------------------------------------------------------------------

    @rule(name=names, kind=st.sampled_from(KINDS))
    def delete(self, name: str, kind: str) -> None:
        """Delete something."""
        own = self.active(name, kind)
        path = f"/{kind}/{{}}{name}"
        if own is None:
            self.ask("DELETE", path, 404)
        elif own.kind != kind:
            self.ask("DELETE", path, 403, inner=f"{NOUNS[kind]}ManagedByKeyVault")
        else:
            self.ask("DELETE", path, 200)
            own.deleted = self.now
            own.pending = "cancelled" if own.pending == "inProgress" else own.pending

    @rule(name=names, kind=st.sampled_from(KINDS), way=st.sampled_from(["recover", "purge"]))
    def end(self, name: str, kind: str, way: str) -> None:
        """Recover or purge something."""
        own = self.of(name, kind)
        method, path = ("POST", "/recover") if way == "recover" else ("DELETE", "")
        path = f"/deleted{kind}/{{}}{name}{path}"
        if own is None or own.deleted is None:
            self.ask(method, path, 404)
        elif own.kind != kind:
            self.ask(method, path, 403, inner=f"{NOUNS[kind]}ManagedByKeyVault")
        elif way == "recover":
            self.ask(method, path, 200)
            own.deleted = None
        else:
            self.ask(method, path, 204)
            self.found[name].remove(own)

    # ---- time -------------------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 2 * DAY, RETENTION - 1]), cleans=st.booleans())
    def wait(self, seconds: int, *, cleans: bool) -> None:
        """Let time pass: what is deleted ends, whether or not the clean-up comes by. Tokens can be had however late."""
        world = self.client.world
        world.advance(seconds)
        if cleans:
            world.run(purge_due_objects(world.store, world.keys, self.now))
        tenant, now = world.first.tenant_id, self.now
        terms = signing_keys.due(world.view.signing_keys(tenant), now)
        fresh = [signing_keys.make_signing_key(world.keys, tenant, term, now) for term in terms]
        if fresh:
            world.commit(lambda tx: signing_keys.roll_over(tx, tenant, fresh, now))

    # ---- what is there ----------------------------------------------------------------------------------------------

    @invariant()
    def all_is_as_the_model_has_it(self) -> None:
        """Each collection has what the model has, active or deleted."""
        for name in getattr(self, "found", ()):
            for kind in KINDS:
                self.compare(name, kind)

    def compare(self, name: str, kind: str) -> None:
        """Look for an object, active and deleted."""
        own, path = self.of(name, kind), f"{kind}/{self.prefix}{name}"
        active, deleted = (self.client.ask("GET", f"/{prefix}{path}").status for prefix in ("", "deleted"))
        there = 200
        if kind == "secrets" and own is not None and own.is_issued and not own.versions[-1].enabled:
            there = 403
        is_deleted = own is not None and own.deleted is not None
        assert deleted == (there if is_deleted else 404), (path, own)
        assert active == (there if own is not None and not is_deleted else 404), (path, own)
        if own is not None and own.versions and not is_deleted:
            self.compare_versions(own, kind, path)

    def compare_versions(self, own: Modelled, kind: str, path: str) -> None:
        """Look at what a certificate, its key or its secret says: the three say the same."""
        member = "kid" if kind == "keys" else "id"
        told = {one[member].rpartition("/")[2]: one for one in self.client.walk(f"/{path}/versions")}
        expected = [one for one in own.versions if one.issued or kind == "certificates"]
        assert set(told) == {one.id for one in expected}
        for one in expected:
            item = told[one.id]
            assert (item["attributes"]["enabled"], item.get("tags") or None) == (one.enabled, one.tags or None)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Make a world where time only goes on, with a caller who may do everything for as long as that takes."""
    world = Simulation(tmp_path_factory.mktemp("world"))
    world.set_vault(retention_days=7)
    who = world.principal(lifetime_s=90 * 365 * DAY)
    world.grant(who.oid, KEY_VAULT_ADMINISTRATOR, world.vault.scope)
    yield Client(world, who)
    world.close()


def test_the_model_predicts_a_certificates_life(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step of every walk ends as the model says, and leaves the three collections as it says."""
    monkeypatch.setattr(CertificateLife, "client", client, raising=False)
    run_state_machine_as_test(
        CertificateLife,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            phases=PHASES,
            suppress_health_check=list(HealthCheck),
        ),
    )
