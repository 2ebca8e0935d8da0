"""
The token (HSM) that an instance is configured with, if it is with one.

Without one, nothing of PKCS#11 is loaded.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from strongroom.app.data_directory import InstanceFault
from strongroom.config import Settings
from strongroom.core.instance import Instance

if TYPE_CHECKING:
    from strongroom.crypto.keys.pkcs11.token_keys import TokenKeys
    from strongroom.crypto.keys.pkcs11.workers import TokenSettings

_logger = logging.getLogger("strongroom")


def token_settings(settings: Settings) -> TokenSettings:
    """Give the settings of the token that there is."""
    from strongroom.crypto.keys.pkcs11.workers import TokenSettings  # noqa: PLC0415  only where there is a token

    return TokenSettings(
        Path(settings.pkcs11_module),
        Path(settings.pkcs11_pin_file),
        settings.pkcs11_token,
        settings.pkcs11_workers,
        settings.pkcs11_timeout_s,
        settings.pkcs11_platform,
    )


def require_pin_file(settings: Settings) -> None:
    """
    Demand that the token's PIN is there for us alone, if there is a token. The PIN itself is not tried: tokens count.

    Raises:
        InstanceFault: it is not.
    """
    if not settings.pkcs11_module:
        return
    from strongroom.crypto.keys.pkcs11.workers import TokenUnusable  # noqa: PLC0415  as above

    try:
        token_settings(settings).read_pin()
    except TokenUnusable as fault:
        raise InstanceFault(str(fault)) from None


def open_token(settings: Settings, instance: Instance) -> TokenKeys | None:
    """Give the place of keys in the token, if there is one. What becomes of it is told to the log and the status."""
    if not settings.pkcs11_module:
        return None
    from strongroom.crypto.keys.pkcs11.token_keys import TokenKeys  # noqa: PLC0415  as above

    def report(text: str) -> None:
        instance.token = text
        _logger.warning(text)

    return TokenKeys(token_settings(settings), report)
