import os

from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import SecretClient

vault_name = os.environ["KEY_VAULT_NAME"]
vault_url = f"https://{vault_name}.vault.azure.net"

credential = DefaultAzureCredential()
client = SecretClient(vault_url=vault_url, credential=credential)

print(f"Setting a secret in {vault_url} ...")
secret = client.set_secret("quickstart-greeting", "hello from a vault", content_type="text/plain")
print(f"  {secret.name}, version {secret.properties.version}")

print("Getting it ...")
retrieved = client.get_secret("quickstart-greeting")
print(f"  {retrieved.name} is {retrieved.value!r}")

print("Deleting it ...")
deleted = client.begin_delete_secret("quickstart-greeting").result()
print(f"  deleted; could be recovered until {deleted.scheduled_purge_date:%Y-%m-%d}")

print("Purging it ...")
client.purge_deleted_secret("quickstart-greeting")
print("  gone")
