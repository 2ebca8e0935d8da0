"""
A worker's process, from the service's side: started, asked, ended.

Its socket is its standard input, it has no other descriptor of ours, and what a vendor's library prints goes nowhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import subprocess
import sys
from asyncio.subprocess import Process

from strongroom.crypto.keys.pkcs11 import wire
from strongroom.crypto.process import library_environment

COMMAND = (sys.executable, "-P", "-m", "strongroom.crypto.keys.pkcs11.worker")
"""`-P`: nothing is imported from wherever the service was started."""


class WorkerLost(Exception):
    """The worker's process has ended, or says what it should not. The library crashed in it, most likely."""


class Worker:
    """A process, for one question at a time."""

    def __init__(self, process: Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.process = process
        self._reader = reader
        self._writer = writer

    @classmethod
    async def start(cls) -> Worker:
        """Start a process. It has loaded nothing yet. Whoever is cancelled meanwhile leaves none behind."""
        starting = asyncio.ensure_future(cls._start())
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            await (await starting).end()
            raise

    @classmethod
    async def _start(cls) -> Worker:
        ours, theirs = socket.socketpair()
        try:
            reader, writer = await asyncio.open_connection(sock=ours, limit=wire.MESSAGE_BYTES_MAX)
        except BaseException:
            ours.close()
            theirs.close()
            raise
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    *COMMAND,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env=library_environment(),
                )
        except BaseException:
            writer.close()
            raise
        return cls(process, reader, writer)

    @property
    def has_ended(self) -> bool:
        """Tell whether the process is known to have ended."""
        return self.process.returncode is not None or self._reader.at_eof()

    async def ask(self, question: bytes) -> wire.Answer:
        """
        Ask, and wait for the answer.

        Raises:
            WorkerLost: there will be none.
        """
        try:
            self._writer.write(question)
            await self._writer.drain()
            (length,) = wire.LENGTH.unpack(await self._reader.readexactly(wire.LENGTH.size))
            if length > wire.MESSAGE_BYTES_MAX:
                raise WorkerLost
            answer: wire.Answer = wire.decode_answer(await self._reader.readexactly(length))
        except (OSError, EOFError, struct.error, ValueError) as fault:
            raise WorkerLost(type(fault).__name__) from None
        return answer

    async def end(self) -> None:
        """End the process, whatever it is at."""
        self._writer.close()
        if self.process.returncode is None:
            # It may have ended by itself meanwhile.
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
        await self.process.wait()
