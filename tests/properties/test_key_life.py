"""
A key's life, step by step against a model of dictionaries: what it predicts is what a real request is answered.

Status, code and body are compared after every step, whatever came before it. The vault keeps what is deleted for seven
days, so that a walk sees the end of that too. Run with `--hypothesis-seed` to bring a run back; a failure prints the
line that does.
"""

from __future__ import annotations

import copy
import hashlib
import secrets as chance
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from strongroom.app.upkeep import look_after_objects
from strongroom.core.builtin_roles import KEY_VAULT_ADMINISTRATOR
from strongroom.directory import signing_keys
from tests.flow.client import Client
from tests.flow.conftest import quick_passwords
from tests.flow.key_cases import octets, private_jwk
from tests.plugins.canary import remember
from tests.properties.key_model import DAY, POLICIES, RETENTION, ROTATING, Made, Modelled, Policy, Version
from tests.world import Answer, Simulation

__all__ = ["quick_passwords"]
pytestmark = pytest.mark.usefixtures("quick_passwords")

EXAMPLES, STEPS = 20, 30
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""To look for a shorter walk takes hundreds of them."""
NAMES = ("one", "two")
DEFAULTS = {"EC": ["sign", "verify"], "oct": ["unwrapKey", "wrapKey", "decrypt", "encrypt"]}
DIGEST = octets(hashlib.sha256(b"what is signed").digest())
PLAINTEXT = octets(bytes(range(16)))
OCT = {"kty": "oct", "k": octets(bytes(range(100, 132)))}
remember(str(OCT["k"]))
BROUGHT: tuple[dict[str, Any], ...] = (private_jwk(), OCT)

operations = st.sampled_from([None, ["sign"], ["verify"], ["encrypt", "decrypt"], ["sign", "verify", "wrapKey"], []])
tags = st.sampled_from([None, {}, {"a": "b"}, {"a": "c", "d": "é"}])
moments = st.sampled_from([None, None, -DAY, -1, 0, 1, 3600, 5 * DAY])
names = st.sampled_from(NAMES)
which = st.integers(-1, 5)
"""The latest version, unnamed; or the one at this place."""


class KeyLife(RuleBasedStateMachine):
    """Two names in a vault, and everything that can happen to the keys that they name."""

    client: ClassVar[Client]

    @initialize()
    def begin(self) -> None:
        """Take names that nobody has."""
        self.prefix = f"k{chance.token_hex(6)}-"
        self.keys: dict[str, Modelled] = {}
        self.blobs: list[tuple[str, str, Modelled]] = []
        self.made: list[Made] = []
        # Most steps are about a key that is there.
        for name, kty in zip(NAMES, DEFAULTS, strict=True):
            self.create(name, kty, None, None, None, None, enabled=None)

    # ---- asking ---------------------------------------------------------------------------------------------------

    @property
    def now(self) -> int:
        """The time in whole seconds."""
        return int(self.client.world.clock())

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        """Ask the vault."""
        return self.client.ask(method, path, body=body)

    def key(self, name: str) -> Modelled | None:
        """Give what the model has of a name, deleted or not."""
        found = self.keys.get(name)
        if found is not None and found.gone(self.now):
            del self.keys[name]
            return None
        return found

    def active(self, name: str) -> Modelled | None:
        """Give a key that is not deleted."""
        found = self.key(name)
        return found if found is not None and found.deleted is None else None

    def pick(self, name: str, place: int) -> tuple[Version | None, str]:
        """Give a version of an active key by its place, and how a path names it."""
        found = self.active(name)
        if found is None:
            return None, ""
        if place < 0:
            return found.versions[-1], ""
        version = found.versions[place % len(found.versions)]
        return version, version.id

    def refused(self, answer: Answer, status: int, code: str, inner: str | None = None) -> None:
        """Check a refusal."""
        assert (answer.status, answer.error["code"]) == (status, code), answer.body
        assert answer.error.get("innererror", {}).get("code") == inner

    def check(self, answer: Answer, name: str, version: Version, **more: object) -> None:
        """Check a bundle, member by member."""
        assert answer.status == 200, answer.body
        url = f"{self.client.origin}/keys/{self.prefix}{name}"
        key: dict[str, Any] = {"kid": f"{url}/{version.id}", "kty": version.type, "key_ops": version.operations}
        if version.public is not None:
            key |= {"crv": "P-256", "x": version.public[0], "y": version.public[1]}
        attributes = self.attributes(version)
        expected = {"key": key, "attributes": attributes, **({"tags": version.tags} if version.tags else {}), **more}
        told = answer.json
        if not told.get("tags", True):
            del told["tags"]  # No tags, or an object without members: both are none.
        assert told == expected

    def attributes(self, version: Version) -> dict[str, object]:
        """Give a version's attributes as every answer has them."""
        dates = {"nbf": version.nbf, "exp": version.exp}
        return {
            "enabled": version.enabled,
            "created": version.created,
            "updated": version.updated,
            **{name: date for name, date in dates.items() if date is not None},
            "recoveryLevel": "CustomizedRecoverable+Purgeable",
            "recoverableDays": 7,
            "exportable": False,
            "hsmPlatform": "0",
        }

    def deletion(self, name: str, deleted: int) -> dict[str, object]:
        """Give what the bundle of a deleted key has besides."""
        return {
            "recoveryId": f"{self.client.origin}/deletedkeys/{self.prefix}{name}",
            "deletedDate": deleted,
            "scheduledPurgeDate": deleted + RETENTION,
        }

    def given(
        self, nbf: int | None, exp: int | None, given_tags: dict[str, str] | None, *, enabled: bool | None
    ) -> tuple[dict[str, Any], int | None, int | None]:
        """Write what a create, an import or an update says, with its dates."""
        first, last = (None if one is None else self.now + one for one in (nbf, exp))
        attributes = {"enabled": enabled, "nbf": first, "exp": last}
        body: dict[str, Any] = {"attributes": {name: one for name, one in attributes.items() if one is not None}}
        if given_tags is not None:
            body["tags"] = given_tags
        return body, first, last

    # ---- new versions ---------------------------------------------------------------------------------------------

    def put(self, name: str, answer: Answer, version: Version) -> None:
        """Check the answer to what makes a new version, and keep it."""
        if version.nbf is not None and version.exp is not None and version.exp < version.nbf:
            self.refused(answer, 400, "BadParameter")
            return
        found = self.key(name)
        if found is not None and found.deleted is not None:
            self.refused(answer, 409, "Conflict", "ObjectIsDeletedButRecoverable")
            return
        assert answer.status == 200, answer.body
        version.id = answer.json["key"]["kid"].rpartition("/")[2]
        if version.type == "EC":
            point = (answer.json["key"]["x"], answer.json["key"]["y"])
            assert version.public in {None, point}
            version.public = point
        self.keys.setdefault(name, Modelled()).versions.append(version)
        self.check(answer, name, version)

    @rule(name=names, kty=st.sampled_from(["EC", "oct"]), ops=operations, nbf=moments, exp=moments, given_tags=tags,
          enabled=st.sampled_from([None, None, True, False]))  # fmt: skip
    def create(
        self,
        name: str,
        kty: str,
        ops: list[str] | None,
        nbf: int | None,
        exp: int | None,
        given_tags: dict[str, str] | None,
        *,
        enabled: bool | None,
    ) -> None:
        """Create a key, or a new version of one."""
        body, first, last = self.given(nbf, exp, given_tags, enabled=enabled)
        answer = self.ask("POST", f"/keys/{self.prefix}{name}/create", {"kty": kty, "key_ops": ops, **body})
        if not self.possible(kty, ops):
            self.refused(answer, 400, "BadParameter")
            return
        self.put(
            name,
            answer,
            Version("", kty, ops or DEFAULTS[kty], self.now, self.now, enabled is not False, first, last, given_tags),
        )

    @rule(name=names, key=st.sampled_from(BROUGHT), ops=operations, exp=moments, given_tags=tags)
    def bring_in(
        self,
        name: str,
        key: dict[str, Any],
        ops: list[str] | None,
        exp: int | None,
        given_tags: dict[str, str] | None,
    ) -> None:
        """Import a key, as a new one or a new version."""
        body, first, last = self.given(None, exp, given_tags, enabled=None)
        web_key = {**key, **({"key_ops": ops} if ops is not None else {})}
        answer = self.ask("PUT", f"/keys/{self.prefix}{name}", {"key": web_key, **body})
        kty = key["kty"]
        if not self.possible(kty, ops):
            self.refused(answer, 400, "BadParameter")
            return
        public = (key["x"], key["y"]) if kty == "EC" else None
        version = Version(
            "", kty, ops or DEFAULTS[kty], self.now, self.now, True, first, last, given_tags, public
        )  # fmt: skip
        self.put(name, answer, version)

    def possible(self, kty: str, ops: list[str] | None) -> bool:
        """Tell whether keys of a type have these operations: those on a curve only sign."""
        return kty == "oct" or set(ops or ()) <= {"sign", "verify"}

    @rule(name=names)
    def rotate(self, name: str) -> None:
        """Make a new version that is as the latest one, with dates of its own: those that the policy gives it."""
        found = self.active(name)
        answer = self.ask("POST", f"/keys/{self.prefix}{name}/rotate")
        latest, _ = self.pick(name, -1)
        if found is None or latest is None:
            self.refused(answer, 404, "KeyNotFound")
        elif not latest.enabled:
            self.refused(answer, 403, "Forbidden", "KeyDisabled")
        else:
            self.put_successor(name, answer, found.policy, latest)

    def put_successor(self, name: str, answer: Answer, policy: Policy, latest: Version) -> None:
        """Check what a rotation made just now: another key that is as the one before."""
        expires = None if policy.good_for is None else self.now + policy.good_for * DAY
        version = Version("", latest.type, latest.operations, self.now, self.now, exp=expires, tags=latest.tags)
        self.put(name, answer, version)
        assert version.id != latest.id
        assert version.public is None or version.public != latest.public

    @rule(name=names, policy=st.sampled_from(POLICIES))
    def set_policy(self, name: str, policy: Policy) -> None:
        """Say how long new versions are good and when they are replaced; nobody is told but who asks."""
        body = policy.body()
        answer, found = self.ask("PUT", f"/keys/{self.prefix}{name}/rotationpolicy", body), self.active(name)
        if found is None:
            self.refused(answer, 404, "KeyNotFound")
            return
        found.policy = policy
        told = self.ask("GET", f"/keys/{self.prefix}{name}/rotationpolicy").json
        assert (answer.status, answer.json) == (200, told)
        assert told["attributes"].get("expiryTime") == body["attributes"].get("expiryTime")
        notify = {"trigger": {"timeBeforeExpiry": "P30D"}, "action": {"type": "Notify"}}
        assert told["lifetimeActions"] == [*body["lifetimeActions"], notify]

    @rule(name=names, place=which, ops=operations, nbf=moments, exp=moments, given_tags=tags,
          enabled=st.sampled_from([None, True, False]))  # fmt: skip
    def update(
        self,
        name: str,
        place: int,
        ops: list[str] | None,
        nbf: int | None,
        exp: int | None,
        given_tags: dict[str, str] | None,
        *,
        enabled: bool | None,
    ) -> None:
        """Change a version: what is not said stays."""
        version, text = self.pick(name, place)
        body, first, last = self.given(nbf, exp, given_tags, enabled=enabled)
        answer = self.ask("PATCH", f"/keys/{self.prefix}{name}/{text}", {"key_ops": ops, **body})
        if version is None:
            self.refused(answer, 404, "KeyNotFound")
            return
        changed = copy.copy(version)
        changed.nbf = version.nbf if first is None else first
        changed.exp = version.exp if last is None else last
        outside = changed.nbf is not None and changed.exp is not None and changed.exp < changed.nbf
        if outside or not self.possible(version.type, ops):
            self.refused(answer, 400, "BadParameter")
            self.check(self.ask("GET", f"/keys/{self.prefix}{name}/{version.id}"), name, version)
            return
        version.nbf, version.exp, version.updated = changed.nbf, changed.exp, self.now
        version.operations = version.operations if ops is None else ops
        version.enabled = version.enabled if enabled is None else enabled
        version.tags = version.tags if given_tags is None else given_tags
        self.check(answer, name, version)

    # ---- reading --------------------------------------------------------------------------------------------------

    @rule(name=names, place=which)
    def get(self, name: str, place: int) -> None:
        """Get a version, named or not."""
        version, text = self.pick(name, place)
        answer = self.ask("GET", f"/keys/{self.prefix}{name}/{text}")
        if version is None:
            self.refused(answer, 404, "KeyNotFound")
        else:
            self.check(answer, name, version)

    @rule(name=names)
    def get_unknown(self, name: str) -> None:
        """Ask for a version that is none."""
        answer = self.ask("GET", f"/keys/{self.prefix}{name}/{chance.token_hex(16)}")
        self.refused(answer, 404, "KeyNotFound")

    @rule(name=names)
    def versions(self, name: str) -> None:
        """List all versions: each as it is, and no more of it than an item has. What is not there has none."""
        found = self.active(name)
        there = [] if found is None else found.versions
        url = f"{self.client.origin}/keys/{self.prefix}{name}"
        listed = {
            item["kid"]: (item["attributes"], item.get("tags") or None)
            for item in self.client.walk(f"/keys/{self.prefix}{name}/versions", "&maxresults=2")
        }
        assert listed == {f"{url}/{one.id}": (self.attributes(one), one.tags or None) for one in there}

    # ---- deletion -------------------------------------------------------------------------------------------------

    @rule(name=names)
    def delete(self, name: str) -> None:
        """Delete a key with all its versions."""
        answer, found = self.ask("DELETE", f"/keys/{self.prefix}{name}"), self.active(name)
        if found is None:
            self.refused(answer, 404, "KeyNotFound")
            return
        found.deleted = self.now
        self.check(answer, name, found.versions[-1], **self.deletion(name, self.now))

    @rule(name=names)
    def get_deleted(self, name: str) -> None:
        """Get a deleted key."""
        answer, found = self.ask("GET", f"/deletedkeys/{self.prefix}{name}"), self.key(name)
        if found is None or found.deleted is None:
            self.refused(answer, 404, "KeyNotFound")
        else:
            self.check(answer, name, found.versions[-1], **self.deletion(name, found.deleted))

    @rule(name=names)
    def recover(self, name: str) -> None:
        """Recover a deleted key, as it was."""
        found = self.key(name)
        answer = self.ask("POST", f"/deletedkeys/{self.prefix}{name}/recover")
        if found is None or found.deleted is None:
            self.refused(answer, 404, "KeyNotFound")
            return
        found.deleted = None
        self.check(answer, name, found.versions[-1])

    @rule(name=names)
    def purge(self, name: str) -> None:
        """Purge a deleted key: its name is free again."""
        found = self.key(name)
        answer = self.ask("DELETE", f"/deletedkeys/{self.prefix}{name}")
        if found is None or found.deleted is None:
            self.refused(answer, 404, "KeyNotFound")
            return
        assert (answer.status, answer.body) == (204, b"")
        del self.keys[name]

    # ---- backups --------------------------------------------------------------------------------------------------

    @rule(name=names)
    def back_up(self, name: str) -> None:
        """Back up a key with all its versions."""
        answer, found = self.ask("POST", f"/keys/{self.prefix}{name}/backup"), self.active(name)
        if found is None:
            self.refused(answer, 404, "KeyNotFound")
            return
        assert answer.status == 200, answer.body
        assert answer.json.keys() == {"value"}
        self.blobs.append((name, answer.json["value"], copy.deepcopy(found)))

    @precondition(lambda self: self.blobs)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        """Restore a backup where its name is free: all versions and the policy are as they were then."""
        name, blob, key = data.draw(st.sampled_from(self.blobs))
        answer = self.ask("POST", "/keys/restore", {"value": blob})
        if self.key(name) is not None:
            assert (answer.status, answer.error["code"]) == (409, "Conflict"), answer.body
            return
        self.keys[name] = copy.deepcopy(key)
        self.check(answer, name, self.keys[name].versions[-1])

    # ---- use ------------------------------------------------------------------------------------------------------

    def use(self, name: str, place: int, operation: str, body: dict[str, Any]) -> tuple[Version, Any] | None:
        """Use a version; give it and the answer, or None if it is refused as the model says."""
        version, text = self.pick(name, place)
        answer = self.ask("POST", f"/keys/{self.prefix}{name}/{text}/{operation.lower()}", body)
        if version is None:
            self.refused(answer, 404, "KeyNotFound")
            return None
        refusal = version.refusal(operation, self.now)
        if refusal is not None:
            self.refused(answer, 403, "Forbidden", refusal)
            return None
        assert answer.status == 200, answer.body
        if operation != "verify":
            assert answer.json["kid"] == f"{self.client.origin}/keys/{self.prefix}{name}/{version.id}"
        return version, answer.json

    @rule(name=names, place=which)
    def sign(self, name: str, place: int) -> None:
        """Sign, or make a keyed tag."""
        version, _ = self.pick(name, place)
        algorithm = "HS256" if version is not None and version.type == "oct" else "ES256"
        done = self.use(name, place, "sign", {"alg": algorithm, "value": DIGEST})
        if done is not None:
            signature = {"alg": algorithm, "digest": DIGEST, "value": done[1]["value"]}
            self.made.append(Made(name, done[0].id, "verify", signature))

    @rule(name=names, place=which, pair=st.sampled_from([("encrypt", "decrypt"), ("wrapKey", "unwrapKey")]))
    def seal(self, name: str, place: int, pair: tuple[str, str]) -> None:
        """Encrypt or wrap; a key on a curve cannot."""
        algorithm = "A256GCM" if pair[0] == "encrypt" else "A256KW"
        done = self.use(name, place, pair[0], {"alg": algorithm, "value": PLAINTEXT})
        if done is not None:
            sealed = {member: done[1][member] for member in ("value", "iv", "tag") if member in done[1]}
            self.made.append(Made(name, done[0].id, pair[1], {"alg": algorithm, **sealed}))

    @precondition(lambda self: self.made)
    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        """Have a version take back what it made, whatever happened since: after a restore too."""
        made = data.draw(st.sampled_from(self.made))
        found = self.active(made.name)
        ids = [one.id for one in found.versions] if found is not None else []
        if made.version not in ids:
            path = f"/keys/{self.prefix}{made.name}/{made.version}/{made.operation.lower()}"
            self.refused(self.ask("POST", path, made.body), 404, "KeyNotFound")
            return
        done = self.use(made.name, ids.index(made.version), made.operation, made.body)
        if done is not None:
            assert done[1]["value"] == (True if made.operation == "verify" else PLAINTEXT)

    # ---- time -----------------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 3600, 2 * DAY, RETENTION - 1]))
    def wait(self, seconds: int) -> None:
        """Let time pass: dates come and go, and what is deleted ends."""
        self.pass_time(seconds)

    @rule(name=names, policy=st.sampled_from(ROTATING))
    def rotate_in_time(self, name: str, policy: Policy) -> None:
        """Let time pass until the second before a rotation, and until that of the rotation, if there comes one."""
        self.set_policy(name, policy)
        if policy.before is not None:
            # What counts back from an expiry needs one, and the policy's is that of versions yet to come.
            self.rotate(name)
        found = self.active(name)
        at = found.policy.due(found.versions[-1]) if found is not None else None
        for moment in (at - 1, at) if at is not None else ():
            self.pass_time(max(moment - self.now, 0))

    def pass_time(self, seconds: int) -> None:
        """Let time pass, and what is done in it by itself. Tokens can be had however late it is."""
        world = self.client.world
        world.advance(seconds)
        tenant, now = world.first.tenant_id, self.now
        terms = signing_keys.due(world.view.signing_keys(tenant), now)
        fresh = [signing_keys.make_signing_key(world.keys, tenant, term, now) for term in terms]
        if fresh:
            world.commit(lambda tx: signing_keys.roll_over(tx, tenant, fresh, now))
        world.run(look_after_objects(world.world, "node-1"))
        for name in NAMES:
            self.rotate_if_due(name)

    def rotate_if_due(self, name: str) -> None:
        """Have the model do what the service did by itself: one rotation, however many were missed."""
        found = self.active(name)
        if found is None:
            return
        latest = found.versions[-1]
        due = found.policy.due(latest)
        told = self.ask("GET", f"/keys/{self.prefix}{name}")
        if due is None or due > self.now:
            self.check(told, name, latest)
        else:
            self.put_successor(name, told, found.policy, latest)

    def teardown(self) -> None:
        """Leave nothing that rotates in the walks to come."""
        for name in NAMES:
            self.ask("DELETE", f"/keys/{self.prefix}{name}")


# ---- the walks ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Make a world where time only goes on, with a caller who may do everything for as long as that takes."""
    world = Simulation(tmp_path_factory.mktemp("world"))
    world.set_vault(retention_days=7)
    who = world.principal(lifetime_s=100 * 365 * DAY)
    world.grant(who.oid, KEY_VAULT_ADMINISTRATOR, world.vault.scope)
    yield Client(world, who)
    world.close()


def test_the_model_predicts_a_keys_life(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step of every walk ends as the model says, in status, code and body."""
    monkeypatch.setattr(KeyLife, "client", client, raising=False)
    run_state_machine_as_test(
        KeyLife,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            phases=PHASES,
            suppress_health_check=list(HealthCheck),
        ),
    )
