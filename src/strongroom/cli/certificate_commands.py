"""The grammar of `strongroom certificate`: see `commands`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from strongroom.cli.options import At, Data, Json, Yes, tags_of

certificate = App(
    name="certificate", help="Make, bring in, renew, hand out, delete and recover certificates of a vault."
)
policy = App(name="policy", help="Show and change how a certificate's versions are made.")
pending = App(name="pending", help="Show, cancel and forget the operation that makes a certificate's next version.")
issuer = App(name="issuer", help="Say who issues certificates for a vault.")
contacts = App(name="contacts", help="Say who is told about a vault's certificates.")
for group in (policy, pending, issuer, contacts):
    certificate.command(group)
Vault = Annotated[str, Parameter(help="The vault's name.")]
Name = Annotated[str, Parameter(help="The certificate's name.")]
Version = Annotated[str, Parameter(help="Its version (default: the newest).")]
Tag = Annotated[tuple[str, ...], Parameter(name="--tag", negative="", help="A tag, NAME=VALUE; may be repeated.")]
Enabled = Annotated[bool | None, Parameter(name="--enabled", negative="--disabled", help="Whether it can be used.")]
PolicyFile = Annotated[
    Path | None,
    Parameter(
        name="--policy",
        help="File with a policy, as `policy show` prints it; options go before it.",
        allow_leading_hyphen=True,
    ),
]
Output = Annotated[
    Path | None,
    Parameter(help="A new file for it; - is standard output, and the default.", allow_leading_hyphen=True),
]
IssuerName = Annotated[str, Parameter(help="The issuer's name in the vault.")]
Provider = Annotated[str | None, Parameter(help="Who issues: PrivateCA, ACME, DigiCert, GlobalSign.")]
Account = Annotated[str | None, Parameter(help="Which account there: of PrivateCA or ACME, the operator's name of it.")]
PasswordFile = Annotated[
    Path | None,
    Parameter(help="File with the account's password; - for standard input.", allow_leading_hyphen=True),
]
Organization = Annotated[str | None, Parameter(help="The organization's id there.")]


@certificate.command(name="list")
def certificate_list(
    vault: Vault,
    *,
    pending: Annotated[bool, Parameter(negative="", help="Also those that are not issued yet.")] = False,
    data: Data = None,
    json: Json = False,
) -> int:
    """Print a vault's certificates."""
    from strongroom.cli.remote import certificates as command  # noqa: PLC0415  each command loads what it needs

    return command.list_certificates(At(data), vault, pending=pending, as_json=json)


@certificate.command(name="show")
def certificate_show(vault: Vault, name: Name, version: Version = "", *, data: Data = None, json: Json = False) -> int:
    """Print a certificate, and what is said of it."""
    from strongroom.cli.remote import certificates as command  # noqa: PLC0415  each command loads what it needs

    return command.show_certificate(command.a_certificate(At(data), vault, name, version), as_json=json)


@certificate.command(name="create")
def certificate_create(
    vault: Vault,
    name: Name,
    *,
    policy: PolicyFile = None,
    subject: Annotated[str | None, Parameter(help="Whom it is about: CN=www.example.com.")] = None,
    dns_name: Annotated[
        tuple[str, ...], Parameter(name="--dns-name", negative="", help="A DNS name; may be repeated.")
    ] = (),
    issuer: Annotated[
        str | None, Parameter(help="Self, Unknown (signed elsewhere), or one of the vault's issuers.")
    ] = None,
    type: Annotated[str | None, Parameter(help="RSA or EC; with -HSM in a token.")] = None,  # noqa: A002  its name
    size: Annotated[int | None, Parameter(help="How many bits, of an RSA key.")] = None,
    curve: Annotated[str | None, Parameter(help="Of an EC key: P-256, P-384, P-521 or P-256K.")] = None,
    validity_months: Annotated[int | None, Parameter(help="How long it is good.")] = None,
    content: Annotated[str | None, Parameter(help="What its secret is: pkcs12 or pem.")] = None,
    exportable: Annotated[bool | None, Parameter(help="Whether its private key can be read.")] = None,
    reuse_key: Annotated[bool | None, Parameter(help="Whether the next version keeps the key.")] = None,
    enabled: Enabled = None,
    tag: Tag = (),
    wait: Annotated[float, Parameter(help="How many seconds to wait until it is issued.")] = 60.0,
    data: Data = None,
    json: Json = False,
) -> int:
    """Make a certificate, or its next version, and wait until it is issued."""
    from strongroom.cli.remote import certificates as command  # noqa: PLC0415  each command loads what it needs

    wanted = command.Wanted(
        policy, subject, dns_name, issuer, type, size, curve, validity_months, content, exportable, reuse_key
    )
    said = command.Said(enabled, tags_of(tag) if tag else None)
    one = command.a_certificate(At(data), vault, name)
    return command.create_certificate(one, wanted, said, wait_s=wait, as_json=json)


@certificate.command(name="import")
def certificate_import(
    vault: Vault,
    name: Name,
    *,
    file: Annotated[
        Path,
        Parameter(
            help="File with the certificate and its private key: PKCS#12, or PEM; - for standard input.",
            allow_leading_hyphen=True,
        ),
    ],
    password_file: Annotated[
        Path | None,
        Parameter(help="File with the password of a PKCS#12 file; - for standard input.", allow_leading_hyphen=True),
    ] = None,
    policy: PolicyFile = None,
    enabled: Enabled = None,
    tag: Tag = (),
    data: Data = None,
    json: Json = False,
) -> int:
    """Bring a certificate with its private key in from a file, as a certificate or its next version."""
    from strongroom.cli.remote import certificates as command  # noqa: PLC0415  each command loads what it needs

    said = command.Said(enabled, tags_of(tag) if tag else None)
    one = command.a_certificate(At(data), vault, name)
    return command.import_certificate(one, file, password_file, policy, said, as_json=json)


@certificate.command(name="update")
def certificate_update(
    vault: Vault,
    name: Name,
    version: Version = "",
    *,
    enabled: Enabled = None,
    tag: Tag = (),
    data: Data = None,
    json: Json = False,
) -> int:
    """Change whether a version is enabled, and its tags. Its key and its secret follow."""
    from strongroom.cli.remote import certificates as command  # noqa: PLC0415  each command loads what it needs

    said = command.Said(enabled, tags_of(tag) if tag else None)
    return command.update_certificate(command.a_certificate(At(data), vault, name, version), said, as_json=json)


@certificate.command(name="versions")
def certificate_versions(vault: Vault, name: Name, *, data: Data = None, json: Json = False) -> int:
    """Print a certificate's versions."""
    from strongroom.cli.remote import certificates as command  # noqa: PLC0415  each command loads what it needs

    return command.versions(command.a_certificate(At(data), vault, name), as_json=json)


@certificate.command(name="download")
def certificate_download(
    vault: Vault,
    name: Name,
    version: Version = "",
    *,
    output: Output = None,
    with_key: Annotated[
        bool, Parameter(negative="", help="All that its secret hands out, the private key included.")
    ] = False,
    data: Data = None,
    json: Json = False,
) -> int:
    """Write a certificate in PEM; with its key, as PKCS#12 or PEM, whichever its policy says."""
    from strongroom.cli.remote import certificates as command  # noqa: PLC0415  each command loads what it needs

    one = command.a_certificate(At(data), vault, name, version)
    return command.download_certificate(one, output, with_key=with_key, as_json=json)


@certificate.command(name="csr")
def certificate_csr(vault: Vault, name: Name, *, output: Output = None, data: Data = None, json: Json = False) -> int:
    """Write the request of a certificate that waits to be signed elsewhere, in PEM."""
    from strongroom.cli.remote import certificate_making as making  # noqa: PLC0415  likewise
    from strongroom.cli.remote import certificates as command  # noqa: PLC0415  each command loads what it needs

    return making.write_csr(command.a_certificate(At(data), vault, name), output, as_json=json)


@certificate.command(name="merge")
def certificate_merge(
    vault: Vault,
    name: Name,
    *,
    file: Annotated[
        Path,
        Parameter(
            help="File with the certificate and those above it, in PEM or DER; - for standard input.",
            allow_leading_hyphen=True,
        ),
    ],
    enabled: Enabled = None,
    tag: Tag = (),
    data: Data = None,
    json: Json = False,
) -> int:
    """Bring in the certificate that a CA elsewhere issued for the request."""
    from strongroom.cli.remote import certificate_making as making  # noqa: PLC0415  likewise
    from strongroom.cli.remote import certificates as command  # noqa: PLC0415  each command loads what it needs

    said = command.Said(enabled, tags_of(tag) if tag else None)
    return making.merge_certificate(command.a_certificate(At(data), vault, name), file, said.body(), as_json=json)


@certificate.command(name="delete")
def certificate_delete(vault: Vault, name: Name, *, yes: Yes = False, data: Data = None, json: Json = False) -> int:
    """Delete a certificate with its key and its secret. They can be recovered while they are retained."""
    from strongroom.cli.remote import certificates as command  # noqa: PLC0415  each command loads what it needs

    return command.delete_certificate(command.a_certificate(At(data), vault, name), yes=yes, as_json=json)


@certificate.command(name="list-deleted")
def certificate_list_deleted(vault: Vault, *, data: Data = None, json: Json = False) -> int:
    """Print a vault's deleted certificates, and when each is purged."""
    from strongroom.cli.remote import certificates as command  # noqa: PLC0415  each command loads what it needs

    return command.list_deleted(At(data), vault, as_json=json)


@certificate.command(name="recover")
def certificate_recover(vault: Vault, name: Name, *, data: Data = None, json: Json = False) -> int:
    """Bring a deleted certificate back, with its key and its secret."""
    from strongroom.cli.remote import certificates as command  # noqa: PLC0415  each command loads what it needs

    return command.recover_certificate(command.a_certificate(At(data), vault, name), as_json=json)


@certificate.command(name="purge")
def certificate_purge(vault: Vault, name: Name, *, yes: Yes = False, data: Data = None, json: Json = False) -> int:
    """Remove a deleted certificate for good, with its key and its secret."""
    from strongroom.cli.remote import certificates as command  # noqa: PLC0415  each command loads what it needs

    return command.purge_certificate(command.a_certificate(At(data), vault, name), yes=yes, as_json=json)


@certificate.command(name="backup")
def certificate_backup(
    vault: Vault,
    name: Name,
    *,
    file: Annotated[
        Path, Parameter(help="Where it goes; a new file. - is standard output.", allow_leading_hyphen=True)
    ],
    data: Data = None,
    json: Json = False,
) -> int:
    """Write a certificate with all its versions and keys into a file, encrypted: only this instance can read it."""
    from strongroom.cli.remote import certificates as command  # noqa: PLC0415  each command loads what it needs

    return command.backup_certificate(command.a_certificate(At(data), vault, name), file, as_json=json)


@certificate.command(name="restore")
def certificate_restore(
    vault: Vault,
    *,
    file: Annotated[Path, Parameter(help="The backup's file, or - for standard input.", allow_leading_hyphen=True)],
    data: Data = None,
    json: Json = False,
) -> int:
    """Bring a certificate back out of a backup, under its own name."""
    from strongroom.cli.remote import certificates as command  # noqa: PLC0415  each command loads what it needs

    return command.restore_certificate(At(data), vault, file, as_json=json)


@policy.command(name="show")
def policy_show(vault: Vault, name: Name, *, data: Data = None, json: Json = False) -> int:
    """Print a certificate's policy: JSON, which `policy set` and `create --policy` read."""
    from strongroom.cli.remote import certificate_making as making  # noqa: PLC0415  likewise
    from strongroom.cli.remote import certificates as command  # noqa: PLC0415  each command loads what it needs

    del json  # It is JSON whether or not that is asked for.
    return making.show_policy(command.a_certificate(At(data), vault, name))


@policy.command(name="set")
def policy_set(
    vault: Vault,
    name: Name,
    *,
    file: Annotated[Path, Parameter(help="File with the policy; - for standard input.", allow_leading_hyphen=True)],
    data: Data = None,
    json: Json = False,
) -> int:
    """Change a certificate's policy; what the file leaves out stays."""
    from strongroom.cli.remote import certificate_making as making  # noqa: PLC0415  likewise
    from strongroom.cli.remote import certificates as command  # noqa: PLC0415  each command loads what it needs

    return making.set_policy(command.a_certificate(At(data), vault, name), file, as_json=json)


@pending.command(name="show")
def pending_show(vault: Vault, name: Name, *, data: Data = None, json: Json = False) -> int:
    """Print the operation that makes a certificate's next version, or made its last one."""
    from strongroom.cli.remote import certificate_making as making  # noqa: PLC0415  likewise
    from strongroom.cli.remote import certificates as command  # noqa: PLC0415  each command loads what it needs

    return making.show_pending(command.a_certificate(At(data), vault, name), as_json=json)


@pending.command(name="cancel")
def pending_cancel(vault: Vault, name: Name, *, data: Data = None, json: Json = False) -> int:
    """Ask for the operation to be cancelled."""
    from strongroom.cli.remote import certificate_making as making  # noqa: PLC0415  likewise
    from strongroom.cli.remote import certificates as command  # noqa: PLC0415  each command loads what it needs

    return making.cancel_pending(command.a_certificate(At(data), vault, name), as_json=json)


@pending.command(name="delete")
def pending_delete(vault: Vault, name: Name, *, yes: Yes = False, data: Data = None, json: Json = False) -> int:
    """Forget the operation, and the key that it made."""
    from strongroom.cli.remote import certificate_making as making  # noqa: PLC0415  likewise
    from strongroom.cli.remote import certificates as command  # noqa: PLC0415  each command loads what it needs

    return making.delete_pending(command.a_certificate(At(data), vault, name), yes=yes, as_json=json)


@issuer.command(name="list")
def issuer_list(vault: Vault, *, data: Data = None, json: Json = False) -> int:
    """Print a vault's issuers."""
    from strongroom.cli.remote import certificate_issuers as command  # noqa: PLC0415  each command loads what it needs

    return command.list_issuers(At(data), vault, as_json=json)


@issuer.command(name="show")
def issuer_show(vault: Vault, name: IssuerName, *, data: Data = None, json: Json = False) -> int:
    """Print an issuer. Its password does not come out."""
    from strongroom.cli.remote import certificate_issuers as command  # noqa: PLC0415  each command loads what it needs

    return command.show_issuer(At(data), vault, name, as_json=json)


@issuer.command(name="set")
def issuer_set(
    vault: Vault,
    name: IssuerName,
    *,
    provider: Provider = None,
    account: Account = None,
    password_file: PasswordFile = None,
    organization: Organization = None,
    enabled: Enabled = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """Have an issuer in a vault, in the place of one of that name."""
    from strongroom.cli.remote import certificate_issuers as command  # noqa: PLC0415  each command loads what it needs

    said = command.Issuer(provider, account, password_file, organization, enabled)
    return command.set_issuer(At(data), vault, name, said, as_json=json)


@issuer.command(name="update")
def issuer_update(
    vault: Vault,
    name: IssuerName,
    *,
    provider: Provider = None,
    account: Account = None,
    password_file: PasswordFile = None,
    organization: Organization = None,
    enabled: Enabled = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """Change an issuer of a vault; what is not said stays."""
    from strongroom.cli.remote import certificate_issuers as command  # noqa: PLC0415  each command loads what it needs

    said = command.Issuer(provider, account, password_file, organization, enabled)
    return command.update_issuer(At(data), vault, name, said, as_json=json)


@issuer.command(name="delete")
def issuer_delete(vault: Vault, name: IssuerName, *, yes: Yes = False, data: Data = None, json: Json = False) -> int:
    """Remove an issuer from a vault; what it issued stays."""
    from strongroom.cli.remote import certificate_issuers as command  # noqa: PLC0415  each command loads what it needs

    return command.delete_issuer(At(data), vault, name, yes=yes, as_json=json)


@contacts.command(name="show")
def contacts_show(vault: Vault, *, data: Data = None, json: Json = False) -> int:
    """Print who is told about a vault's certificates."""
    from strongroom.cli.remote import certificate_issuers as command  # noqa: PLC0415  each command loads what it needs

    return command.show_contacts(At(data), vault, as_json=json)


@contacts.command(name="set")
def contacts_set(
    vault: Vault,
    *contact: Annotated[str, Parameter(help="An address, or a name and then the address in angle brackets.")],
    data: Data = None,
    json: Json = False,
) -> int:
    """Say who is told about a vault's certificates, in the place of whoever was."""
    from strongroom.cli.remote import certificate_issuers as command  # noqa: PLC0415  each command loads what it needs

    return command.set_contacts(At(data), vault, contact, as_json=json)


@contacts.command(name="delete")
def contacts_delete(vault: Vault, *, yes: Yes = False, data: Data = None, json: Json = False) -> int:
    """Tell nobody about a vault's certificates any more."""
    from strongroom.cli.remote import certificate_issuers as command  # noqa: PLC0415  each command loads what it needs

    return command.delete_contacts(At(data), vault, yes=yes, as_json=json)
