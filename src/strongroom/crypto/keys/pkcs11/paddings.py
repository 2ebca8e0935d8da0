"""
RSA decryption where a token does it without its padding alone.

A token may lack OAEP with SHA-256, and tokens' own removal of PKCS#1 v1.5 padding tells by an error whether it failed:
Bleichenbacher's oracle. So the token does the private operation alone (CKM_RSA_X_509), which gives the padded
block EM, and the padding is taken off by the library, whose removal is constant in time, and for PKCS#1 v1.5 never
fails (implicit rejection: what is badly padded gives bytes that follow from key and ciphertext and say nothing).

The library removes paddings only as a part of RSA decryption, so EM is first encrypted under a key that is ours, the
*remover*, of the same size: c' = EM^e' mod n', and the library decrypts c' under it. Why that is right and safe:

- A block that is rightly padded begins with a zero byte (RFC 8017 sections 7.1.1 and 7.2.1), so it is below
  2^(8(k-1)), and every modulus of k bytes with its top bit set is above that: it comes back as it was.
- A block that is not below n' comes back as EM - n', which is another block, and is judged as that. Nothing branches on
  it: a refusal that came sooner would tell whether a plaintext's product is above a bound, which is Manger's oracle.
- What the library makes of bad PKCS#1 v1.5 padding follows from the remover. If two workers had two removers, the same
  ciphertext sent twice would give two answers where the padding is bad and one where it is right: the oracle again. So
  the service makes one for each size, for as long as it runs, and gives it to every worker. Each start of the service
  gives whoever may decrypt one round of such a comparison, and an attack needs thousands, one after another.
- The remover protects nothing: who has it can do to EM what this process does, and EM is in this process.
- The power is taken of a number that is secret, by arithmetic of Python's that is not constant in time: two numbers of
  which one has a few leading zero bytes differ by parts of a microsecond, behind a queue, a socket and the token's own
  operation. Whoever wants none of that uses RSA-OAEP with a token that has it, for which nothing of this runs.
"""

from __future__ import annotations

from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from strongroom.crypto.keys.protocol import Undecryptable

_PUBLIC_EXPONENT = 65537


def make_remover(bits: int) -> bytes:
    """Make the key that paddings of blocks of this size are taken off under; PKCS#8."""
    key = rsa.generate_private_key(_PUBLIC_EXPONENT, bits)
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def remove(remover: bytes, block: bytes, scheme: padding.AsymmetricPadding) -> bytes:
    """
    Take the padding off a block that the token gave.

    Raises:
        Undecryptable: OAEP does not fit.
    """
    key, exponent, modulus = _loaded(remover)
    again = pow(int.from_bytes(block, "big"), exponent, modulus)
    try:
        return key.decrypt(again.to_bytes(key.key_size // 8, "big"), scheme)
    except ValueError:
        raise Undecryptable from None


@lru_cache(maxsize=8)
def _loaded(remover: bytes) -> tuple[rsa.RSAPrivateKey, int, int]:
    key = load_der_private_key(remover, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, rsa.RSAPrivateKey):
        msg = "the remover is an RSA key"
        raise TypeError(msg)
    numbers = key.public_key().public_numbers()
    return key, numbers.e, numbers.n
