"""
Names and values that a subscription suggests for tags.

    suggested --> values come and go --> removed, once it has no values
"""

from __future__ import annotations

from dataclasses import replace

from strongroom.core import limits
from strongroom.core.errors import Conflict, NotFound
from strongroom.core.resources import Subscription, TagName
from strongroom.resources.tracked import check_tags
from strongroom.store import Transaction


def tag_name_id(subscription: Subscription, name: str) -> str:
    """Make the id of the record of a name."""
    return f"{subscription.id}/{name.lower()}"


async def put_name(tx: Transaction, subscription: Subscription, name: str, *, now: int) -> tuple[TagName, bool]:
    """
    Suggest a name; the second value says whether it was not suggested yet.

    Raises:
        Invalid: it is no name of a tag.
        Conflict: there are as many as there may be.
    """
    existing = await tx.record(TagName, subscription.partition, tag_name_id(subscription, name))
    if existing is not None:
        return existing, False
    check_tags({name: ""})
    others = await tx.records(TagName, subscription.partition)
    if sum(one.subscription == subscription.id for one in others) >= limits.TAG_NAMES:
        raise Conflict(
            f"A subscription suggests at most {limits.TAG_NAMES} names of tags.", code="TagNameCountExceeded"
        )
    made = TagName(tag_name_id(subscription, name), subscription.tenant, subscription.id, name, now)
    await tx.put(made)
    return made, True


async def put_value(tx: Transaction, subscription: Subscription, name: str, value: str) -> tuple[TagName, bool]:
    """
    Suggest a value for a name; the second value says whether it was not suggested yet.

    Raises:
        NotFound: the name is not suggested.
        Invalid: it is no value of a tag.
        Conflict: there are as many as there may be.
    """
    existing = await tx.record(TagName, subscription.partition, tag_name_id(subscription, name))
    if existing is None:
        raise NotFound("The tag name is not one that the subscription suggests.", code="TagNameNotFound")
    if value in existing.values:
        return existing, False
    check_tags({existing.name: value})
    if len(existing.values) >= limits.TAG_NAME_VALUES:
        raise Conflict(f"A name of tags has at most {limits.TAG_NAME_VALUES} values.", code="TagValueCountExceeded")
    changed = replace(existing, values=(*existing.values, value))
    await tx.put(changed)
    return changed, True


async def remove_value(tx: Transaction, subscription: Subscription, name: str, value: str) -> bool:
    """Suggest a value no longer; False if it was not suggested."""
    existing = await tx.record(TagName, subscription.partition, tag_name_id(subscription, name))
    if existing is None or value not in existing.values:
        return False
    await tx.put(replace(existing, values=tuple(one for one in existing.values if one != value)))
    return True


async def remove_name(tx: Transaction, subscription: Subscription, name: str) -> bool:
    """
    Suggest a name no longer; False if it was not suggested.

    Raises:
        Conflict: it has values still.
    """
    existing = await tx.record(TagName, subscription.partition, tag_name_id(subscription, name))
    if existing is None:
        return False
    if existing.values:
        raise in_use("The tag name has values. Delete them first.")
    await tx.remove(existing)
    return True


def in_use(sentence: str) -> Conflict:
    """Say that a name or a value of tags has to stay."""
    return Conflict(sentence, code="TagInUse")
