"""The four lists of actions that a custom role grants by and a denial takes away by, as they are given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from strongroom.core import limits
from strongroom.core.echo import ACTION_PATTERN, shown
from strongroom.core.errors import Invalid
from strongroom.core.known_actions import is_known


@dataclass(frozen=True, slots=True)
class ActionLists:
    """What is covered: `actions` less `not_actions`, and `data_actions` less `not_data_actions`."""

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Every pattern."""
        return (*self.actions, *self.not_actions, *self.data_actions, *self.not_data_actions)


def check_actions(lists: ActionLists) -> ActionLists:
    """
    Check that every pattern stands for an action that there is, of its own kind, and that there are any.

    Raises:
        Invalid: `InvalidActionOrNotAction`, `InvalidDataActionOrNotDataAction`; there are none, or too many.
    """
    if not lists.actions and not lists.data_actions:
        raise Invalid("A permission has at least one action or data action.", code="PermissionsAreRequired")
    if len(lists.all) > limits.ROLE_ACTIONS:
        raise Invalid(f"There are at most {limits.ROLE_ACTIONS} actions, of all kinds together.", code="TooManyActions")
    _check(lists.actions + lists.not_actions, data=False, code="InvalidActionOrNotAction")
    _check(lists.data_actions + lists.not_data_actions, data=True, code="InvalidDataActionOrNotDataAction")
    return lists


def _check(patterns: Iterable[str], *, data: bool, code: str) -> None:
    for pattern in patterns:
        if not is_known(pattern, data=data):
            raise Invalid(
                f"'{shown(pattern, ACTION_PATTERN)}' does not match any of the actions supported by the providers.",
                code=code,
            )
