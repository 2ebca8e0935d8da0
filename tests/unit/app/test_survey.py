"""What the store says of an instance: its names, its administrators, the ends of its first secrets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from strongroom.app import open_instance
from strongroom.app.first_start import initialise
from strongroom.app.survey import Survey, survey_store
from strongroom.config import Settings
from strongroom.core import limits
from strongroom.core.directory_roles import GLOBAL_ADMINISTRATOR
from strongroom.core.identity import (
    Credential,
    CredentialKind,
    DirectoryRoleAssignment,
    ServicePrincipal,
    User,
)
from strongroom.core.records import tenant_partition
from strongroom.store import Transaction


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Make an instance."""
    made = Settings(data=tmp_path / "data", domain="vaults.example")
    asyncio.run(initialise(made, lambda _: None))
    return made


def surveyed(settings: Settings, after: int = 0) -> Survey:
    """Look at an instance, so many seconds from now."""
    found = asyncio.run(survey_store(settings, int(time.time()) + after))
    assert found is not None
    return found


def change(settings: Settings, how: Callable[[Transaction, str], Awaitable[None]]) -> None:
    """Change records of the first tenant."""

    async def changed() -> None:
        async with open_instance(settings) as opened:
            await opened.store.commit(lambda tx: how(tx, opened.installation.tenant))

    asyncio.run(changed())


def test_a_new_instance_says_what_it_is(settings: Settings) -> None:
    """It has two administrators, the first user and the first application, whose secret ends after 30 days."""
    found = surveyed(settings)
    assert (found.domain, found.rollback) == ("vaults.example", None)
    assert len(found.vaults) == 1
    assert [one.administrators for one in found.tenants] == [1 + 1]
    (end,) = found.secret_ends
    assert end is not None
    assert abs(end - time.time() - limits.CLIENT_SECRET_DEFAULT_S) < 60


def test_an_application_whose_secrets_have_ended_administers_nothing(settings: Settings) -> None:
    """It counts again with another credential that is good."""
    later = limits.CLIENT_SECRET_DEFAULT_S + 60
    assert [one.administrators for one in surveyed(settings, later).tenants] == [1]

    async def renew(tx: Transaction, tenant: str) -> None:
        for one in await tx.records(Credential, tenant_partition(tenant)):
            if one.kind is CredentialKind.SECRET:
                await tx.put(replace(one, expires=None))

    change(settings, renew)
    assert [one.administrators for one in surveyed(settings, later).tenants] == [2]
    assert surveyed(settings, later).secret_ends == (None,)


def test_who_is_disabled_or_has_lost_the_role_administers_nothing(settings: Settings) -> None:
    """A tenant that nobody administers is found."""

    async def disable(tx: Transaction, tenant: str) -> None:
        for one in await tx.records(User, tenant_partition(tenant)):
            await tx.put(replace(one, enabled=False))

    async def take_away(tx: Transaction, tenant: str) -> None:
        principals = {one.id for one in await tx.records(ServicePrincipal, tenant_partition(tenant))}
        for one in await tx.records(DirectoryRoleAssignment, tenant_partition(tenant)):
            if one.role == GLOBAL_ADMINISTRATOR and one.principal in principals:
                await tx.remove(one)

    change(settings, disable)
    assert [one.administrators for one in surveyed(settings).tenants] == [1]
    change(settings, take_away)
    assert [one.administrators for one in surveyed(settings).tenants] == [0]
