"""What may be written into a secret."""

import pytest

from strongroom.core.errors import Invalid
from strongroom.core.limits import CONTENT_TYPE_CHARS, INT_DATE_MAX, SECRET_VALUE_BYTES, TAG_CHARS, TAGS
from strongroom.core.secrets import (
    GivenProperties,
    SecretAttributes,
    SecretVersionBody,
    check_value,
    new_version,
    updated_version,
)

NOW = 1_800_000_000


def refused(given: GivenProperties, name: str) -> None:
    """State that a set with these properties is refused, with words that name none of them."""
    with pytest.raises(Invalid) as refusal:
        new_version(given, NOW)
    assert refusal.value.code == "BadParameter"
    assert refusal.value.message == "Property  has invalid value\r\n"
    assert refusal.value.reason == f"invalid {name}"


@pytest.mark.parametrize("value", ["", "x", "a" * SECRET_VALUE_BYTES, "é" * (SECRET_VALUE_BYTES // 2), "\0"])
def test_a_value_is_any_text_up_to_25600_bytes(value: str) -> None:
    """The limit counts bytes, and the empty text is a value."""
    check_value(value)


@pytest.mark.parametrize(
    "value", [None, "a" * (SECRET_VALUE_BYTES + 1), "é" * (SECRET_VALUE_BYTES // 2) + "a", "\ud800"]
)
def test_no_value_too_long_a_value_or_no_text_is_refused(value: str | None) -> None:
    """One byte past the limit, a missing value and a lone surrogate are refused, and nothing of the value is kept."""
    with pytest.raises(Invalid) as refusal:
        check_value(value)
    assert refusal.value.message == "Property  has invalid value\r\n"
    assert refusal.value.__cause__ is None
    assert refusal.value.__context__ is None


def test_a_new_version_is_enabled_and_dated_now() -> None:
    """The defaults of a set without properties: nothing that was not given appears."""
    assert new_version(GivenProperties(), NOW) == SecretVersionBody(
        SecretAttributes(created=NOW, updated=NOW, enabled=True, nbf=None, exp=None), None, None, managed=False
    )


def test_a_new_version_has_what_was_given() -> None:
    """Everything given is kept as it is."""
    given = GivenProperties("text/plain", {"a": "1"}, enabled=False, nbf=NOW, exp=NOW + 1)
    assert new_version(given, NOW) == SecretVersionBody(
        SecretAttributes(created=NOW, updated=NOW, enabled=False, nbf=NOW, exp=NOW + 1), "text/plain", {"a": "1"}
    )


def test_an_update_leaves_what_it_does_not_name() -> None:
    """An update without properties changes the date of the update and nothing else."""
    body = new_version(GivenProperties("text/plain", {"a": "1"}, enabled=False, nbf=1, exp=2), NOW)
    changed = updated_version(body, GivenProperties(), NOW + 5)
    assert changed.attributes == SecretAttributes(created=NOW, updated=NOW + 5, enabled=False, nbf=1, exp=2)
    assert (changed.content_type, changed.tags) == ("text/plain", {"a": "1"})


def test_an_update_replaces_what_it_names() -> None:
    """Tags are replaced as a whole, and an empty set of them or an empty content type takes the old one away."""
    body = new_version(GivenProperties("text/plain", {"a": "1"}), NOW)
    changed = updated_version(body, GivenProperties("", {}, enabled=False, nbf=3, exp=4), NOW + 5)
    assert changed == SecretVersionBody(
        SecretAttributes(created=NOW, updated=NOW + 5, enabled=False, nbf=3, exp=4), "", {}
    )


def test_content_type_is_limited() -> None:
    """255 characters pass, 256 do not."""
    new_version(GivenProperties(content_type="c" * CONTENT_TYPE_CHARS), NOW)
    refused(GivenProperties(content_type="c" * (CONTENT_TYPE_CHARS + 1)), "contentType")


def test_tags_are_limited() -> None:
    """Fifteen tags with names and values of 512 characters pass; one more of anything does not."""
    new_version(GivenProperties(tags={f"{n:02}" + "n" * (TAG_CHARS - 2): "v" * TAG_CHARS for n in range(TAGS)}), NOW)
    refused(GivenProperties(tags={str(n): "v" for n in range(TAGS + 1)}), "tags")
    refused(GivenProperties(tags={"n" * (TAG_CHARS + 1): "v"}), "tags")
    refused(GivenProperties(tags={"n": "v" * (TAG_CHARS + 1)}), "tags")


def test_dates_lie_between_1970_and_9999() -> None:
    """The first and last second pass, their neighbours do not."""
    new_version(GivenProperties(nbf=0, exp=INT_DATE_MAX), NOW)
    refused(GivenProperties(nbf=-1), "nbf")
    refused(GivenProperties(exp=-1), "exp")
    refused(GivenProperties(exp=INT_DATE_MAX + 1), "exp")


def test_a_secret_does_not_expire_before_it_is_valid() -> None:
    """`exp` before `nbf` is refused, together in one request or against what was there."""
    new_version(GivenProperties(nbf=5, exp=5), NOW)
    refused(GivenProperties(nbf=5, exp=4), "exp")
    body = new_version(GivenProperties(nbf=5), NOW)
    with pytest.raises(Invalid):
        updated_version(body, GivenProperties(exp=4), NOW)
