"""The connections of a run's relay."""

import asyncio
import socket

from strongroom.cli.serving import acknowledge


def test_what_comes_is_acknowledged_at_once() -> None:
    """A connection does not wait with acknowledging: before that urllib3 sends no body through a proxy."""

    async def ask() -> tuple[int, int]:
        found: asyncio.Future[tuple[int, int]] = asyncio.get_running_loop().create_future()

        def accept(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = writer.get_extra_info("socket")
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
            before = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK)
            acknowledge(writer)
            found.set_result((before, connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK)))
            writer.close()

        async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
            _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            answer = await found
            writer.close()
            return answer

    assert asyncio.run(ask()) == (0, 1)
