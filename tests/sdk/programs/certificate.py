"""Set, get and delete a secret with a client certificate; arguments: the secret's name, and `chain` to send x5c."""

import os
import sys

from azure.identity import CertificateCredential, EnvironmentCredential
from azure.keyvault.secrets import SecretClient

name, *options = sys.argv[1:]
if "environment" in options:
    credential = EnvironmentCredential()
else:
    credential = CertificateCredential(
        os.environ["AZURE_TENANT_ID"],
        os.environ["AZURE_CLIENT_ID"],
        os.environ["AZURE_CLIENT_CERTIFICATE_PATH"],
        send_certificate_chain="chain" in options,
    )
with credential, SecretClient(os.environ["VAULT_URL"], credential) as client:
    client.set_secret(name, os.environ["VALUE"])
    assert client.get_secret(name).value == os.environ["VALUE"]
    client.begin_delete_secret(name).wait()
    client.purge_deleted_secret(name)
print("done")
