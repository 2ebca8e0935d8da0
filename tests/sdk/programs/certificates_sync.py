"""Every operation on a certificate with the synchronous client; arguments: a name."""

import base64
import datetime as dt
import os
import sys

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.keyvault.certificates import (
    AdministratorContact,
    CertificateClient,
    CertificateContact,
    CertificateContentType,
    CertificateOperation,
    CertificatePolicy,
    CertificatePolicyAction,
    KeyCurveName,
    KeyType,
    KeyUsageType,
    LifetimeAction,
    WellKnownIssuerNames,
)
from azure.keyvault.keys import KeyClient
from azure.keyvault.secrets import SecretClient
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

name, url, credential = sys.argv[1], os.environ["VAULT_URL"], DefaultAzureCredential()
client = CertificateClient(url, credential)
secrets, keys = SecretClient(url, credential), KeyClient(url, credential)


def quick(**members: object) -> CertificatePolicy:
    """Give the policy of a certificate that is quickly made."""
    given = {
        "issuer_name": WellKnownIssuerNames.self,
        "subject": "CN=sdk.example.com",
        "san_dns_names": ["sdk.example.com", "*.sdk.example.com"],
        "key_type": KeyType.ec,
        "key_curve_name": KeyCurveName.p_256,
    }
    return CertificatePolicy(**(given | members))


def refused(status: int, code: str | None, ask: object, *args: object, **how: object) -> HttpResponseError:
    """Demand that something is refused."""
    try:
        ask(*args, **how)
    except HttpResponseError as error:
        assert error.status_code == status, (error.status_code, error.message)
        assert code is None or error.error.code == code, error.error.code
        return error
    raise AssertionError("it was not refused")


# ---- one that signs itself ------------------------------------------------------------------------------------------

poller = client.begin_create_certificate(name, quick(), tags={"a": "b"}, _polling_interval=0.2)
made = poller.result()
assert not isinstance(made, CertificateOperation)
leaf = x509.load_der_x509_certificate(bytes(made.cer))
assert leaf.subject.rfc4514_string() == "CN=sdk.example.com"
assert made.properties.x509_thumbprint == leaf.fingerprint(hashes.SHA1())  # noqa: S303  the thumbprint's hash
names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
assert names.get_values_for_type(x509.DNSName) == ["sdk.example.com", "*.sdk.example.com"]
assert made.properties.expires_on - made.properties.not_before > dt.timedelta(days=364)
assert made.properties.tags == {"a": "b"}
private, held, above = pkcs12.load_key_and_certificates(base64.b64decode(secrets.get_secret(name).value), None)
assert (held, above) == (leaf, [])
assert private.public_key() == leaf.public_key()
assert keys.get_key(name).id == made.key_id
assert secrets.get_secret(name).id == made.secret_id
operation = client.get_certificate_operation(name)
assert (operation.status, operation.target) == ("completed", f"{url.rstrip('/')}/certificates/{name}")

second = client.begin_create_certificate(name, quick(), _polling_interval=0.2).result()
assert second.properties.version != made.properties.version
assert client.get_certificate(name).id == second.id
assert client.get_certificate_version(name, made.properties.version).cer == made.cer
versions = {one.version for one in client.list_properties_of_certificate_versions(name)}
assert versions == {made.properties.version, second.properties.version}
assert name in [one.name for one in client.list_properties_of_certificates()]

# ---- policies -------------------------------------------------------------------------------------------------------

policy = client.get_certificate_policy(name)
assert (policy.issuer_name, policy.key_type, policy.key_curve_name) == ("Self", KeyType.ec, KeyCurveName.p_256)
assert (policy.content_type, policy.exportable, policy.reuse_key) == (CertificateContentType.pkcs12, True, False)
assert policy.validity_in_months == 12
assert [one.action for one in policy.lifetime_actions] == [CertificatePolicyAction.auto_renew]
policy._validity_in_months = 6
policy._lifetime_actions = [LifetimeAction(CertificatePolicyAction.email_contacts, days_before_expiry=20)]
policy._key_usage = [KeyUsageType.digital_signature]
policy._content_type = CertificateContentType.pem
changed = client.update_certificate_policy(name, policy)
assert changed.validity_in_months == 6
assert changed.lifetime_actions[0].days_before_expiry == 20
third = client.begin_create_certificate(name, client.get_certificate_policy(name), _polling_interval=0.2).result()
pem = secrets.get_secret(name)
assert pem.properties.content_type == "application/x-pem-file"
assert (
    load_pem_private_key(pem.value.encode(), None).public_key()
    == x509.load_pem_x509_certificate(pem.value.encode()).public_key()
)
updated = client.update_certificate_properties(name, third.properties.version, enabled=False, tags={"c": "d"})
assert (updated.properties.enabled, updated.properties.tags) == (False, {"c": "d"})
assert refused(403, "Forbidden", secrets.get_secret, name).error.innererror["code"] == "SecretDisabled"
client.update_certificate_properties(name, third.properties.version, enabled=True)
assert secrets.get_secret(name).value == pem.value

# ---- links ----------------------------------------------------------------------------------------------------------

error = refused(403, "Forbidden", secrets.begin_delete_secret, name)
assert error.error.innererror["code"] == "SecretManagedByKeyVault", error
error = refused(403, "Forbidden", keys.begin_delete_key, name)
assert error.error.innererror["code"] == "KeyManagedByKeyVault", error
secrets.set_secret(f"{name}-taken", "a plain secret")
refused(409, "Conflict", client.begin_create_certificate, f"{name}-taken", quick())

# ---- signed elsewhere -----------------------------------------------------------------------------------------------

ca_key = ec.generate_private_key(ec.SECP256R1())
ca_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "A CA elsewhere")])
now = dt.datetime.now(dt.UTC)


def sign(subject: x509.Name, public_key: object, *, ca: bool) -> x509.Certificate:
    """Issue a certificate as a CA elsewhere would."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(ca_name)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=90))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(ca_key, hashes.SHA256())
    )


root = sign(ca_name, ca_key.public_key(), ca=True)
signed_name = f"{name}-signed"
pending = client.begin_create_certificate(signed_name, quick(issuer_name=WellKnownIssuerNames.unknown)).result()
assert pending.status == "inProgress"
placeholder = client.get_certificate(signed_name)
assert not placeholder.properties.enabled
assert placeholder.cer is None
refused(409, None, client.begin_create_certificate, signed_name, quick())
csr = x509.load_der_x509_csr(bytes(client.get_certificate_operation(signed_name).csr))
other = sign(csr.subject, ec.generate_private_key(ec.SECP256R1()).public_key(), ca=False)
refused(400, "BadParameter", client.merge_certificate, signed_name, [other.public_bytes(Encoding.DER)])
issued = sign(csr.subject, csr.public_key(), ca=False)
merged = client.merge_certificate(
    signed_name, [one.public_bytes(Encoding.DER) for one in (issued, root)], tags={"merged": "yes"}
)
assert bytes(merged.cer) == issued.public_bytes(Encoding.DER)
assert merged.properties.tags == {"merged": "yes"}
_, held, above = pkcs12.load_key_and_certificates(base64.b64decode(secrets.get_secret(signed_name).value), None)
assert (held, list(above)) == (issued, [root])

cancelled_name = f"{name}-cancelled"
client.begin_create_certificate(cancelled_name, quick(issuer_name=WellKnownIssuerNames.unknown)).result()
assert client.cancel_certificate_operation(cancelled_name).cancellation_requested
assert client.delete_certificate_operation(cancelled_name).name == cancelled_name
assert refused(404, "PendingCertificateNotFound", client.get_certificate_operation, cancelled_name)

# ---- brought in -----------------------------------------------------------------------------------------------------

own = ec.generate_private_key(ec.SECP256R1())
mine = sign(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mine.example.com")]), own.public_key(), ca=False)
password = "correct horse"
pfx = pkcs12.serialize_key_and_certificates(b"mine", own, mine, [root], BestAvailableEncryption(password.encode()))
refused(400, "BadParameter", client.import_certificate, f"{name}-pfx", pfx, password="wrong")
imported = client.import_certificate(f"{name}-pfx", pfx, password=password)
assert bytes(imported.cer) == mine.public_bytes(Encoding.DER)
assert imported.policy.subject == "CN=mine.example.com"
both = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + mine.public_bytes(Encoding.PEM)
imported = client.import_certificate(
    f"{name}-pem",
    both,
    policy=CertificatePolicy(issuer_name=WellKnownIssuerNames.unknown, content_type=CertificateContentType.pem),
)
assert secrets.get_secret(f"{name}-pem").value.count("BEGIN CERTIFICATE") == 1

# ---- issuers and contacts -------------------------------------------------------------------------------------------

issuer = client.create_issuer(
    f"{name}-issuer",
    "DigiCert",
    account_id="an account",
    password="of no meaning",
    organization_id="an organisation",
    admin_contacts=[AdministratorContact(first_name="A", last_name="B", email="a@example.com", phone="1")],
)
assert (issuer.provider, issuer.account_id, issuer.password) == ("DigiCert", "an account", None)
assert client.update_issuer(f"{name}-issuer", enabled=False).enabled is False
assert client.get_issuer(f"{name}-issuer").organization_id == "an organisation"
assert f"{name}-issuer" in [one.name for one in client.list_properties_of_issuers()]
assert client.delete_issuer(f"{name}-issuer").name == f"{name}-issuer"
refused(404, "CertificateIssuerNotFound", client.get_issuer, f"{name}-issuer")
contacts = [CertificateContact(email="ops@example.com", name="Ops", phone="2")]
assert [one.email for one in client.set_contacts(contacts)] == ["ops@example.com"]
assert [one.name for one in client.get_contacts()] == ["Ops"]
assert [one.phone for one in client.delete_contacts()] == ["2"]
refused(404, "ContactsNotFound", client.get_contacts)

# ---- the end --------------------------------------------------------------------------------------------------------

backup = client.backup_certificate(name)
deleted = client.begin_delete_certificate(name).result()
assert deleted.recovery_id
assert client.get_deleted_certificate(name).name == name
assert name in [one.name for one in client.list_deleted_certificates()]
for find in (client.get_certificate, secrets.get_secret, keys.get_key):
    try:
        find(name)
    except ResourceNotFoundError:
        continue
    raise AssertionError("a part of a deleted certificate was given out")
client.begin_recover_deleted_certificate(name).wait()
assert secrets.get_secret(name).value == pem.value
client.begin_delete_certificate(name).wait()
client.purge_deleted_certificate(name)
restored = client.restore_certificate_backup(backup)
assert bytes(restored.cer) == bytes(third.cer)
assert secrets.get_secret(name).value == pem.value
for one in (name, signed_name, cancelled_name, f"{name}-pfx", f"{name}-pem"):
    client.begin_delete_certificate(one).wait()
    client.purge_deleted_certificate(one)
print("done")
