"""
The environment in which a program of Azure's finds Strongroom, and nothing of the surrounding shell's identity.

Four tables: what is taken away, what names the vault, what a program under `run` gets, what a shell gets from `env`.
`docs/operating/run.md` is their description; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from strongroom.cli.azure_names import ServedNames
from strongroom.cli.control import RunGrant
from strongroom.cli.endpoints import DEFAULT_ENDPOINT, ENDPOINTS, Offer
from strongroom.cli.trust import TRUSTSTORE_PASSWORD, TrustFiles
from strongroom.core.names import AZURE_VAULT_DOMAIN, Surface

STRAY_PREFIXES: tuple[str, ...] = (
    # Credentials, and how to present them, for the SDKs and az.
    "AZURE_CLIENT_", "AZURE_FEDERATED_", "AZURE_IDENTITY_", "AZURE_KUBERNETES_", "AZURE_CORE_",
    # The same for Terraform.
    "ARM_CLIENT_", "ARM_OIDC_", "ARM_MSI_", "ARM_USE_",
)  # fmt: skip
STRAYS: tuple[str, ...] = (
    # Who the program is.
    "AZURE_ACCESS_TOKEN_FILE", "AZURE_CREDENTIALS", "AZURE_PASSWORD", "AZURE_SUBSCRIPTION_ID", "AZURE_TENANT_ID",
    "AZURE_TOKEN_CREDENTIALS", "AZURE_USERNAME", "ARM_SUBSCRIPTION_ID", "ARM_TENANT_ID", "ARM_AUXILIARY_TENANT_IDS",
    # Which managed identity endpoint there is: App Service, Arc, Service Fabric, Cloud Shell, Machine Learning.
    "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IDENTITY_API_VERSION", "IDENTITY_SERVER_THUMBPRINT", "IMDS_ENDPOINT",
    "DEFAULT_IDENTITY_CLIENT_ID", "MSI_ENDPOINT", "MSI_SECRET", "AZURE_POD_IDENTITY_AUTHORITY_HOST",
    # Which Azure it talks to.
    "AZURE_ADDITIONALLY_ALLOWED_TENANTS", "AZURE_AUTHORITY_HOST", "AZURE_CLOUD", "AZURE_ENVIRONMENT",
    "AZURE_ENVIRONMENT_FILEPATH", "AZURE_REGIONAL_AUTHORITY_NAME", "MSAL_FORCE_REGION",
    "ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST", "ARM_CLOUD_METADATA_URL", "ARM_DISABLE_INSTANCE_DISCOVERY",
    "ARM_ENVIRONMENT", "ARM_METADATA_HOST", "ARM_METADATA_HOSTNAME", "ARM_RESOURCE_MANAGER_AUDIENCE",
    "ARM_RESOURCE_MANAGER_ENDPOINT",
    # Where tools remember what they signed in to.
    "AZURE_CONFIG_DIR", "AZD_CONFIG_DIR",
)  # fmt: skip
"""
Variables that say who a program is in Azure or which Azure it talks to. They belong to the surrounding shell: a real
secret would be sent to us, and a stray setting would lead the program past us.
"""

VAULT_NAME_VARIABLES: tuple[str, ...] = ("KEY_VAULT_NAME", "VAULT_NAME")
VAULT_URL_VARIABLES: tuple[str, ...] = ("KEY_VAULT_URL", "AZURE_KEYVAULT_URL", "VAULT_URL", "KEYVAULT_URI")
"""What Azure's own quickstarts and samples read their vault from. Set only where the shell does not say another."""

JAVA_VARIABLES: tuple[str, ...] = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")
"""Where Java takes options from, the later winning: the first is enough, unless the shell uses another."""

_LOOPBACK = "127.0.0.1"
"""What NO_PROXY always names, for the managed identity endpoint. Not `localhost`: clients take that as a suffix."""
AZURE_AUTHORITY = "https://login.microsoftonline.com"
"""What a program under `run` takes for its authority, where it wants to be told one: the relay serves it."""
ALIAS = "adfs"
"""The tenant that spares clients the question whether Microsoft knows our authority: clients.md section 0, R4."""
_JAVA_DIRECT = "localhost|127.*|[::1]"


def is_stray(variable: str) -> bool:
    """Tell whether a variable of the surrounding shell is kept from the program."""
    return variable in STRAYS or variable.startswith(STRAY_PREFIXES)


def run_environment(
    surrounding: Mapping[str, str],
    grant: RunGrant,
    served: ServedNames,
    relay_url: str,
    trust: TrustFiles,
    scratch: Path,
    endpoint: str = DEFAULT_ENDPOINT,
) -> dict[str, str]:
    """Make the environment of a program under `run`; *scratch* is the run's own directory."""
    azure_url = f"https://{grant.vault_name}.{AZURE_VAULT_DOMAIN}"
    no_proxy = _no_proxy(surrounding, served)
    relay_port = relay_url.rpartition(":")[2]
    return {
        **{name: value for name, value in surrounding.items() if not is_stray(name)},
        **_vault(surrounding, grant, VAULT_NAME_VARIABLES, grant.vault_name),
        **_vault(surrounding, grant, VAULT_URL_VARIABLES, azure_url),
        # Every client goes through the relay; some read one case of the names, some the other.
        **dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), relay_url),
        **dict.fromkeys(("NO_PROXY", "no_proxy"), no_proxy),
        **_trust(surrounding, trust, {"https.proxyHost": _LOOPBACK, "https.proxyPort": relay_port}),
        **ENDPOINTS[endpoint](Offer(grant, AZURE_AUTHORITY, grant.tenant_id, scratch)),
        **_service_principal(grant, grant.tenant_id),
        **({"AZURE_SUBSCRIPTION_ID": grant.subscription_id} if grant.subscription_id else {}),
        **_terraform(grant),
        # Signed in here is signed in here only: az and azd keep what they remember in the run's directory.
        "AZURE_CONFIG_DIR": str(scratch / "azure"),
        "AZD_CONFIG_DIR": str(scratch / "azd"),
    }


def shell_environment(
    surrounding: Mapping[str, str],
    grant: RunGrant,
    trust: TrustFiles,
    scratch: Path,
    endpoint: str = DEFAULT_ENDPOINT,
) -> dict[str, str]:
    """
    Make the variables that `env` gives a shell, for use of the instance under its own names.

    The vault goes by its URL alone: a program that builds `https://{name}.vault.azure.net` from a name would leave for
    Azure, since a shell has no relay.
    """
    return {
        **_vault({}, grant, VAULT_URL_VARIABLES, grant.vault_uri.rstrip("/")),
        **_trust(surrounding, trust, {}),
        **ENDPOINTS[endpoint](Offer(grant, grant.authority, ALIAS, scratch)),
        "AZURE_AUTHORITY_HOST": grant.authority,
        "AZURE_TENANT_ID": ALIAS,
        **_service_principal(grant, ALIAS),
    }


def _service_principal(grant: RunGrant, tenant: str) -> dict[str, str]:
    principal = grant.service_principal
    if principal is None:
        return {}
    return {
        "AZURE_TENANT_ID": tenant,
        "AZURE_CLIENT_ID": principal.client_id,
        "AZURE_CLIENT_SECRET": principal.client_secret,
    }


def _terraform(grant: RunGrant) -> dict[str, str]:
    """
    Lead Terraform's providers here, which read no variable of the SDKs'.

    They find every other part by what the metadata says, under the instance's own names: a vault is waited for under
    its name as soon as it is made, and a run serves no Azure name of a vault that came after it.
    """
    principal = grant.service_principal
    return {
        "ARM_METADATA_HOSTNAME": f"{Surface.MANAGEMENT}.{grant.domain}:{grant.port}",
        **({"ARM_SUBSCRIPTION_ID": grant.subscription_id} if grant.subscription_id else {}),
        **({
            "ARM_TENANT_ID": grant.tenant_id,
            "ARM_CLIENT_ID": principal.client_id,
            "ARM_CLIENT_SECRET": principal.client_secret,
        } if principal else {}),
    }  # fmt: skip


def _vault(surrounding: Mapping[str, str], grant: RunGrant, names: Sequence[str], value: str) -> dict[str, str]:
    """Name the vault, if there is one and the shell does not name another."""
    return {name: value for name in names if grant.vault_name and not surrounding.get(name)}


def _trust(surrounding: Mapping[str, str], trust: TrustFiles, properties: Mapping[str, str]) -> dict[str, str]:
    properties = {
        **properties,
        **({"http.nonProxyHosts": _JAVA_DIRECT} if properties else {}),
        "javax.net.ssl.trustStore": str(trust.truststore),
        "javax.net.ssl.trustStoreType": "PKCS12",
        "javax.net.ssl.trustStorePassword": TRUSTSTORE_PASSWORD,
    }
    # Java prints these options when it starts, so none of them is a secret.
    options = [_quoted(f"-D{key}={text}") for key, text in properties.items()]
    return {
        **{variable: str(path) for variable, path in trust.bundles.items()},
        **{
            variable: _with_options(surrounding.get(variable, ""), options)
            for variable in JAVA_VARIABLES
            if variable == JAVA_VARIABLES[0] or surrounding.get(variable)
        },
    }


def _with_options(present: str, options: Sequence[str]) -> str:
    """Put our options behind those that are there, once: of two settings of a property Java takes the last."""
    for option in options:
        present = present.replace(option, "")
    return " ".join([*present.split(" "), *options]).strip() if present.strip() else " ".join(options)


def _quoted(option: str) -> str:
    """Quote an option for JAVA_TOOL_OPTIONS, which is split at blanks outside quotes and knows no escapes."""
    return f'"{option}"' if " " in option else option


def _no_proxy(surrounding: Mapping[str, str], served: ServedNames) -> str:
    """Keep the user's own exceptions, but for those that would lead to a served or refused name past the relay."""
    entries = [
        entry.strip()
        for entry in (surrounding.get("no_proxy", "") or surrounding.get("NO_PROXY", "")).split(",")
        if entry.strip() and not served.bypasses(entry)
    ]
    return ",".join([_LOOPBACK, *(entry for entry in entries if entry != _LOOPBACK)])
