"""API versions: their order, and the refusals."""

import pytest

from strongroom.core.api_versions import (
    DATA_PLANE,
    KEY_VAULT_ARM,
    at_least,
    defaults_to_rbac,
    parse_arm,
    parse_data_plane,
)
from strongroom.core.errors import Invalid


def test_versions_are_ordered_by_introduction_and_not_by_text() -> None:
    """7.6 came after 2016-10-01 and before 2025-07-01."""
    assert at_least("7.0", "2016-10-01")
    assert at_least("2025-07-01", "7.6")
    assert not at_least("2016-10-01", "7.0")
    assert at_least("7.4", "7.4")


@pytest.mark.parametrize("version", DATA_PLANE)
def test_every_version_of_the_references_is_served(version: str) -> None:
    """Every version of the list is read as itself."""
    assert parse_data_plane(version) == version


def test_the_versions_that_the_references_forgot_are_served() -> None:
    """Security requirements, "Corrections to the references": these came after the lists were written."""
    assert DATA_PLANE[-1] == "2026-04-01"
    assert KEY_VAULT_ARM[-2:] == ("2026-02-01", "2026-05-15")


@pytest.mark.parametrize(
    ("version", "told"),
    [
        *((version, version) for version in ("7.9", "7.6-preview.1", "2026-04-02", "07.4")),
        *((text, "REDACTED") for text in ("7", "latest", "7.4 ", "hunter2")),
    ],
)
def test_an_unknown_version_is_refused_with_the_services_words(version: str, told: str) -> None:
    """Likewise: "An unknown well-formed version is refused with the reference's error"."""
    with pytest.raises(Invalid) as refusal:
        parse_data_plane(version)
    assert refusal.value.code == "BadParameter"
    assert refusal.value.message == (
        f"The specified version ({told}) is not recognized. Consider using the latest supported version (2026-04-01)."
    )


def test_there_is_no_default_version() -> None:
    """A request without a version is refused."""
    with pytest.raises(Invalid, match="required") as refusal:
        parse_data_plane("")
    assert refusal.value.code == "BadParameter"


@pytest.mark.parametrize("version", KEY_VAULT_ARM)
def test_role_assignments_are_the_default_from_2026_02_01_on(version: str) -> None:
    """Only the two newest ARM versions make a vault with role assignments unless told otherwise."""
    assert defaults_to_rbac(version) is (version in {"2026-02-01", "2026-05-15"})


def test_an_unknown_key_vault_version_of_arm_lists_the_known_ones() -> None:
    """ARM answers a version that the provider does not know with those that it knows."""
    with pytest.raises(Invalid) as refusal:
        parse_arm("2026-02-02", provider="microsoft.KEYVAULT", resource_type="vaults", location="local")
    assert refusal.value.code == "NoRegisteredProviderFound"
    assert "'2026-02-02' for type 'vaults'" in refusal.value.message
    assert all(version in refusal.value.message for version in KEY_VAULT_ARM)


def test_other_providers_take_any_well_formed_version() -> None:
    """Tools ask the rest of ARM for many versions; what they get does not differ between them."""
    assert parse_arm("2022-05-01-preview", provider="Microsoft.Authorization") == "2022-05-01-preview"


@pytest.mark.parametrize("version", ["7.4", "2022-13-01", "2022-01-32", "2022-1-1", "2022-01-01-", "2022-01-01\n", "x"])
def test_a_malformed_arm_version_is_refused(version: str) -> None:
    """A version of ARM is a date, with a word after it at most."""
    with pytest.raises(Invalid) as refusal:
        parse_arm(version, provider="Microsoft.Resources")
    assert refusal.value.code == "InvalidApiVersionParameter"


def test_a_missing_arm_version_is_refused_with_arms_words() -> None:
    """ARM's own sentence for a request without a version."""
    with pytest.raises(Invalid) as refusal:
        parse_arm("")
    assert refusal.value.code == "MissingApiVersionParameter"
    assert refusal.value.message == "The api-version query parameter (?api-version=) is required for all requests."
