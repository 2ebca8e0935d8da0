"""What a start says of names that do not resolve."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from strongroom.app import open_instance, service
from strongroom.app.first_start import initialise
from strongroom.config import Settings


def said(folder: Path, address: str = "127.0.0.1") -> list[str]:
    """Make an instance that listens at *address* and let it look for its names; what it says."""
    settings = Settings(data=folder / "data", domain="vaults.example", address=address)
    lines: list[str] = []

    async def notice() -> str:
        facts: dict[str, str] = {}
        await initialise(settings, facts.update)
        async with open_instance(settings) as opened:
            await service._notice_names(opened, lines.append)
        return facts["vaultName"]

    vault = asyncio.run(notice())
    return [line.replace(vault, "NAME") for line in lines]


def test_names_that_do_not_resolve_are_said_with_the_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SEC-NAME-14: where the resolver does not know our names, the one line of a hosts file is printed."""

    def unknown(host: str, *_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, host)

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    assert "NAME.vault.vaults.example does not resolve here" in said(tmp_path)[0]
    assert said(tmp_path / "other", "::")[-1].endswith(
        "  ::1 NAME.vault.vaults.example login.vaults.example management.vaults.example graph.vaults.example"
    )


def test_names_that_resolve_need_no_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SEC-NAME-14: where the resolver knows them, nothing is said."""
    here = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 8443))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [here])

    assert said(tmp_path) == []
