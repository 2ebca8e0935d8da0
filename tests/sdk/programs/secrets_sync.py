"""Every operation on a secret with the synchronous client; arguments: the credential, a name."""

import os
import sys

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential, EnvironmentCredential, ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

CREDENTIALS = {
    "default": DefaultAzureCredential,
    "environment": EnvironmentCredential,
    "identity": ManagedIdentityCredential,
}
credential, name = CREDENTIALS[sys.argv[1]](), sys.argv[2]
value = os.environ["VALUE"]

with credential, SecretClient(os.environ["VAULT_URL"], credential) as client:
    first = client.set_secret(name, value, tags={"a": "b"}, content_type="text/plain")
    second = client.set_secret(name, f"{value}2")
    assert first.properties.version != second.properties.version
    assert client.get_secret(name).value == f"{value}2"
    assert client.get_secret(name, first.properties.version).value == value
    assert client.get_secret(name, first.properties.version).properties.tags == {"a": "b"}

    client.update_secret_properties(name, first.properties.version, enabled=False)
    try:
        client.get_secret(name, first.properties.version)
    except HttpResponseError as error:
        assert (error.status_code, error.error.code) == (403, "Forbidden"), error.status_code
    else:
        raise AssertionError("a disabled version was given out")
    client.update_secret_properties(name, first.properties.version, enabled=True)

    assert name in [properties.name for properties in client.list_properties_of_secrets()]
    versions = {properties.version for properties in client.list_properties_of_secret_versions(name)}
    assert versions == {first.properties.version, second.properties.version}

    backup = client.backup_secret(name)
    deleted = client.begin_delete_secret(name).result()
    assert deleted.recovery_id
    assert client.get_deleted_secret(name).name == name
    assert name in [one.name for one in client.list_deleted_secrets()]
    try:
        client.get_secret(name)
    except ResourceNotFoundError as error:
        assert error.error.code == "SecretNotFound", error.error.code
    else:
        raise AssertionError("a deleted secret was given out")

    client.begin_recover_deleted_secret(name).wait()
    assert client.get_secret(name).value == f"{value}2"
    client.begin_delete_secret(name).wait()
    client.purge_deleted_secret(name)
    client.restore_secret_backup(backup)
    assert client.get_secret(name, first.properties.version).value == value
    client.begin_delete_secret(name).wait()
    client.purge_deleted_secret(name)
print("done")
