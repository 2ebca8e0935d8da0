"""A data directory that was made for a while is gone with all that was in it, whatever its name stands for."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from strongroom.app import service
from strongroom.app.data_directory import InstanceFault, remove_directory
from strongroom.config import Settings


def _fill(place: Path) -> None:
    (place / "audit").mkdir()
    (place / "audit" / "first").touch()
    (place / "root.key").touch()
    (place / "elsewhere").symlink_to(place.parent, target_is_directory=True)


def test_nothing_is_left(tmp_path: Path) -> None:
    """The directory goes too, and nothing that a link in it leads to."""
    place = tmp_path / "data"
    place.mkdir()
    _fill(place)
    (tmp_path / "mine").touch()
    remove_directory(place)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_link_to_one_is_left_with_nothing_in_it(tmp_path: Path) -> None:
    """Whoever named it by a link has the keys and secrets removed all the same."""
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real, target_is_directory=True)
    _fill(real)
    remove_directory(link)
    assert list(link.iterdir()) == []


def test_what_somebody_else_removes_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script may end the service and remove the directory itself, at once."""
    place = tmp_path / "data"
    place.mkdir()
    _fill(place)
    listed = [*place.iterdir(), place / "run.json"]
    remove = shutil.rmtree

    def late(path: Path) -> None:
        remove(path)
        raise FileNotFoundError(path)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Path, "iterdir", lambda _: iter(listed))
        meanwhile.setattr(shutil, "rmtree", late)
        remove_directory(place)
    assert not place.exists()
    remove_directory(place)


def test_whoever_comes_second_removes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two ephemeral services that begin in one directory at once the second is refused, and the first keeps it."""
    place = tmp_path / "data"

    @asynccontextmanager
    async def taken(data: Path) -> AsyncIterator[None]:
        (data / "root.key").touch()
        raise InstanceFault("The service is already running.")
        yield

    monkeypatch.setattr(service, "lock_directory", taken)
    with pytest.raises(InstanceFault, match="already running"):
        asyncio.run(service.serve(Settings(data=place), ephemeral=True, at=place))
    assert [path.name for path in place.iterdir()] == ["root.key"]


def test_a_file_system_of_its_own_is_left_with_nothing_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that something is mounted on, as one in memory is, cannot be removed and need not be."""

    def refuse(_: Path) -> None:
        raise OSError(16, "Device or resource busy")

    _fill(tmp_path)
    monkeypatch.setattr(Path, "rmdir", refuse)
    remove_directory(tmp_path)
    assert list(tmp_path.iterdir()) == []
