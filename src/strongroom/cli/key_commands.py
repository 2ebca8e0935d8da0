"""The grammar of `strongroom key`: see `commands`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from strongroom.cli.options import At, Data, Json, Yes, tags_of

key = App(name="key", help="Make, use, rotate, delete, recover and back up the keys of a vault.")
rotation_policy = App(name="rotation-policy", help="Show and say when a key is rotated by itself.")
key.command(rotation_policy)
Vault = Annotated[str, Parameter(help="The vault's name.")]
Name = Annotated[str, Parameter(help="The key's name.")]
Version = Annotated[str, Parameter(help="Its version (default: the newest).")]
Tag = Annotated[tuple[str, ...], Parameter(name="--tag", negative="", help="A tag, NAME=VALUE; may be repeated.")]
Operation = Annotated[
    tuple[str, ...],
    Parameter(
        name="--operation", negative="", help="What it may be used for, such as sign; may be repeated (default: all)."
    ),
]
Enabled = Annotated[bool | None, Parameter(name="--enabled", negative="--disabled", help="Whether it can be used.")]
NotBefore = Annotated[datetime | None, Parameter(help="When it begins to be good: 2027-01-31, or with a time of UTC.")]
Expires = Annotated[datetime | None, Parameter(help="When it ceases to be good, likewise.")]
Algorithm = Annotated[str, Parameter(help="The algorithm, as Azure calls it: RSA-OAEP-256, A256GCM, ES256, PS256.")]
Content = Annotated[
    Path, Parameter(name="--file", help="File with the content; - for standard input.", allow_leading_hyphen=True)
]
Output = Annotated[
    Path | None,
    Parameter(help="A new file for what comes of it (default: standard output).", allow_leading_hyphen=True),
]
Digest = Annotated[bool, Parameter(negative="", help="The file has the digest itself, and is not to be hashed.")]
Raw = Annotated[bool, Parameter(negative="", help="Ciphertexts and signatures are bytes, and not base64url.")]
Iv = Annotated[
    str | None, Parameter(allow_leading_hyphen=True, help="For AES: the initialisation vector, in base64url.")
]
AuthTag = Annotated[
    str | None,
    # Base64url has the hyphen, and one text in 64 begins with it.
    Parameter(name="--auth-tag", allow_leading_hyphen=True, help="For AES-GCM: the authentication tag, in base64url."),
]
Aad = Annotated[
    str | None,
    Parameter(allow_leading_hyphen=True, help="For AES-GCM: what is authenticated beside the content, in base64url."),
]
Duration = Annotated[str | None, Parameter(help="A duration, such as P90D or P18M.")]
STANDARD_INPUT = Path("-")


@key.command(name="list")
def key_list(vault: Vault, *, data: Data = None, json: Json = False) -> int:
    """Print a vault's keys."""
    from strongroom.cli.remote import keys as command  # noqa: PLC0415  each command loads what it needs

    return command.list_keys(At(data), vault, as_json=json)


@key.command(name="show")
def key_show(vault: Vault, name: Name, version: Version = "", *, data: Data = None, json: Json = False) -> int:
    """Print a key: its public part, and what is said of it. Its private part stays in the vault."""
    from strongroom.cli.remote import keys as command  # noqa: PLC0415  each command loads what it needs

    return command.show_key(command.a_key(At(data), vault, name, version), as_json=json)


@key.command(name="create")
def key_create(
    vault: Vault,
    name: Name,
    *,
    type: Annotated[  # noqa: A002  the option's name
        str, Parameter(help="RSA, EC or oct; with -HSM one that a token holds, in a premium vault.")
    ] = "RSA",
    size: Annotated[int | None, Parameter(help="How many bits, of an RSA or oct key (default: 2048 or 256).")] = None,
    curve: Annotated[
        str | None, Parameter(help="Of an EC key: P-256, P-384, P-521 or P-256K (default: P-256).")
    ] = None,
    operation: Operation = (),
    tag: Tag = (),
    enabled: Enabled = None,
    not_before: NotBefore = None,
    expires: Expires = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """Make a key, or a new version of one."""
    from strongroom.cli.remote import keys as command  # noqa: PLC0415  each command loads what it needs
    from strongroom.cli.remote.objects import Lifetime  # noqa: PLC0415  likewise

    properties = command.Properties(
        operation or None, tags_of(tag) if tag else None, Lifetime(enabled, not_before, expires)
    )
    shape = command.Shape(type, size, curve)
    return command.create_key(command.a_key(At(data), vault, name), shape, properties, as_json=json)


@key.command(name="import")
def key_import(
    vault: Vault,
    name: Name,
    *,
    file: Annotated[
        Path,
        Parameter(
            help="File with the private key: PEM or DER, not encrypted, or a JSON Web Key; - for standard input.",
            allow_leading_hyphen=True,
        ),
    ],
    hsm: Annotated[bool, Parameter(negative="", help="Keep it in a token, in a premium vault.")] = False,
    operation: Operation = (),
    tag: Tag = (),
    enabled: Enabled = None,
    not_before: NotBefore = None,
    expires: Expires = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """Bring a private key in from a file, as a key or a new version of one. It does not come out again."""
    from strongroom.cli.remote import keys as command  # noqa: PLC0415  each command loads what it needs
    from strongroom.cli.remote.objects import Lifetime  # noqa: PLC0415  likewise

    properties = command.Properties(
        operation or None, tags_of(tag) if tag else None, Lifetime(enabled, not_before, expires)
    )
    one = command.a_key(At(data), vault, name)
    return command.import_key(one, file, properties, in_token=hsm, as_json=json)


@key.command(name="versions")
def key_versions(vault: Vault, name: Name, *, data: Data = None, json: Json = False) -> int:
    """Print a key's versions."""
    from strongroom.cli.remote import keys as command  # noqa: PLC0415  each command loads what it needs

    return command.versions(command.a_key(At(data), vault, name), as_json=json)


@key.command(name="update")
def key_update(
    vault: Vault,
    name: Name,
    version: Version = "",
    *,
    operation: Operation = (),
    tag: Tag = (),
    no_tags: Annotated[bool, Parameter(negative="", help="Take every tag away.")] = False,
    enabled: Enabled = None,
    not_before: NotBefore = None,
    expires: Expires = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """Enable or disable a version, or change its dates, operations or tags. Tags that are given replace the others."""
    from strongroom.cli.remote import keys as command  # noqa: PLC0415  each command loads what it needs
    from strongroom.cli.remote.objects import Lifetime  # noqa: PLC0415  likewise

    tags = tags_of(tag) if tag or no_tags else None
    properties = command.Properties(operation or None, tags, Lifetime(enabled, not_before, expires))
    return command.update_key(command.a_key(At(data), vault, name, version), properties, as_json=json)


@key.command(name="rotate")
def key_rotate(vault: Vault, name: Name, *, data: Data = None, json: Json = False) -> int:
    """Make a new version of a key, of the same kind. What the old ones encrypted they still decrypt."""
    from strongroom.cli.remote import keys as command  # noqa: PLC0415  each command loads what it needs

    return command.rotate_key(command.a_key(At(data), vault, name), as_json=json)


@rotation_policy.command(name="show")
def rotation_policy_show(vault: Vault, name: Name, *, data: Data = None, json: Json = False) -> int:
    """Print when a key is rotated by itself, and when its owner is told that it expires."""
    from strongroom.cli.remote import key_use as command  # noqa: PLC0415  each command loads what it needs
    from strongroom.cli.remote.keys import a_key  # noqa: PLC0415  likewise

    return command.show_policy(a_key(At(data), vault, name), as_json=json)


@rotation_policy.command(name="set")
def rotation_policy_set(
    vault: Vault,
    name: Name,
    *,
    rotate_after: Duration = None,
    rotate_before_expiry: Duration = None,
    notify_before_expiry: Duration = None,
    expires_after: Duration = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """Say when a key is rotated by itself, counted from a version's making or back from its expiry."""
    from strongroom.cli.remote import key_use as command  # noqa: PLC0415  each command loads what it needs
    from strongroom.cli.remote.keys import a_key  # noqa: PLC0415  likewise

    rotation = command.Rotation(rotate_after, rotate_before_expiry, notify_before_expiry, expires_after)
    return command.set_policy(a_key(At(data), vault, name), rotation, as_json=json)


@key.command(name="encrypt")
def key_encrypt(
    vault: Vault,
    name: Name,
    version: Version = "",
    *,
    algorithm: Algorithm,
    file: Content = STANDARD_INPUT,
    output: Output = None,
    raw: Raw = False,
    iv: Iv = None,
    aad: Aad = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """Encrypt what is short, such as a password: a key encrypts one block."""
    from strongroom.cli.remote import key_use as command  # noqa: PLC0415  each command loads what it needs
    from strongroom.cli.remote.keys import a_key  # noqa: PLC0415  likewise

    through = command.Through(file, output, raw, json)
    one = a_key(At(data), vault, name, version)
    return command.apply(one, "encrypt", algorithm, command.Symmetric(iv, aad=aad), through)


@key.command(name="decrypt")
def key_decrypt(
    vault: Vault,
    name: Name,
    version: Version = "",
    *,
    algorithm: Algorithm,
    file: Content = STANDARD_INPUT,
    output: Output = None,
    raw: Raw = False,
    iv: Iv = None,
    auth_tag: AuthTag = None,
    aad: Aad = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """Decrypt. What comes of it goes into a file of its owner alone, or a pipe, never to a terminal."""
    from strongroom.cli.remote import key_use as command  # noqa: PLC0415  each command loads what it needs
    from strongroom.cli.remote.keys import a_key  # noqa: PLC0415  likewise

    through = command.Through(file, output, raw, json)
    one = a_key(At(data), vault, name, version)
    return command.apply(one, "decrypt", algorithm, command.Symmetric(iv, auth_tag, aad), through)


@key.command(name="wrap")
def key_wrap(
    vault: Vault,
    name: Name,
    version: Version = "",
    *,
    algorithm: Algorithm,
    file: Content = STANDARD_INPUT,
    output: Output = None,
    raw: Raw = False,
    iv: Iv = None,
    aad: Aad = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """Encrypt another key with this one."""
    from strongroom.cli.remote import key_use as command  # noqa: PLC0415  each command loads what it needs
    from strongroom.cli.remote.keys import a_key  # noqa: PLC0415  likewise

    through = command.Through(file, output, raw, json)
    one = a_key(At(data), vault, name, version)
    return command.apply(one, "wrapkey", algorithm, command.Symmetric(iv, aad=aad), through)


@key.command(name="unwrap")
def key_unwrap(
    vault: Vault,
    name: Name,
    version: Version = "",
    *,
    algorithm: Algorithm,
    file: Content = STANDARD_INPUT,
    output: Output = None,
    raw: Raw = False,
    iv: Iv = None,
    auth_tag: AuthTag = None,
    aad: Aad = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """Decrypt another key with this one; it goes where decrypt puts what it decrypted."""
    from strongroom.cli.remote import key_use as command  # noqa: PLC0415  each command loads what it needs
    from strongroom.cli.remote.keys import a_key  # noqa: PLC0415  likewise

    through = command.Through(file, output, raw, json)
    one = a_key(At(data), vault, name, version)
    return command.apply(one, "unwrapkey", algorithm, command.Symmetric(iv, auth_tag, aad), through)


@key.command(name="sign")
def key_sign(
    vault: Vault,
    name: Name,
    version: Version = "",
    *,
    algorithm: Algorithm,
    file: Content = STANDARD_INPUT,
    digest: Digest = False,
    output: Output = None,
    raw: Raw = False,
    data: Data = None,
    json: Json = False,
) -> int:
    """Sign a file. It is hashed here, and its digest alone is sent."""
    from strongroom.cli.remote import key_use as command  # noqa: PLC0415  each command loads what it needs
    from strongroom.cli.remote.keys import a_key  # noqa: PLC0415  likewise

    through = command.Through(file, output, raw, json)
    return command.sign(a_key(At(data), vault, name, version), algorithm, through, digest=digest)


@key.command(name="verify")
def key_verify(
    vault: Vault,
    name: Name,
    version: Version = "",
    *,
    algorithm: Algorithm,
    signature: Annotated[
        Path, Parameter(help="File with the signature; - for standard input.", allow_leading_hyphen=True)
    ],
    file: Content = STANDARD_INPUT,
    digest: Digest = False,
    raw: Raw = False,
    data: Data = None,
    json: Json = False,
) -> int:
    """Check a file's signature: exit code 0 says that it is one, 1 that it is not."""
    from strongroom.cli.remote import key_use as command  # noqa: PLC0415  each command loads what it needs
    from strongroom.cli.remote.keys import a_key  # noqa: PLC0415  likewise

    through = command.Through(file, None, raw, json)
    return command.verify(a_key(At(data), vault, name, version), algorithm, through, signature, digest=digest)


@key.command(name="download")
def key_download(
    vault: Vault, name: Name, version: Version = "", *, output: Output = None, data: Data = None, json: Json = False
) -> int:
    """Write a key's public part, in PEM or with --json as a JSON Web Key, for whoever has no right in the vault."""
    from strongroom.cli.remote import keys as command  # noqa: PLC0415  each command loads what it needs

    return command.download_key(command.a_key(At(data), vault, name, version), output, as_json=json)


@key.command(name="delete")
def key_delete(vault: Vault, name: Name, *, yes: Yes = False, data: Data = None, json: Json = False) -> int:
    """Delete a key with all its versions. It can be recovered for as long as it is retained."""
    from strongroom.cli.remote import keys as command  # noqa: PLC0415  each command loads what it needs

    return command.delete_key(command.a_key(At(data), vault, name), yes=yes, as_json=json)


@key.command(name="list-deleted")
def key_list_deleted(vault: Vault, *, data: Data = None, json: Json = False) -> int:
    """Print a vault's deleted keys, and when each is purged."""
    from strongroom.cli.remote import keys as command  # noqa: PLC0415  each command loads what it needs

    return command.list_deleted(At(data), vault, as_json=json)


@key.command(name="recover")
def key_recover(vault: Vault, name: Name, *, data: Data = None, json: Json = False) -> int:
    """Bring a deleted key back."""
    from strongroom.cli.remote import keys as command  # noqa: PLC0415  each command loads what it needs

    return command.recover_key(command.a_key(At(data), vault, name), as_json=json)


@key.command(name="purge")
def key_purge(vault: Vault, name: Name, *, yes: Yes = False, data: Data = None, json: Json = False) -> int:
    """Remove a deleted key for good."""
    from strongroom.cli.remote import keys as command  # noqa: PLC0415  each command loads what it needs

    return command.purge_key(command.a_key(At(data), vault, name), yes=yes, as_json=json)


@key.command(name="backup")
def key_backup(
    vault: Vault,
    name: Name,
    *,
    file: Annotated[
        Path, Parameter(help="Where it goes; a new file. - is standard output.", allow_leading_hyphen=True)
    ],
    data: Data = None,
    json: Json = False,
) -> int:
    """Write a key with all its versions into a file, encrypted: only vaults of this instance can read it."""
    from strongroom.cli.remote import keys as command  # noqa: PLC0415  each command loads what it needs

    return command.backup_key(command.a_key(At(data), vault, name), file, as_json=json)


@key.command(name="restore")
def key_restore(
    vault: Vault,
    *,
    file: Annotated[Path, Parameter(help="The backup's file, or - for standard input.", allow_leading_hyphen=True)],
    data: Data = None,
    json: Json = False,
) -> int:
    """Bring a key back out of a backup, under its own name."""
    from strongroom.cli.remote import keys as command  # noqa: PLC0415  each command loads what it needs

    return command.restore_key(At(data), vault, file, as_json=json)
