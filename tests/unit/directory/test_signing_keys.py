from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.core import limits
from strongroom.core.errors import Conflict, NotFound
from strongroom.core.identity import SigningKey
from strongroom.crypto.protocol import Unsealable
from strongroom.directory.signing_keys import (
    NoSigningKey,
    Term,
    due,
    hand_over,
    make_signing_key,
    open_private_key,
    published,
    revoke,
    roll_over,
    signs_now,
)
from tests.unit.directory.conftest import NOW, Directory

SIGNS = limits.SIGNING_KEY_SIGNS_S


def key_of(term: Term, created: int, number: int = 0) -> SigningKey:
    """Make a record as `make_signing_key` does, without a key in it."""
    return SigningKey(
        id=f"{term.signs_from}-{number}",
        tenant="t",
        created=created,
        signs_from=term.signs_from,
        signs_until=term.signs_until,
        trusted_until=term.signs_until + limits.SIGNING_KEY_LINGERS_S,
        certificate=b"",
        sealed_private_key=b"",
    )


def fill(keys: list[SigningKey], now: int) -> list[SigningKey]:
    """Do what a roll-over does, on values alone."""
    kept = [key for key in keys if key.trusted_until > now]
    return kept + [key_of(term, now, number) for number, term in enumerate(due(kept, now))]


class TestSchedule:
    """Which key is wanted when."""

    def test_a_new_tenant_wants_this_key_and_the_next(self) -> None:
        """Two keys are published from the first moment."""
        assert due((), NOW) == (Term(NOW, NOW + SIGNS), Term(NOW + SIGNS, NOW + 2 * SIGNS))

    def test_nothing_is_wanted_while_the_next_key_waits(self) -> None:
        """Between two roll-overs there is nothing to do."""
        keys = fill([], NOW)
        assert due(keys, NOW + SIGNS - 1) == ()

    def test_the_next_key_is_wanted_when_the_last_begins_to_sign(self) -> None:
        """The new key's term joins on to the last one's."""
        keys = fill([], NOW)
        assert due(keys, NOW + SIGNS) == (Term(NOW + 2 * SIGNS, NOW + 3 * SIGNS),)

    def test_an_instance_that_slept_for_a_year_starts_anew(self) -> None:
        """No key signs any more: this one and the next are wanted from now."""
        keys = fill([], NOW)
        later = NOW + 365 * 86_400
        assert due(keys, later) == (Term(later, later + SIGNS), Term(later + SIGNS, later + 2 * SIGNS))

    @given(st.lists(st.integers(min_value=1, max_value=3 * SIGNS), max_size=30))
    def test_there_is_always_one_that_signs_and_one_that_waits(self, steps: list[int]) -> None:
        """SEC-TOKEN-3: at least two keys are published, whenever and however seldom the roll-over is looked after."""
        now, keys = NOW, fill([], NOW)
        for step in steps:
            now += step
            keys = fill(keys, now)
            assert signs_now(keys, now)
            assert any(key.signs_from > now for key in keys)
            assert len(published(keys, now)) >= 2

    @given(st.integers(min_value=0, max_value=SIGNS - 1))
    def test_a_key_is_trusted_longer_than_its_last_token_lives(self, when: int) -> None:
        """A token signed in the last second of a term is still verified to its end."""
        key = signs_now(fill([], NOW), NOW + when)
        assert key.trusted_until > NOW + when + limits.MANAGED_IDENTITY_TOKEN_S

    def test_a_key_is_published_long_before_it_signs(self) -> None:
        """No verifier meets a key that it could not have known."""
        keys = fill([], NOW)
        waiting = next(key for key in keys if key.signs_from > NOW)
        assert waiting in published(keys, NOW)
        assert waiting.signs_from - waiting.created >= SIGNS

    def test_without_a_key_nothing_is_signed(self) -> None:
        """No key is ever used outside its term."""
        key = key_of(Term(NOW + 10, NOW + 20), NOW)
        for moment in (NOW, NOW + 9, NOW + 20):
            with pytest.raises(NoSigningKey):
                signs_now([key], moment)
        assert signs_now([key], NOW + 10) is key
        with pytest.raises(NoSigningKey):
            signs_now([replace(key, trusted_until=NOW + 10)], NOW + 10)


class TestKeys:
    """Keys in the store."""

    def roll(self, directory: Directory, now: int) -> tuple[SigningKey, ...]:
        """Roll a tenant's keys over at a moment."""
        terms = due(directory.view.signing_keys(directory.tenant), now)
        made = [make_signing_key(directory.keys, directory.tenant, term, now) for term in terms]
        return directory.commit(lambda tx: roll_over(tx, directory.tenant, made, now))

    def test_a_roll_over_publishes_and_retires(self, directory: Directory) -> None:
        """New keys are added, and a key goes once nobody trusts it any more."""
        first, second = self.roll(directory, NOW)
        (third,) = self.roll(directory, NOW + SIGNS)
        assert signs_now(directory.view.signing_keys(directory.tenant), NOW + SIGNS) == second
        assert first in published(directory.view.signing_keys(directory.tenant), NOW + SIGNS)

        self.roll(directory, NOW + 2 * SIGNS)
        kids = {key.id for key in directory.view.signing_keys(directory.tenant)}
        assert first.id not in kids
        assert third.id in kids

    def test_two_nodes_that_roll_over_at_once_make_one_key(self, directory: Directory) -> None:
        """A term that was filled meanwhile is left out."""
        terms = due((), NOW)
        for node in range(2):
            made = [make_signing_key(directory.keys, directory.tenant, term, NOW + node) for term in terms]
            directory.commit(lambda tx, made=made, node=node: roll_over(tx, directory.tenant, made, NOW + node))

        assert len(directory.view.signing_keys(directory.tenant)) == 2

    def test_a_private_key_opens_for_its_own_tenant_and_name_alone(self, directory: Directory) -> None:
        """SEC-TOKEN-1: a tenant's keys are never shared: moved to another tenant's record, a key does not open."""
        key = make_signing_key(directory.keys, directory.tenant, Term(NOW, NOW + SIGNS), NOW)
        assert open_private_key(directory.keys, key)
        for moved in (replace(key, tenant=directory.other), replace(key, id="another")):
            with pytest.raises(Unsealable):
                open_private_key(directory.keys, moved)

    def test_a_key_shows_nothing_of_its_private_half(self, directory: Directory) -> None:
        """SEC-AUDIT-7: secrets are never in a representation."""
        key = make_signing_key(directory.keys, directory.tenant, Term(NOW, NOW + SIGNS), NOW)
        assert "sealed_private_key" not in repr(key)

    def test_revocation_is_at_once_and_the_next_key_signs(self, directory: Directory) -> None:
        """SEC-TOKEN-3: revocation does not overlap: the key is trusted no more, and the one that waited signs."""
        first, second = self.roll(directory, NOW)
        directory.commit(lambda tx: revoke(tx, directory.tenant, first.id, NOW + 5))

        keys = directory.view.signing_keys(directory.tenant)
        assert [key.id for key in published(keys, NOW + 5)] == [second.id]
        assert signs_now(keys, NOW + 5).id == second.id
        assert len(due(keys, NOW + 5)) == 1

    def test_the_next_key_takes_over_early(self, directory: Directory) -> None:
        """SEC-TOKEN-3: a roll-over overlaps: the old key signs no more and is trusted for its last tokens."""
        first, second = self.roll(directory, NOW)
        directory.commit(lambda tx: hand_over(tx, directory.tenant, NOW + 5))

        keys = directory.view.signing_keys(directory.tenant)
        assert signs_now(keys, NOW + 5).id == second.id
        assert [key.id for key in published(keys, NOW + 5)] == [first.id, second.id]
        assert first.id in {key.id for key in published(keys, NOW + 4 + limits.SIGNING_KEY_LINGERS_S)}
        assert first.id not in {key.id for key in published(keys, NOW + 5 + limits.SIGNING_KEY_LINGERS_S)}

    def test_taking_over_early_makes_no_key_last_longer(self, directory: Directory) -> None:
        """However often the next key takes over, none signs for more than one term, and there is always a next."""
        self.roll(directory, NOW)
        for moment in range(NOW + 10, NOW + 60, 10):
            directory.commit(lambda tx, moment=moment: hand_over(tx, directory.tenant, moment))
            self.roll(directory, moment)

            keys = [key for key in directory.view.signing_keys(directory.tenant) if key.signs_until > moment]
            assert [key.signs_from <= moment for key in sorted(keys, key=lambda key: key.signs_from)] == [True, False]
            assert max(key.signs_until - key.signs_from for key in keys) <= SIGNS

    def test_there_must_be_a_next_key_to_take_over(self, directory: Directory) -> None:
        """Without one nothing changes: the present key goes on."""
        key = make_signing_key(directory.keys, directory.tenant, Term(NOW, NOW + SIGNS), NOW)
        directory.commit(lambda tx: tx.put(key))
        with pytest.raises(Conflict):
            directory.commit(lambda tx: hand_over(tx, directory.tenant, NOW + 5))
        assert directory.view.signing_keys(directory.tenant) == (key,)

    def test_another_tenants_key_is_not_revoked(self, directory: Directory) -> None:
        """A kid of one tenant is unknown in another."""
        first, _ = self.roll(directory, NOW)
        with pytest.raises(NotFound):
            directory.commit(lambda tx: revoke(tx, directory.other, first.id, NOW))
        assert signs_now(directory.view.signing_keys(directory.tenant), NOW).id == first.id
