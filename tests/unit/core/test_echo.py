"""What a refusal repeats of a request: input of the form that belongs there, and nothing that could be a secret."""

from __future__ import annotations

import re

import pytest

from strongroom.core import echo
from strongroom.core.echo import REDACTED, Form, one_of, shown
from strongroom.core.limits import REPEATED_CHARS

ID = "11111111-2222-4333-8444-555555555555"
FITTING: tuple[tuple[Form, tuple[str, ...]], ...] = (
    (echo.API_VERSION, ("7.4", "7.6-preview.2", "2026-04-01", "2025-06-01-preview")),
    (echo.GUID, (ID, ID.upper())),
    (echo.TENANT, (ID, "contoso.onmicrosoft.com", "common", "adfs")),
    (echo.RESOURCE, ("https://vault.azure.net", "https://management.azure.com//", f"api://{ID}", ID,
                     "https://vault.localhost:8443/.default", f"https://contoso.example/{ID}")),
    (echo.SCOPE, ("https://vault.azure.net/.default", "openid https://graph.microsoft.com/.default profile", "email",
                  f"{ID}/.default")),
    (echo.USER_NAME, (ID, "alice@contoso.example")),
    (echo.VAULT_NAME, ("kv-1", "abc")),
    (echo.NAME_GIVEN, ("my_name", "a secret.v1~")),
    (echo.RESOURCE_NAME, ("rg_1.(x)", "my-group")),
    (echo.RESOURCE_ID, ("/", f"/subscriptions/{ID}/resourceGroups/g")),
    (echo.RESOURCE_TYPE, ("Microsoft.Storage", "storageAccounts/blobServices")),
    (echo.ACTION_PATTERN, ("*", "*/read", "Microsoft.KeyVault/vaults/*/read", "Microsoft.*/x")),
    (echo.LOCATION, ("westeurope", "eastus2")),
    (echo.WORD, ("appRoles", "$expand", "@odata.type", "members@odata.bind")),
    (echo.ADDRESS, ("10.0.0.300", "10.0.0.0/33", "::1/129", "2001:db8::f")),
    (echo.METHOD, ("GET", "patch")),
)  # fmt: skip
SECRETS = (
    "abc8Q~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHI",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.3q2-7wHk0aQx9mYzX5cD1vB4nM8lK6jH2gF0dS_aP1o",
    "0.ARoAv4j5cvGGr0GRqy180BHbR.AgABAAEAAAD",
    "p@ssw0rd with spaces",
    "sv=2024-11-04&sig=dGhpcyBpcyBhIHNpZ25hdHVyZQ%3D%3D",
    "https://a.example/?sig=dGhpcyBpcyBhIHNpZ25hdHVyZQ%3D%3D",
    "https://user:hunter2@a.example/",
    "two\nlines",
    "",
)
IDS = {value: name for name, value in vars(echo).items() if isinstance(value, re.Pattern)}
FORMS = [pytest.param(form, id=IDS[form]) for form, _ in FITTING]
NAMES = {echo.NAME_GIVEN, echo.RESOURCE_NAME, echo.RESOURCE_ID}
"""What people call their secrets and resources can be nearly anything, a token too: these stand in paths alone."""


@pytest.mark.parametrize("form", FORMS)
def test_what_has_the_form_is_repeated(form: Form) -> None:
    """What people rightly or nearly write in a place is told them again."""
    texts = dict(FITTING)[form]
    assert [shown(text, form) for text in texts] == list(texts)


@pytest.mark.parametrize("form", [form for form in FORMS if form.values[0] not in NAMES])
@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_in_the_wrong_place_is_not_repeated(form: Form, secret: str) -> None:
    """SEC-AUDIT-7: a client secret, a token, a password or a signed URL has none of the forms."""
    assert shown(secret, form) == REDACTED


@pytest.mark.parametrize("form", FORMS)
def test_a_line_end_is_no_part_of_a_form(form: Form) -> None:
    """What is repeated is one line, whatever was sent."""
    assert shown(dict(FITTING)[form][0] + "\n", form) == REDACTED


def test_nothing_long_is_repeated() -> None:
    """A text of the form is repeated up to the limit, and not one character more."""
    longest = ("/" + "s" * 63) * (REPEATED_CHARS // 64)
    assert shown(longest, echo.RESOURCE_ID) == longest
    assert len(longest) == REPEATED_CHARS
    assert shown(longest + "s", echo.RESOURCE_ID) == REDACTED


def test_a_closed_list_has_its_words_alone() -> None:
    """A word counts in any case, and nothing around it."""
    form = one_of(("a.b", "c"))
    assert [shown(text, form) for text in ("A.B", "c", "axb", "a.bc")] == ["A.B", "c", REDACTED, REDACTED]


def test_every_form_is_tested() -> None:
    """A new form comes with what it takes."""
    assert {form for form in IDS if not IDS[form].startswith("_")} == {form for form, _ in FITTING}
