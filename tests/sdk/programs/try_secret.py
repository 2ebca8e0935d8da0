"""Try to set a secret in the vault of VAULT_URL, and print what came of it, as one JSON object."""

import json
import os

from azure.core.exceptions import HttpResponseError, ServiceRequestError
from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import SecretClient

with DefaultAzureCredential() as credential, SecretClient(os.environ["VAULT_URL"], credential, retry_total=0) as client:
    try:
        client.set_secret("tried", os.environ["VALUE"])
    except HttpResponseError as error:
        inner = error.error.innererror if error.error else None
        told = {"status": error.status_code, "error": type(error).__name__, "inner": inner, "message": error.message}
    except ServiceRequestError as error:
        told = {"error": type(error).__name__, "message": error.message}
    else:
        told = {"status": 200}
print(json.dumps(told, default=str))
