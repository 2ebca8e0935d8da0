"""The journal of one node: appending, flushing, going on in a new file, and starting again after any end."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from strongroom.journal import event, files
from strongroom.journal.chain import (
    FORMAT,
    FRAME_BYTES,
    LINE_BYTES,
    Checkpoint,
    FileHead,
    Mark,
    Tagger,
    entry_line,
    head_line,
    read_checkpoint,
)
from strongroom.journal.failures import JournalUnavailable
from strongroom.journal.numbers import OlderNumbers, OutboxNumbers
from strongroom.journal.recovery import Ending, find_ending

FLUSH_DELAY_S = 0.03
"""From the first entry that is not on disk to the flush; with the flush itself this stays under 50 ms."""
STALL_S = 5.0
"""How long entries may wait for the disk before no more are taken: the disk is not doing its work."""
STALLED = "the disk does not take what was written"
FILE_BYTES = 64 * 1024 * 1024
"""The size at which writing goes on in a new file."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """What one flush brings to the disk."""

    retired: tuple[int, ...]
    descriptor: int
    path: Path
    new_file: bool
    mark: Mark


class Journal:
    """
    One node's chain, open for appending. Made by `open`; one process at a time has it.

    Order at start: `open`, then `append` every entry of the store's outbox with its number, then `settle`. An entry
    that is already here under its number is not written again, so draining is safe at any time. It is due whenever
    `has_gap` says so, and lets the store forget what is `durable_through`.

    `append` may be called from any thread. Once a flush failed or a file was altered under it, the journal takes
    nothing more until it is opened again: what the disk holds is no longer known.
    """

    def __init__(self, directory: Path, tagger: Tagger, node: str, clock: Callable[[], float], file_bytes: int) -> None:
        self.directory = directory
        self.node = node
        self.problems: tuple[str, ...] = ()
        """What was wrong with the chain when it was opened, in a sentence each; also recorded in the chain."""
        self._tagger = tagger
        self._clock = clock
        self._file_bytes = file_bytes
        self._lock = threading.Lock()
        self._flush_lock = threading.Lock()
        self._numbers = OutboxNumbers()
        self._older: OlderNumbers | None = None
        self._seq = 0
        self._mac = b""
        self._number = 0
        self._descriptor = -1
        self._size = 0
        self._cut_back = False
        self._retired: list[int] = []
        self._new_file = False
        self._failed: str | None = None
        self._dirty_since: float | None = None
        self._flushing_since: float | None = None
        self._durable = Mark(0, b"")
        self._durable_outbox = 0
        self._settling = (0, 0)
        self._lock_descriptor = -1
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._flusher = threading.Thread(target=self._flush_when_dirty, name=f"journal {node}", daemon=True)

    @classmethod
    def open(
        cls,
        directory: Path,
        tagger: Tagger,
        node: str,
        clock: Callable[[], float],
        *,
        checkpoint: bytes | None = None,
        file_bytes: int = FILE_BYTES,
    ) -> Journal:
        """
        Open a node's chain, making it if it is new, and go on where it ended.

        A line that was never finished is cut off; damage, or an end before *checkpoint*, is left as it is and writing
        goes on in a new file. Either is recorded in the chain.

        Raises:
            JournalUnavailable: another process has it, it carries another instance's tags, or it cannot be written.
        """
        files.check_node(node)
        journal = cls(directory, tagger, node, clock, file_bytes)
        try:
            files.prepare(directory)
            journal._lock_descriptor = files.lock(directory, node)
            journal._begin(checkpoint)
        except OSError as error:
            journal._release()
            raise JournalUnavailable(f"{directory.name} cannot be opened: {error}") from error
        except BaseException:
            journal._release()
            raise
        journal._flusher.start()
        return journal

    # ---- appending --------------------------------------------------------------------------------------------------

    def append(self, entry: bytes, outbox: int | None = None) -> None:
        """
        Write one entry, a JSON object on one line as `event.encode` makes it; the kernel has it when this returns.

        With *outbox*, the number under which the store keeps the entry, nothing is written if it is already here.

        Raises:
            JournalUnavailable: it was not written, and nothing of it stays.
        """
        require_form(entry)
        with self._lock:
            if outbox is not None and self._is_here(outbox, entry):
                return
            self._require_able()
            if self._size + len(entry) + FRAME_BYTES > self._file_bytes:
                self._start_file()
            line, mac = entry_line(self._tagger, self._seq + 1, self._mac, entry, outbox)
            self._write(line)
            self._seq += 1
            self._mac = mac
            if outbox is not None:
                self._numbers.take(outbox, entry)

    def append_all(self, entries: Sequence[bytes]) -> None:
        """
        Write entries that are not in the outbox, together; the kernel has all of them when this returns.

        Raises:
            JournalUnavailable: they were not written, but for those that still went into a file that was then full.
        """
        with self._lock:
            self._require_able()
            lines: list[bytes] = []
            seq, mac, size = self._seq, self._mac, self._size
            for entry in entries:
                require_form(entry)
                if size + len(entry) + FRAME_BYTES > self._file_bytes:
                    self._write_lines(lines, seq, mac)
                    self._start_file()
                    lines, seq, mac, size = [], self._seq, self._mac, self._size
                seq += 1
                line, mac = entry_line(self._tagger, seq, mac, entry, None)
                size += len(line)
                lines.append(line)
            self._write_lines(lines, seq, mac)

    def _write_lines(self, lines: list[bytes], seq: int, mac: bytes) -> None:
        if lines:
            self._write(b"".join(lines))
            self._seq, self._mac = seq, mac

    def settle(self, through: int) -> None:
        """
        Take note that every outbox entry up to *through* was appended; 0 if the outbox was empty.

        Only whoever drained the outbox knows that none is missing from here, so `durable_through` grows by this alone.
        """
        with self._lock:
            self._older = None
            self._numbers.settled = max(self._numbers.settled, through)
            self._settling = (self._numbers.settled, self._seq)
            self._publish()

    def _is_here(self, number: int, entry: bytes) -> bool:
        """Say whether an outbox entry is in the chain already."""
        self._numbers.offered = max(self._numbers.offered, number)
        if self._older is not None:
            self._older.look_for(number)
        return self._numbers.holds(number, entry)

    def _require_able(self) -> None:
        failure = self.failure
        if failure is not None:
            raise JournalUnavailable(failure)

    def _write(self, line: bytes) -> None:
        """
        Write a whole line, or nothing.

        The file is looked at first: another size, or no name, means that somebody works on it, and a chain that goes on
        there would be missing what they took.
        """
        try:
            if self._cut_back:
                os.ftruncate(self._descriptor, self._size)
                self._cut_back = False
            state = os.fstat(self._descriptor)
            if state.st_size != self._size or not state.st_nlink:
                self._failed = "its file was altered or removed by somebody else"
                raise JournalUnavailable(self._failed)
            written = os.write(self._descriptor, line)
            if written != len(line):
                # The disk took a part. That part goes again now, or before the next line if even that fails.
                self._cut_back = True
                os.ftruncate(self._descriptor, self._size)
                self._cut_back = False
                raise JournalUnavailable("the disk is full")
        except OSError as error:
            raise JournalUnavailable(f"writing failed: {error.strerror}") from error
        self._size += written
        if self._dirty_since is None:
            self._dirty_since = time.monotonic()
            self._wake.set()

    def _start_file(self) -> None:
        """Go on in a new file, whose first line continues the chain."""
        path = files.path_of(self.directory, self.node, self._number + 1)
        head = FileHead(FORMAT, self.node, self._number + 1)
        line, mac = head_line(self._tagger, self._seq + 1, self._mac, head)
        try:
            descriptor = files.create(path, line)
        except OSError as error:
            raise JournalUnavailable(f"a new file cannot be made: {error.strerror}") from error
        if self._descriptor >= 0:
            self._retired.append(self._descriptor)
        self._descriptor, self._size, self._number = descriptor, len(line), self._number + 1
        self._seq, self._mac, self._new_file = self._seq + 1, mac, True
        if self._dirty_since is None:
            self._dirty_since = time.monotonic()
            self._wake.set()

    # ---- what is on disk --------------------------------------------------------------------------------------------

    @property
    def durable_through(self) -> int:
        """Up to which outbox number every entry is here and on disk, so that the store may forget it; 0 for none."""
        return self._durable_outbox

    @property
    def durable_seq(self) -> int:
        """The number of the newest line that is on disk, which is what `checkpoint` signs."""
        return self._durable.seq

    @property
    def has_gap(self) -> bool:
        """Whether outbox entries were offered since it was last settled: it should be drained, and settled again."""
        return self._numbers.offered > self._numbers.settled

    @property
    def failure(self) -> str | None:
        """Why nothing can be recorded now, or None. A full disk shows only when it is written to."""
        if self._failed is not None:
            return self._failed
        since = self._flushing_since or self._dirty_since
        if since is not None and time.monotonic() - since > STALL_S:
            return STALLED
        return None

    def highest_outbox(self) -> int:
        """Return the highest outbox number that is here; 0 if none is."""
        with self._lock:
            if self._older is not None:
                self._older.look_for_any()
            return self._numbers.highest

    def checkpoint(self) -> bytes:
        """
        Sign the newest place of the chain that is on disk.

        Kept elsewhere, sealed in the store or sent out, it lets `verify` find that the end was cut off.
        """
        durable = self._durable
        return Checkpoint(self.node, durable.seq, durable.mac.decode(), int(self._clock())).sign(self._tagger)

    def flush(self) -> None:
        """
        Bring everything appended so far to the disk, and wait for it.

        Raises:
            JournalUnavailable: the disk refused.
        """
        self._flush()
        if self._failed is not None:
            raise JournalUnavailable(self._failed)

    def _flush_when_dirty(self) -> None:
        """Flush a little after the first write, until stopped: what the flusher thread does."""
        while not self._stop.is_set():
            self._wake.wait()
            self._stop.wait(FLUSH_DELAY_S)
            self._wake.clear()
            self._flush()

    def _flush(self) -> None:
        """Flush what is dirty. A failure is kept: after one, nobody can say what the disk holds."""
        with self._flush_lock:
            with self._lock:
                if self._dirty_since is None:
                    return
                batch = _Batch(
                    tuple(self._retired),
                    self._descriptor,
                    files.path_of(self.directory, self.node, self._number),
                    self._new_file,
                    Mark(self._seq, self._mac),
                )
                self._retired.clear()
                self._new_file = False
                self._flushing_since, self._dirty_since = self._dirty_since, None
            failed = _bring_to_disk(batch)
            with self._lock:
                if failed is None:
                    self._durable = batch.mark
                    self._flushing_since = None
                    self._publish()
                else:
                    self._failed = self._failed or failed

    def _publish(self) -> None:
        """Let what was settled count once everything it rests on is on disk."""
        through, seq = self._settling
        if seq <= self._durable.seq:
            self._durable_outbox = through

    def close(self) -> None:
        """
        Flush, and let the chain go. Closing twice is closing once.

        Raises:
            JournalUnavailable: the last entries did not reach the disk.
        """
        with self._lock:
            if self._descriptor < 0:
                return
        self._stop.set()
        self._wake.set()
        self._flusher.join(STALL_S)
        if self._flusher.is_alive():
            # It waits for the disk and holds the files; they go with the process.
            self._failed = STALLED
            raise JournalUnavailable(STALLED)
        self._flush()
        failed = self._failed
        with self._lock:
            self._failed = "it is closed"
            self._release()
        if failed is not None:
            raise JournalUnavailable(failed)

    def _release(self) -> None:
        for descriptor in (*self._retired, self._descriptor, self._lock_descriptor):
            if descriptor >= 0:
                os.close(descriptor)
        self._retired.clear()
        self._descriptor = self._lock_descriptor = -1

    # ---- starting ---------------------------------------------------------------------------------------------------

    def _begin(self, signed_checkpoint: bytes | None) -> None:
        """Find the end, mend what can be mended, record what was found, and make all of it durable."""
        checkpoint = None
        problems = []
        if signed_checkpoint is not None:
            checkpoint = read_checkpoint(self._tagger, signed_checkpoint)
            if checkpoint is None or checkpoint.node != self.node:
                problems.append("the checkpoint that was kept is not one of this journal")
                checkpoint = None
        ending, self._numbers, self._older = find_ending(self.directory, self._tagger, self.node, checkpoint)
        self._seq, self._mac, self._number = ending.mark.seq, ending.mark.mac, ending.number
        self._remove_unfinished()
        if ending.start_file:
            self._start_file()
        else:
            self._descriptor = files.open_existing(files.path_of(self.directory, self.node, self._number))
            self._size = ending.size
            os.ftruncate(self._descriptor, ending.size)
            self._dirty_since = time.monotonic()
        self.problems = (*problems, *ending.problems)
        self._record(ending, checkpoint)
        self.flush()

    def _remove_unfinished(self) -> None:
        """Remove files without one whole line, newer than the newest that has one."""
        path = files.path_of(self.directory, self.node, self._number + 1)
        while path.exists():
            path.unlink()
            path = files.path_of(self.directory, self.node, int(path.name.split(".")[1]) + 1)

    def _record(self, ending: Ending, checkpoint: Checkpoint | None) -> None:
        """Say in the chain what was found at its end."""
        if ending.torn_bytes:
            self._say(
                "JournalRepair", "A line that was never finished was cut off.", {"removedBytes": ending.torn_bytes}
            )
        for problem in self.problems:
            found: dict[str, object] = {"lastSequence": ending.mark.seq}
            if checkpoint is not None:
                found["checkpointSequence"] = checkpoint.seq
            self._say("JournalDamage", problem, found)

    def _say(self, operation: str, description: str, properties: dict[str, object]) -> None:
        self.append(
            event.encode(
                event.Entry(
                    time=self._clock(),
                    operation=operation,
                    status=200 if operation == "JournalRepair" else 500,
                    description=description,
                    properties=properties,
                )
            )
        )


def require_form(entry: bytes) -> None:
    """
    Refuse what could never be an entry, whatever the journal's state.

    Raises:
        JournalUnavailable: it is too long, or no object on one line.
    """
    if len(entry) + FRAME_BYTES > LINE_BYTES or b"\n" in entry or entry[:1] != b"{":
        raise JournalUnavailable("an entry is too long, or not an object on one line")


def _bring_to_disk(batch: _Batch) -> str | None:
    """Flush a batch; what went wrong, or None."""
    try:
        for descriptor in batch.retired:
            files.sync(descriptor)
            os.close(descriptor)
        files.sync(batch.descriptor)
        if batch.new_file:
            files.sync_directory(batch.path.parent)
        # The file may have been moved away with its name intact elsewhere; appending would go on in the wrong place.
        named = batch.path.stat(follow_symlinks=False)
    except OSError as error:
        return f"flushing failed: {error.strerror}"
    ours = os.fstat(batch.descriptor)
    if (named.st_ino, named.st_dev) != (ours.st_ino, ours.st_dev):
        return "its file was replaced by somebody else"
    return None
