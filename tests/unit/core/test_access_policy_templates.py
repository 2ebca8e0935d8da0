"""The templates of access policies: what the reference says of each, in words that ARM takes."""

from __future__ import annotations

import pytest

from strongroom.core.access_policy import PERMISSIONS, parse_permissions
from strongroom.core.access_policy_templates import TEMPLATES


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_word_is_a_permission_in_arms_spelling(name: str) -> None:
    """What a template prints can be sent as it is."""
    for category, words in TEMPLATES[name].items():
        assert set(words) <= set(PERMISSIONS[category])
        assert parse_permissions(category, words)


@pytest.mark.parametrize(
    ("name", "permissions"),
    [
        ("SQL Server Connector", {"keys": {"get", "list", "wrapKey", "unwrapKey"}}),
        ("Exchange Online Customer Key", {"keys": {"get", "list", "wrapKey", "unwrapKey"}}),
        ("SharePoint Online Customer Key", {"keys": {"get", "list", "wrapKey", "unwrapKey"}}),
        ("Azure Data Lake Storage or Azure Storage", {"keys": {"get", "list", "unwrapKey"}}),
        ("Azure Backup", {"keys": {"get", "list", "backup"}, "secrets": {"get", "list", "backup"}}),
        ("Azure Information BYOK", {"keys": {"get", "decrypt", "sign"}}),
    ],
)
def test_templates_of_services(name: str, permissions: dict[str, set[str]]) -> None:
    """Reference section 3.2, word by word."""
    assert {category: set(words) for category, words in TEMPLATES[name].items()} == permissions


def test_management_gives_no_use_and_no_purge() -> None:
    """Whoever manages keys neither uses them nor removes anything for good."""
    for name, categories in TEMPLATES.items():
        if name.endswith("Management"):
            for words in categories.values():
                assert not {"purge", "all", "decrypt", "sign", "unwrapKey", "release"} & set(words)
