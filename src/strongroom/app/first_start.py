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
from strongroom.config import CONFIG_FILE, Settings
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
        InstanceFault: there is one already, or the directory cannot be used.
    """
    protect_process()
    prepare_directory(settings.data)
    async with lock_directory(settings.data):
        if is_initialised(settings):
            raise InstanceFault(
                f"{settings.data} is initialised already. Its first secrets cannot be shown again; make new ones."
            )
        await initialise_held(settings, hand_over)


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
    _write_config(settings)
    hand_over(made.describe(Hosts(settings.domain, settings.url_port), str(settings.ca_file)))
    key_file.rename(settings.root_key)
    database.rename(settings.database)
    sync_directory(settings.data)


def _write_config(settings: Settings) -> None:
    """Keep the names the instance was made with, so that a later start without options finds them."""
    path = settings.data / CONFIG_FILE
    if not path.exists():
        path.write_text(
            "# Settings of this instance. The domain cannot change: its certificate authority is constrained to it.\n"
            f'domain = "{settings.domain}"\nport = {settings.port}\n{_token_lines(settings)}',
            encoding="utf-8",
        )
        path.chmod(0o600)


def _token_lines(settings: Settings) -> str:
    """Write the settings of the token, if there is one: what was made in it is found by them alone."""
    given = {
        "pkcs11_module": settings.pkcs11_module,
        "pkcs11_pin_file": settings.pkcs11_pin_file,
        "pkcs11_token": settings.pkcs11_token,
    }
    # A text of TOML's is written as one of JSON's is.
    return "".join(f"{name} = {json.dumps(text)}\n" for name, text in given.items() if text)
