"""Unix sockets as files: where one is made, and what is left alone."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from strongroom.http.socket_files import claim, remove, remove_stale, require_safe_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder of one's own."""
    tmp_path.chmod(0o755)
    return tmp_path


def bind(path: Path, *, listening: bool = True) -> socket.socket:
    """Make a socket."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.bind(str(path))
    if listening:
        made.listen(1)
    return made


class TestFolders:
    """Where a socket may be."""

    def test_ones_own(self, folder: Path) -> None:
        """A folder that others can enter and not write, below one that is everybody's and sticky, as /tmp is."""
        require_safe_folder(folder)
        shared = folder / "shared"
        shared.mkdir()
        shared.chmod(0o1777)
        (shared / "own").mkdir(mode=0o700)
        require_safe_folder(shared / "own")

    @pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
    def test_that_others_write(self, folder: Path, mode: int) -> None:
        """SEC-TOKEN-17: somebody else could put a socket of his own there; the sticky bit does not prevent that."""
        folder.chmod(mode)
        with pytest.raises(PermissionError, match="written by others"):
            require_safe_folder(folder)

    def test_below_one_that_others_write(self, folder: Path) -> None:
        """SEC-TOKEN-17: they could put another folder in its place."""
        (folder / "open" / "own").mkdir(parents=True)
        (folder / "open").chmod(0o777)
        with pytest.raises(PermissionError, match="written by others"):
            require_safe_folder(folder / "open" / "own")

    def test_of_another_user(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """SEC-TOKEN-17: what belongs to neither the service's user nor root is the other's to replace."""
        monkeypatch.setattr(os, "geteuid", lambda: 4711)
        if folder.stat().st_uid == 0:
            os.chown(folder, 4712, -1)
        with pytest.raises(PermissionError, match="belongs to user"):
            require_safe_folder(folder)

    def test_through_a_link(self, folder: Path) -> None:
        """The link's target is named instead."""
        (folder / "real").mkdir()
        (folder / "link").symlink_to("real")
        with pytest.raises(OSError, match=r"symbolic link: name .*/real instead"):
            require_safe_folder(folder / "link")

    def test_none(self, folder: Path) -> None:
        """It is not made, and a file is none."""
        with pytest.raises(FileNotFoundError, match="there is no folder"):
            require_safe_folder(folder / "none")
        (folder / "file").touch()
        with pytest.raises(NotADirectoryError, match="is not a folder"):
            require_safe_folder(folder / "file")
        assert not (folder / "none").exists()


class TestWhatIsThere:
    """What may be at the path."""

    def test_nothing(self, folder: Path) -> None:
        """Nothing to do."""
        remove_stale(folder / "a")

    def test_a_stale_socket(self, folder: Path) -> None:
        """What nobody listens at is removed."""
        bind(folder / "a").close()
        remove_stale(folder / "a")
        assert not (folder / "a").exists()

    def test_one_that_somebody_listens_at(self, folder: Path) -> None:
        """It stays, and so it does while its queue is full."""
        with bind(folder / "a"):
            waiting = []
            for _ in range(5):
                with pytest.raises(OSError, match="somebody listens"):
                    remove_stale(folder / "a")
                client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                client.setblocking(False)
                client.connect_ex(str(folder / "a"))
                waiting.append(client)
            assert (folder / "a").exists()
            for client in waiting:
                client.close()

    @pytest.mark.parametrize("make", [Path.touch, Path.mkdir, lambda path: path.symlink_to("nowhere"), os.mkfifo])
    def test_what_is_no_socket(self, folder: Path, make: Callable[[Path], object]) -> None:
        """A file, a folder, a link and a pipe are left as they are."""
        make(folder / "a")
        with pytest.raises(FileExistsError, match="no socket"):
            remove_stale(folder / "a")
        assert os.path.lexists(folder / "a")

    def test_a_link_to_a_socket(self, folder: Path) -> None:
        """A link is none, wherever it points."""
        bind(folder / "b").close()
        (folder / "a").symlink_to("b")
        with pytest.raises(FileExistsError, match="no socket"):
            remove_stale(folder / "a")
        assert (folder / "b").is_socket()


class TestOnesOwn:
    """The socket once it is made."""

    def test_it_is_its_owners_alone(self, folder: Path) -> None:
        """Mode 0600, whatever the umask was."""
        with bind(folder / "a"):
            (folder / "a").chmod(0o777)
            claim(folder / "a", None)
            facts = (folder / "a").stat()
        assert (stat.S_IMODE(facts.st_mode), facts.st_uid) == (0o600, os.geteuid())

    def test_another_owner(self, folder: Path) -> None:
        """Root gives it to the user; anybody else is told that he cannot."""
        with bind(folder / "a"):
            if os.geteuid() == 0:
                claim(folder / "a", 4711)
                assert (folder / "a").stat().st_uid == 4711
            else:
                with pytest.raises(PermissionError, match="only root"):
                    claim(folder / "a", 4711)
            assert stat.S_IMODE((folder / "a").stat().st_mode) == 0o600

    def test_its_removal(self, folder: Path) -> None:
        """It is removed once; what came in its place is not."""
        with bind(folder / "a"):
            which = claim(folder / "a", None)
            (folder / "a").rename(folder / "b")
            (folder / "a").touch()
            remove(folder / "a", which)
            assert (folder / "a").exists()
            remove(folder / "b", which)
            assert not (folder / "b").exists()
            remove(folder / "b", which)
