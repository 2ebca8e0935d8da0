"""
Opens a PKCS#12 file (RFC 7292) in a process of its own: a program, which nothing imports.

Such a file says how often its password is to be hashed, some of that only once its outer layer is decrypted, and the
library cannot be interrupted. So this process may use so much of a processor and of memory, and then ends.

    stdin:   seconds (1 byte), whether there is a password (1), its length (2), the password, the file
    stdout:  the key in PKCS#8 or nothing, then each certificate, the key's own first: length (4), DER
    status:  0; 2 the password is wrong, or it is no such file; 3 it has what the library does not support
"""

from __future__ import annotations

import resource
import sys

MEMORY_BYTES = 1 << 30
WRONG, UNSUPPORTED = 2, 3


def main() -> int:
    """Do what the module says."""
    given = sys.stdin.buffer.read()
    seconds, has_password, length = given[0], given[1], int.from_bytes(given[2:4], "big")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))

    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415  within the limits
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        NoEncryption,
        PrivateFormat,
        pkcs12,
    )

    try:
        opened = pkcs12.load_pkcs12(given[4 + length :], given[4 : 4 + length] if has_password else None)
        key, first = opened.key, [opened.cert] if opened.cert is not None else []
        parts = [key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()) if key is not None else b""]
        parts += [one.certificate.public_bytes(Encoding.DER) for one in (*first, *opened.additional_certs)]
    except UnsupportedAlgorithm:
        return UNSUPPORTED
    except (ValueError, TypeError):
        return WRONG
    for part in parts:
        sys.stdout.buffer.write(len(part).to_bytes(4, "big") + part)
    return 0


if __name__ == "__main__":
    sys.exit(main())
