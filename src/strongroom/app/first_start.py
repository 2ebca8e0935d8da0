"""
The first start: an instance made in a data directory that has none, whole or not at all.

It takes a quarter of a second to import, which only a first start needs.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable

from strongroom.app.anchor import write_anchor
from strongroom.app.bootstrap import bootstrap
from strongroom.app.certificates import issue
from strongroom.app.data_directory import (
    InstanceFault,
    is_initialised,
    lock_directory,
    prepare_directory,
    unfinished,
)
from strongroom.app.root_keys import create_root_key
from strongroom.app.tokens import require_pin_file
from strongroom.config import CONFIG_FILE, ConfigFault, Settings, load
from strongroom.core.names import Hosts
from strongroom.crypto.private_files import sync_directory
from strongroom.crypto.process import protect_process
from strongroom.store.sqlite import SqliteStore

HandOver = Callable[[dict[str, str]], None]
"""Gives what `init --json` prints to whoever starts: the only time the two first secrets are seen."""


async def initialise(settings: Settings, hand_over: HandOver) -> None:
    """
    Make a new instance.

    Raises:
        InstanceFault: there is one already, the directory cannot be used, its configuration file would keep what was
            asked for from later starts, or the port is not known that its URLs have.
    """
    protect_process()
    if not settings.url_port:
        raise InstanceFault(
            "An instance is made with the port that its URLs have, and which one is free is found by a start alone:"
            " name one, or have it made by `strongroom serve --port 0`."
        )
    prepare_directory(settings.data)
    async with lock_directory(settings.data):
        if is_initialised(settings):
            raise InstanceFault(
                f"{settings.data} is initialised already. Its first secrets cannot be shown again; `strongroom recover`"
                " makes new ones while it is served."
                f"{_token_advice(settings)}"
            )
        _require_kept(settings)
        await initialise_held(settings, hand_over)


def _require_kept(settings: Settings) -> None:
    """
    Demand that a later start without options finds what is made here, where the configuration file is there already.

    It is its writer's, and nothing is written into it: what it says otherwise, or not at all, is told instead.

    Raises:
        InstanceFault: it would find something else.
    """
    path = settings.data / CONFIG_FILE
    if not path.exists():
        return
    later, wanted = _later_settings(settings), _kept_settings(settings)
    lines = [_line(name, value) for name, value in wanted.items() if value != later[name]]
    if lines:
        raise InstanceFault(
            f"{path} is there already, and later starts would not find in it what was asked for. No instance was made."
            " Write this at its top, in place of what it says otherwise, and run init again:\n" + "".join(lines)
        )


def _token_advice(settings: Settings) -> str:
    """Say how an instance that exists gets the token that was named, if one was that it has not."""
    later, wanted = _later_settings(settings), _kept_settings(settings)
    lines = [_line(name, wanted[name]) for name in _TOKEN_SETTINGS if wanted[name] != later[name]]
    if not lines:
        return ""
    return (
        f" To give it the token, write this at the top of {settings.data / CONFIG_FILE}, in place of what it says"
        " otherwise, and start the service again; then make vaults premium: strongroom vault update NAME --sku"
        " premium. Its root key stays as it is.\n" + "".join(lines)
    )


async def initialise_held(settings: Settings, hand_over: HandOver) -> None:
    """
    Make an instance in a directory that is held and has none.

    Key and store get their names last, so a first start that ends half-way leaves nothing that counts. The first
    secrets are handed over just before: there is no instance whose secrets nobody has, whatever fails afterwards, and
    none if they could not be handed over.

    Raises:
        InstanceFault: a journal of another instance is there, or the token's PIN is not where the settings say.
    """
    require_pin_file(settings)
    if settings.journal.exists():
        raise InstanceFault(f"{settings.journal} is the journal of another instance. Use another directory.")
    key_file, database = unfinished(settings.root_key), unfinished(settings.database)
    for left in (key_file, settings.first_secrets, *settings.data.glob(f"{database.name}*")):
        left.unlink(missing_ok=True)
    keys = create_root_key(settings, key_file)
    store = await SqliteStore.open(database, keys.tag)
    try:
        now = int(time.time())
        made, _ = await bootstrap(settings, store, keys, now=now, entropy=secrets.token_bytes)
        await issue(settings, store, keys, made.installation, now)
        write_anchor(settings, keys, await store.sequence())
    finally:
        await store.close()
    is_ours = _write_config(settings)
    try:
        hand_over(made.describe(Hosts(settings.domain, settings.url_port), str(settings.ca_file)))
    except BaseException:
        if is_ours:
            # The next try may want other settings.
            (settings.data / CONFIG_FILE).unlink(missing_ok=True)
        raise
    key_file.rename(settings.root_key)
    database.rename(settings.database)
    sync_directory(settings.data)


def _write_config(settings: Settings) -> bool:
    """Keep what the instance was made with, so that a later start without options finds it; whether it was written."""
    path = settings.data / CONFIG_FILE
    if path.exists():
        return False
    # What was made in a token is found by its settings alone; where there is none, they say nothing.
    kept = {name: value for name, value in _kept_settings(settings).items() if value != ""}
    path.write_text(
        "# Settings of this instance. The domain cannot change: its certificate authority is constrained to it.\n"
        + "".join(_line(name, value) for name, value in kept.items()),
        encoding="utf-8",
    )
    path.chmod(0o600)
    return True


_TOKEN_SETTINGS = ("pkcs11_module", "pkcs11_pin_file", "pkcs11_token")


def _kept_settings(settings: Settings) -> dict[str, str | int]:
    """Give the settings that an instance is made with and that its later starts want."""
    names = ("domain", "port", *_TOKEN_SETTINGS)
    return {name: getattr(settings, name) for name in names}


def _later_settings(settings: Settings) -> dict[str, str | int]:
    """Give what a later start without options finds."""
    try:
        return _kept_settings(load(settings.data))
    except ConfigFault:
        # What the file says cannot be without what was asked for beside it, such as a PIN file without its library. So
        # all of that is to be written, as if the file said nothing.
        return dict.fromkeys(_kept_settings(settings), "")


def _line(name: str, value: str | int) -> str:
    """Write a setting as a line of the file: a text of TOML's is written as one of JSON's is."""
    return f"{name} = {json.dumps(value)}\n"
