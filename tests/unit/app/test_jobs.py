"""What the service does without being asked, job by job."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from urllib.parse import quote

import pytest

from strongroom.app import jobs, open_instance
from strongroom.app.endpoint_listeners import EndpointListeners
from strongroom.app.first_start import initialise
from strongroom.config import Settings
from strongroom.core import limits
from strongroom.core.acme_accounts import AcmeChallenge
from strongroom.core.identity import Credential, ServicePrincipal, User
from strongroom.core.relations import DeletedObject
from strongroom.core.release_authorities import ReleaseSigningKey, shown_keys, signs_now
from strongroom.core.sessions import BrowserSession, TokenFamily
from strongroom.crypto.pool import BoundedPool
from strongroom.directory import signing_keys
from strongroom.directory.runs import begin_run, make_run
from strongroom.directory.users import delete_user
from strongroom.http.asgi import Listener
from strongroom.objects.release_authorities import (
    add_authority,
    make_release_signing_key,
    open_release_signing_key,
)
from strongroom.store import Transaction


@dataclass
class Endpoints:
    """Listeners of private endpoints, which are told of certificates and asked to be open."""

    tags: list[bytes] = field(default_factory=list)
    settled: int = 0

    async def renew(self, tag: bytes) -> None:
        """Serve the certificate of a tag."""
        self.tags.append(tag)

    async def settle(self) -> None:
        """Listen wherever there is a record."""
        self.settled += 1


@dataclass
class Main:
    """A main listener that takes a new certificate from its second renewal on."""

    asked: list[bytes] = field(default_factory=list)

    async def renew(self, certificate: tuple[Path, Path]) -> None:
        """Serve what is in the files."""
        self.asked.append(certificate[0].read_bytes())
        if len(self.asked) == 1:
            raise OSError("the server with the new certificate does not take connections")


@asynccontextmanager
async def new_service(folder: Path) -> AsyncIterator[jobs.Service]:
    """Make an instance, and give what its jobs have of it."""
    settings = Settings(data=folder / "data")
    await initialise(settings, lambda _: None)
    async with open_instance(settings) as opened:
        pool = BoundedPool("signing key", threads=1, waiting=4)
        listeners, endpoints = [cast("Listener", Main())], cast("EndpointListeners", Endpoints())
        yield jobs.Service(opened, listeners, endpoints, pool, b"")
        pool.close()


def test_a_certificate_that_was_not_served_is_served_at_the_next_turn(tmp_path: Path) -> None:
    """SEC-NAME-12: a renewal that failed after the issue is tried again with what was issued, until it works."""
    settings = Settings(data=tmp_path / "data")
    main, behind, endpoints = Main(), Main([b"before"]), Endpoints()

    async def turns() -> tuple[int, int]:
        await initialise(settings, lambda _: None)
        async with open_instance(settings) as opened:
            pool = BoundedPool("signing key", threads=1, waiting=1)
            served = opened.installation.certificate_tag
            listeners = [cast("Listener", main), cast("Listener", behind)]
            service = jobs.Service(opened, listeners, cast("EndpointListeners", endpoints), pool, served)
            began = opened.installation.created
            opened.world.clock = lambda: began + 20 * 86_400
            with pytest.raises(OSError, match="does not take connections"):
                await jobs.renew(service)
            assert opened.world.instance.certificate_expires == 0
            await jobs.renew(service)
            await jobs.renew(service)
            await jobs.settle_endpoints(service)
            pool.close()
            # Each turn tells them, once the main listener has it: which of them serve it already is theirs to know.
            assert endpoints.tags == [opened.installation.certificate_tag] * 2
            assert (endpoints.settled, served in endpoints.tags) == (1, False)
            return opened.world.instance.certificate_expires, opened.installation.certificate_expires

    told, issued = asyncio.run(turns())
    assert told == issued
    assert main.asked == [settings.certificate_files[0].read_bytes()] * 2
    # Every listener that serves it has it, once the first does.
    assert behind.asked == [b"before", main.asked[0]]


def test_what_was_deleted_from_a_directory_goes_in_its_time(tmp_path: Path) -> None:
    """The job removes deleted objects whose time is over, and is among the jobs that run."""

    async def turns() -> list[int]:
        async with new_service(tmp_path) as service:
            opened = service.opened
            world, began, left = opened.world, opened.installation.created, []
            (user,) = world.view.all(User)
            await world.store.commit(lambda tx: delete_user(tx, user.tenant, user.id, now=began))
            for age_s in (limits.DELETED_OBJECT_S - 1, limits.DELETED_OBJECT_S):
                world.clock = lambda age_s=age_s: began + age_s  # type: ignore[misc]  # the default binds this age
                await jobs.purge_directory(service)
                left.append(len(world.view.all(DeletedObject)))
            return left

    assert asyncio.run(turns()) == [1, 0]
    assert jobs.purge_directory in [job.run for job in jobs.JOBS]


def test_tokens_are_signed_for_ever(tmp_path: Path) -> None:
    """SEC-TOKEN-3: whenever the job has its turn there is a key that signs and a next one; what nobody trusts goes."""

    async def turns() -> None:
        async with new_service(tmp_path) as service:
            opened = service.opened
            world, began, tenant = opened.world, opened.installation.created, opened.installation.tenant
            # Mostly in time; once the service was down for half a year.
            for days in (10, 29, 31, 59, 61, 240, 269, 299):
                now = began + days * 86_400
                world.clock = lambda now=now: now  # type: ignore[misc]  # the default binds this time
                await jobs.roll_over_signing_keys(service)
                keys = world.view.signing_keys(tenant)
                signing = signing_keys.signs_now(keys, now)
                ahead = [key for key in keys if key.signs_from > now]
                assert len(ahead) == 1
                assert ahead[0].signs_from == signing.signs_until
                assert all(key.trusted_until > now for key in keys)
                assert await jobs.roll_over_signing_keys(service) == 0

    asyncio.run(turns())


def test_releases_are_signed_for_ever(tmp_path: Path) -> None:
    """One key follows another, shown long before it signs and long after; a tenant that releases nothing has none."""

    async def turns() -> None:
        async with new_service(tmp_path) as service:
            opened = service.opened
            world, began, tenant = opened.world, opened.installation.created, opened.installation.tenant
            assert await jobs.roll_over_release_keys(service) == 0
            first = make_release_signing_key(opened.keys, tenant, began)
            await opened.store.commit(lambda tx: add_authority(tx, tenant, "https://attest.example", (), first, began))
            shown, signing = [], []
            for days in (10, 274, 275, 364, 365, 454, 455, 640, 730):
                now = began + days * 86_400
                world.clock = lambda now=now: now  # type: ignore[misc]  # the default binds this time
                await jobs.roll_over_release_keys(service)
                keys = world.view.all(ReleaseSigningKey)
                assert await jobs.roll_over_release_keys(service) == 0
                found = signs_now(keys, now)
                assert found is not None
                assert open_release_signing_key(opened.keys, found)
                assert set(shown_keys(keys, now)) == set(keys)
                shown.append(len(keys))
                signing.append(found.id)
            assert shown == [1, 1, 2, 2, 2, 2, 1, 2, 2]
            assert signing[:4] == [first.id] * 4
            assert len({signing[0], *signing[4:8]}) == 2
            assert signing[8] not in signing[:8]

    asyncio.run(turns())


def test_what_people_and_programs_were_lent_goes_when_it_is_over(tmp_path: Path) -> None:
    """Runs, browser sessions, token families, device codes, answers to challenges: forgotten; what goes on stays."""
    settings = Settings(data=tmp_path / "data")

    async def turns() -> None:
        await initialise(settings, lambda _: None)
        async with open_instance(settings) as opened:
            world, now = opened.world, opened.installation.created
            service = cast("jobs.Service", SimpleNamespace(opened=opened))
            world.clock = lambda: now
            (user,) = world.view.all(User)
            (password,) = [one for one in world.view.all(Credential) if one.owner == user.id]
            identity = next(one for one in world.view.all(ServicePrincipal) if one.resource_id is not None)
            run = make_run(world.keys, identity, None, lifetime_s=60, now=now, entropy=secrets.token_bytes)
            own = (user.tenant, user.id)
            session = BrowserSession("session", *own, password.id, now, ("pwd",), expires=now + 60)
            family = TokenFamily("family", *own, "client", password.id, now, ("pwd",), expires=now + 60)

            async def lend(tx: Transaction) -> None:
                await begin_run(tx, world.keys, run)
                await tx.put(session)
                await tx.put(family)
                await tx.put(AcmeChallenge("token", "account", "value", expires=now + 60))

            await world.store.commit(lend)
            world.device_codes.add(
                "code", tenant=None, client_id="c", resource="r", scope="s", address="a", source="a", now=now,
                entropy=secrets.token_bytes,
            )  # fmt: skip
            world.clock = lambda: now + 59
            assert await jobs.end_expired_sessions(service) == 0
            world.clock = lambda: now + 60
            assert await jobs.end_expired_sessions(service) == 4
            left = [world.view.all(kind) for kind in (BrowserSession, TokenFamily, AcmeChallenge)]
            assert left == [(), (), ()]
            assert world.view.credential(run.id) is None
            world.clock = lambda: now + 2 * limits.DEVICE_CODE_S
            assert await jobs.end_expired_sessions(service) == 1
            assert len(world.device_codes) == 0

    asyncio.run(turns())


def test_every_job_says_what_it_does() -> None:
    """In a sentence that is shown to the operator; names can stand in a path."""
    assert all(job.about.endswith(".") for job in jobs.JOBS)
    assert all(job.name == quote(job.name, safe="") for job in jobs.JOBS)
    assert len({job.name for job in jobs.JOBS}) == len(jobs.JOBS)
