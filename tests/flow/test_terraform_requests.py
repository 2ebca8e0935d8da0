"""
The requests of Terraform's azurerm and azuread providers, replayed: in their order, with their headers and bodies.

They are written from the providers' published source, of azurerm 4 and azuread 3, and their client library go-azure-sdk
(reference clients.md section 5): what it sends, which statuses it takes, and how its pollers find an end. The providers
themselves are not run here; `tests/terraform` runs azurerm where it was built.
"""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import quote, urlsplit

import jwt
import pytest

from tests.assertions import ASSERTION_TYPE, b64url, ec_key, make_signer, own_claims, rsa_key
from tests.flow.certificates import credential
from tests.plugins import canary
from tests.world import START, Answer, Simulation

READER = "Key Vault Secrets User"
JSON = "application/json; charset=utf-8"
METADATA = f"{JSON}; IEEE754Compatible=false; odata.metadata=full"
ARM_HEADERS = {
    "Accept": JSON,
    "Content-Type": JSON,
    "User-Agent": "HashiCorp/go-azure-sdk (Go-http-Client/1.1)",
    "X-Ms-Correlation-Request-Id": "11111111-2222-4333-8444-555555555555",
}
GRAPH_HEADERS = {
    "Accept": METADATA,
    "Content-Type": JSON,
    "OData-MaxVersion": "4.0",
    "OData-Version": "4.0",
    "User-Agent": "HashiCorp/go-azure-sdk (Go-http-Client/1.1)",
}
VAULTS, ASSIGNMENTS, DEFINITIONS, PROVIDERS = "2023-07-01", "2022-04-01", "2022-05-01-preview", "2022-09-01"
ENDS = {"succeeded", "completed"}
"""What the library's poller takes for the end, in any case."""


class Provider:
    """A provider at its start and after: it asks for the metadata, signs in, and sends what its resources want."""

    def __init__(self, world: Simulation, **proof: str) -> None:
        self.world = world
        answer = world.ask("GET", f"{world.arm_url}/metadata/endpoints?api-version=2022-09-01")
        assert answer.status == 200
        self.cloud: dict[str, Any] = answer.json
        self.subscription = f"/subscriptions/{world.first.subscription_id}"
        self.tenant = world.first.tenant_id
        self._proof = proof
        self._tokens = {
            name: self.sign_in(f"{uri.rstrip('/')}/.default").json["access_token"]
            for name, uri in (
                ("arm", self.cloud["resourceManager"]),
                ("graph", self.cloud["microsoftGraphResourceId"]),
                ("vault", f"https://{self.cloud['suffixes']['keyVaultDns']}"),
            )
        }

    @property
    def claims(self) -> dict[str, Any]:
        """What the provider reads in its token for Graph, to know who it is."""
        claims: dict[str, Any] = jwt.decode(self._tokens["graph"], options={"verify_signature": False})
        return claims

    def sign_in(self, scope: str) -> Answer:
        """Ask for a token where the metadata says, with no discovery of any kind."""
        endpoint = f"{self.cloud['authentication']['loginEndpoint']}/{self.tenant}/oauth2/v2.0/token"
        form = {"grant_type": "client_credentials", "scope": scope, **self._proof}
        return self.world.ask("POST", endpoint, form=form, headers={"Accept": "application/json"})

    def arm(self, method: str, path: str, version: str, body: object = None, **query: str) -> Answer:
        """Ask the management plane; the query is in order of names and percent-encoded, as Go writes it."""
        pairs = {"api-version": version} | {f"${name}": value for name, value in query.items()}
        text = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in sorted(pairs.items()))
        url = f"{self.cloud['resourceManager'].rstrip('/')}{path}?{text}"
        return self.world.ask(method, url, token=self._tokens["arm"], body=body, headers=ARM_HEADERS)

    def poll(self, answer: Answer) -> None:
        """Follow a change to its end, as the library's poller for long-running operations does."""
        place = answer.headers.get("azure-asyncoperation") or answer.headers.get("location")
        if place is None:
            # What says no place to ask is done: a document says so itself.
            assert answer.status in {200, 201, 204}
            if answer.body:
                assert answer.json["properties"]["provisioningState"].lower() in ENDS
            return
        assert urlsplit(place).netloc == urlsplit(self.cloud["resourceManager"]).netloc
        assert int(answer.headers["retry-after"]) >= 0
        found = self.world.ask("GET", place, token=self._tokens["arm"], headers=ARM_HEADERS)
        assert found.status in {200, 201, 204}
        if found.status == 200 and not found.body:
            return
        assert found.headers["content-type"].startswith("application/json")
        said = found.json.get("status") or found.json["properties"]["provisioningState"]
        assert said.lower() in ENDS

    def data(self, method: str, url: str, body: object = None) -> Answer:
        """Ask a vault, with the token up front: this client waits for no challenge."""
        joint = "&" if "?" in url else "?"
        how = {"Content-Type": JSON} if body is not None else {}
        return self.world.ask(
            method, f"{url}{joint}api-version=7.4", token=self._tokens["vault"], body=body, headers=how
        )

    def graph(self, method: str, path: str, body: object = None, *, version: str = "v1.0") -> Answer:
        """Ask the directory."""
        url = f"{self.cloud['microsoftGraphResourceId'].rstrip('/')}/{version}/{path}"
        return self.world.ask(method, url, token=self._tokens["graph"], body=body, headers=GRAPH_HEADERS)


@pytest.fixture
def provider(world: Simulation) -> Provider:
    """Start a provider with the first application's secret."""
    secret = world.first.client_secret
    return Provider(world, client_id=world.first.client_id, client_secret=secret)


@pytest.fixture
def tag() -> str:
    """Give the end of names that no other test uses."""
    return uuid.uuid4().hex[:10]


class TestStart:
    """Metadata, tokens, claims, and the registration of resource providers."""

    def test_metadata(self, provider: Provider) -> None:
        """One object, whose members the provider insists on; the login endpoint has no slash at its end."""
        assert provider.cloud["name"]
        assert not provider.cloud["authentication"]["loginEndpoint"].endswith("/")
        assert provider.cloud["authentication"]["identityProvider"] == "AAD"
        assert provider.cloud["authentication"]["audiences"]
        assert provider.cloud["suffixes"]["keyVaultDns"].startswith("vault.")
        assert {"mhsmDns", "storage"} <= set(provider.cloud["suffixes"])

    def test_claims(self, provider: Provider) -> None:
        """A token for Graph says who the application is, and is not taken for a user's."""
        claims = provider.claims
        assert claims["oid"] == provider.world.administrator.oid
        assert (claims["appid"], claims["tid"]) == (provider.world.first.client_id, provider.tenant)
        assert "openid" not in claims.get("scp", "")

    @pytest.mark.parametrize("kind", ["rsa", "ec"])
    def test_certificate(self, provider: Provider, kind: str, tag: str) -> None:
        """An assertion names its key by a padded thumbprint in `kid`; with ES256 the signature is ASN.1 DER."""
        world, signer = provider.world, make_signer(rsa_key() if kind == "rsa" else ec_key(), now=int(START))
        made = provider.graph("POST", "applications", {"displayName": tag}).json
        provider.graph("PATCH", f"applications/{made['id']}", {"keyCredentials": [credential(signer)]})
        provider.graph("POST", "servicePrincipals", {"appId": made["appId"]})
        endpoint = f"{provider.cloud['authentication']['loginEndpoint']}/{provider.tenant}/oauth2/v2.0/token"
        claims = own_claims(made["appId"], endpoint, int(world.clock()))
        named = {"kid": b64url(signer.sha1, padded=True)}
        assertion = signer.assertion(claims, header=named, der=kind == "ec")
        signed_in = Provider(
            world, client_id=made["appId"], client_assertion=assertion, client_assertion_type=ASSERTION_TYPE
        )
        assert signed_in.claims["appid"] == made["appId"]

    def test_registration(self, provider: Provider) -> None:
        """Every provider is listed with its state; registering one that is registered changes nothing."""
        listed = provider.arm("GET", f"{provider.subscription}/providers", PROVIDERS)
        assert listed.status == 200
        states = {one["namespace"]: one["registrationState"] for one in listed.json["value"]}
        needed = ("Microsoft.Authorization", "Microsoft.KeyVault", "Microsoft.ManagedIdentity", "Microsoft.Network")
        assert [states[name] for name in needed] == ["Registered"] * 4
        answer = provider.arm("POST", f"{provider.subscription}/providers/Microsoft.KeyVault/register", PROVIDERS, {})
        assert (answer.status, answer.json["registrationState"]) == (200, "Registered")
        shown = provider.arm("GET", f"{provider.subscription}/providers/Microsoft.KeyVault", PROVIDERS)
        assert shown.json["registrationState"] == "Registered"


class Vault:
    """`azurerm_key_vault`, of one name."""

    def __init__(self, provider: Provider, tag: str) -> None:
        self.provider, self.name = provider, f"v-{tag}"
        self.group = f"{provider.subscription}/resourceGroups/g-{tag}"
        self.id = f"{self.group}/providers/Microsoft.KeyVault/vaults/{self.name}"
        self.deleted = f"{provider.subscription}/providers/Microsoft.KeyVault/locations/local/deletedVaults/{self.name}"
        body = {"location": "local", "tags": {}}
        assert provider.arm("PUT", self.group, "2023-07-01", body).status in {200, 201}

    def body(self, **properties: Any) -> dict[str, Any]:
        """Give what is sent to make it."""
        base = {
            "accessPolicies": [],
            "enableRbacAuthorization": True,
            "enableSoftDelete": True,
            "enabledForDeployment": False,
            "enabledForDiskEncryption": False,
            "enabledForTemplateDeployment": False,
            "publicNetworkAccess": "Enabled",
            "sku": {"family": "A", "name": "standard"},
            "softDeleteRetentionInDays": 90,
            "tenantId": self.provider.tenant,
        }
        return {"location": "local", "properties": base | properties, "tags": {}}

    def create(self, **properties: Any) -> str:
        """Create it, in the provider's order, and give its URI."""
        provider = self.provider
        assert provider.arm("GET", self.id, VAULTS).status == 404
        assert provider.arm("GET", self.deleted, VAULTS).status == 404
        answer = provider.arm("PUT", self.id, VAULTS, self.body(**properties))
        assert answer.status in {200, 201, 202}
        provider.poll(answer)
        uri: str = provider.arm("GET", self.id, VAULTS).json["properties"]["vaultUri"]
        return uri


@pytest.fixture
def vault(provider: Provider, tag: str) -> Vault:
    """Make the group for a vault."""
    return Vault(provider, tag)


class TestKeyVault:
    """`azurerm_key_vault`."""

    def test_created_and_read(self, vault: Vault) -> None:
        """Looked for, also among the deleted; made and polled; asked without a token until it answers; read."""
        uri = vault.create()
        for _ in range(10):
            # Any answer counts, but it must come from the vault's own name.
            assert vault.provider.world.ask("GET", uri).status in {401, 404}
        host = urlsplit(uri).netloc.split(".")
        assert (host[0], host[1]) == (vault.name, "vault")
        read = vault.provider.arm("GET", vault.id, VAULTS).json
        assert read["id"] == vault.id
        assert read["location"] == "local"
        properties = read["properties"]
        assert properties["tenantId"] == vault.provider.tenant
        assert properties["sku"]["name"] == "standard"
        assert properties["softDeleteRetentionInDays"] == 90
        assert properties["enableRbacAuthorization"] is True
        # Contacts of certificates are read at the vault: that there are none may be said by either status.
        assert vault.provider.data("GET", f"{uri}certificates/contacts").status in {403, 404}

    def test_updated(self, vault: Vault) -> None:
        """Only what changed is sent, and the rest stays."""
        vault.create()
        patch = {"properties": {"enabledForDeployment": True, "networkAcls": {
            "bypass": "AzureServices", "defaultAction": "Allow", "ipRules": [], "virtualNetworkRules": []
        }}}  # fmt: skip
        answer = vault.provider.arm("PATCH", vault.id, VAULTS, patch)
        assert answer.status in {200, 201}
        properties = vault.provider.arm("GET", vault.id, VAULTS).json["properties"]
        assert (properties["enabledForDeployment"], properties["enableRbacAuthorization"]) == (True, True)

    def test_deleted_and_purged(self, vault: Vault) -> None:
        """Read, deleted, purged and polled, and asked about until it is gone."""
        vault.create()
        assert vault.provider.arm("DELETE", vault.id, VAULTS).status in {200, 204}
        assert vault.provider.arm("GET", vault.id, VAULTS).status == 404
        assert vault.provider.arm("GET", vault.deleted, VAULTS).status == 200
        answer = vault.provider.arm("POST", f"{vault.deleted}/purge", VAULTS)
        assert answer.status in {200, 202}
        vault.provider.poll(answer)
        assert vault.provider.arm("GET", vault.deleted, VAULTS).status == 404

    def test_recovered(self, vault: Vault) -> None:
        """One that is found among the deleted is made again with the mode `recover`, and has what it had."""
        vault.create(enabledForDeployment=True)
        vault.provider.arm("DELETE", vault.id, VAULTS)
        assert vault.provider.arm("GET", vault.deleted, VAULTS).status == 200
        answer = vault.provider.arm("PUT", vault.id, VAULTS, vault.body(createMode="recover"))
        assert answer.status in {200, 201, 202}
        vault.provider.poll(answer)
        assert vault.provider.arm("GET", vault.id, VAULTS).json["properties"]["provisioningState"] == "Succeeded"

    def test_access_policy(self, vault: Vault) -> None:
        """`azurerm_key_vault_access_policy`: added, found again by its object, replaced, and removed as it was read."""
        provider = vault.provider
        vault.create(enableRbacAuthorization=False)

        def send(kind: str, permissions: dict[str, list[str]]) -> list[dict[str, Any]]:
            entry = {"objectId": provider.claims["oid"], "permissions": permissions, "tenantId": provider.tenant}
            body = {"name": vault.name, "properties": {"accessPolicies": [entry]}}
            assert provider.arm("PUT", f"{vault.id}/accessPolicies/{kind}", VAULTS, body).status in {200, 201}
            found: list[dict[str, Any]] = []
            for _ in range(3):
                found = provider.arm("GET", vault.id, VAULTS).json["properties"]["accessPolicies"]
            return [one for one in found if one["objectId"].lower() == provider.claims["oid"]]

        # It compares lists, so another order than the configuration's would be a change in every plan.
        wanted = {"certificates": [], "keys": [], "secrets": ["Set", "Get"], "storage": []}
        (added,) = send("add", wanted)
        assert [one.lower() for one in added["permissions"]["secrets"]] == ["set", "get"]
        (added,) = send("replace", wanted | {"secrets": ["Get", "List"]})
        assert [one.lower() for one in added["permissions"]["secrets"]] == ["get", "list"]
        (replaced,) = send("replace", wanted | {"secrets": ["Get"]})
        assert [one.lower() for one in replaced["permissions"]["secrets"]] == ["get"]
        assert send("remove", replaced["permissions"]) == []


class TestSecret:
    """`azurerm_key_vault_secret`."""

    def test_its_life(self, vault: Vault) -> None:
        """Looked for, set, read by its URI through the list of resources, changed, deleted, purged."""
        provider, value = vault.provider, canary.plant()
        uri = vault.create(enableRbacAuthorization=False, accessPolicies=[{
            "objectId": provider.claims["oid"], "tenantId": provider.tenant,
            "permissions": {"certificates": [], "keys": [], "secrets": [
                "Get", "List", "Set", "Delete", "Purge", "Recover"], "storage": []},
        }])  # fmt: skip
        absent = provider.data("GET", f"{uri}secrets/s/")
        assert (absent.status, absent.error["code"]) == (404, "SecretNotFound")
        body = {"value": value, "tags": {}, "contentType": "", "attributes": {}}
        assert provider.data("PUT", f"{uri}secrets/s", body).status == 200
        read = provider.data("GET", f"{uri}secrets/s/").json
        assert (read["value"], read["contentType"], read.get("tags", {})) == (value, "", {})
        assert read["id"].startswith(f"{uri}secrets/s/")

        wanted = f"resourceType eq 'Microsoft.KeyVault/vaults' and name eq '{vault.name}'"
        listed = provider.arm("GET", f"{provider.subscription}/resources", "2020-06-01", filter=wanted, top="5")
        assert [one["id"] for one in listed.json["value"]] == [vault.id]
        every = provider.arm("GET", f"{provider.subscription}/providers/Microsoft.KeyVault/vaults", VAULTS, top="1000")
        assert vault.id in [one["id"] for one in every.json["value"]]

        patch = {"attributes": {"exp": int(provider.world.clock()) + 86400}, "contentType": "text/plain", "tags": {}}
        changed = provider.data("PATCH", f"{uri}secrets/s/", patch)
        assert (changed.status, changed.json["contentType"]) == (200, "text/plain")
        assert provider.data("DELETE", f"{uri}secrets/s").status == 200
        assert provider.data("GET", f"{uri}secrets/s/").status == 404
        assert provider.data("GET", f"{uri}deletedsecrets/s").status == 200
        assert provider.data("DELETE", f"{uri}deletedsecrets/s").status == 204
        assert provider.data("GET", f"{uri}deletedsecrets/s").status == 404

    def test_one_that_was_deleted_before(self, vault: Vault) -> None:
        """Setting it is refused with the code that the provider knows; it is recovered, awaited and set again."""
        provider, value = vault.provider, canary.plant()
        uri = vault.create(enableRbacAuthorization=False, accessPolicies=[{
            "objectId": provider.claims["oid"], "tenantId": provider.tenant,
            "permissions": {"secrets": ["Get", "Set", "Delete", "Recover"]},
        }])  # fmt: skip
        body = {"value": value, "tags": {}, "contentType": "", "attributes": {}}
        provider.data("PUT", f"{uri}secrets/s", body)
        provider.data("DELETE", f"{uri}secrets/s")
        refused = provider.data("PUT", f"{uri}secrets/s", body)
        assert (refused.status, refused.error["innererror"]["code"]) == (409, "ObjectIsDeletedButRecoverable")
        recovered = provider.data("POST", f"{uri}deletedsecrets/s/recover")
        assert recovered.status == 200
        assert provider.data("GET", recovered.json["id"]).status == 200
        assert provider.data("PUT", f"{uri}secrets/s", body).status == 200


class TestKey:
    """`azurerm_key_vault_key`."""

    def test_its_life(self, vault: Vault) -> None:
        """Looked for, made with a rotation policy, read, changed, deleted, purged."""
        provider = vault.provider
        uri = vault.create(enableRbacAuthorization=False, accessPolicies=[{
            "objectId": provider.claims["oid"], "tenantId": provider.tenant,
            "permissions": {"certificates": [], "keys": [
                "Get", "Create", "Update", "Delete", "Purge", "Recover", "GetRotationPolicy", "SetRotationPolicy",
            ], "secrets": [], "storage": []},
        }])  # fmt: skip
        absent = provider.data("GET", f"{uri}keys/k/")
        assert (absent.status, absent.error["code"]) == (404, "KeyNotFound")
        body = {"kty": "EC", "crv": "P-256", "key_ops": ["sign", "verify"], "attributes": {"enabled": True}, "tags": {}}
        made = provider.data("POST", f"{uri}keys/k/create", body)
        assert (made.status, made.json["key"]["key_ops"]) == (200, ["sign", "verify"])
        policy = {
            "attributes": {"expiryTime": "P90D"},
            "lifetimeActions": [
                {"action": {"type": "Notify"}, "trigger": {"timeBeforeExpiry": "P29D"}},
                {"action": {"type": "Rotate"}, "trigger": {"timeBeforeExpiry": "P30D"}},
            ],
        }
        assert provider.data("PUT", f"{uri}keys/k/rotationpolicy", policy).status == 200
        read = provider.data("GET", f"{uri}keys/k/").json
        assert read["key"] == made.json["key"]
        kept = provider.data("GET", f"{uri}keys/k/rotationpolicy").json
        assert {one["action"]["type"].lower() for one in kept["lifetimeActions"]} == {"notify", "rotate"}
        assert kept["attributes"]["expiryTime"] == "P90D"

        patch = {"key_ops": ["sign"], "attributes": {"enabled": True}, "tags": {"env": "test"}}
        changed = provider.data("PATCH", f"{uri}keys/k/", patch)
        assert (changed.status, changed.json["key"]["key_ops"], changed.json["tags"]) == (
            200,
            ["sign"],
            {"env": "test"},
        )
        assert provider.data("DELETE", f"{uri}keys/k").status == 200
        assert provider.data("GET", f"{uri}keys/k/").status == 404
        assert provider.data("GET", f"{uri}deletedkeys/k").status == 200
        assert provider.data("DELETE", f"{uri}deletedkeys/k").status == 204
        assert provider.data("GET", f"{uri}deletedkeys/k").status == 404


class TestRoleAssignment:
    """`azurerm_role_assignment`."""

    def test_its_life(self, vault: Vault) -> None:
        """The role is found by name, and its id is the one that the assignment has; read five times, then removed."""
        provider = vault.provider
        vault.create()
        rights = f"{vault.id}/providers/Microsoft.Authorization"
        found = provider.arm("GET", f"{rights}/roleDefinitions", DEFINITIONS, filter=f"roleName eq '{READER}'")
        (role,) = found.json["value"]
        given = f"{rights}/roleAssignments/{uuid.uuid4()}"
        assert provider.arm("GET", given, ASSIGNMENTS).status == 404
        body = {"properties": {
            "description": "", "principalId": provider.claims["oid"], "roleDefinitionId": role["id"]
        }}  # fmt: skip
        made = provider.arm("PUT", given, ASSIGNMENTS, body)
        assert made.status in {200, 201}
        assert made.json["id"] == given
        for _ in range(5):
            properties = provider.arm("GET", given, ASSIGNMENTS).json["properties"]
        assert properties["scope"] == vault.id
        assert properties["roleDefinitionId"] == role["id"]
        assert (properties["principalType"], properties["principalId"]) == ("ServicePrincipal", provider.claims["oid"])
        assert not properties.get("description")
        shown = provider.arm("GET", role["id"], DEFINITIONS)
        assert shown.json["properties"]["roleName"] == READER
        assert provider.arm("DELETE", given, ASSIGNMENTS).status in {200, 204}
        assert provider.arm("GET", given, ASSIGNMENTS).status == 404

    def test_a_principal_that_is_not_there_yet(self, vault: Vault) -> None:
        """400 with the code for which the provider waits and tries again."""
        provider = vault.provider
        vault.create()
        rights = f"{vault.id}/providers/Microsoft.Authorization"
        (role,) = provider.arm("GET", f"{rights}/roleDefinitions", DEFINITIONS, filter=f"roleName eq '{READER}'").json[
            "value"
        ]
        body = {"properties": {"description": "", "principalId": str(uuid.uuid4()), "roleDefinitionId": role["id"]}}
        refused = provider.arm("PUT", f"{rights}/roleAssignments/{uuid.uuid4()}", ASSIGNMENTS, body)
        assert (refused.status, refused.error["code"]) == (400, "PrincipalNotFound")


class TestApplication:
    """`azuread_application`, `azuread_application_password`, `azuread_service_principal`."""

    def create(self, provider: Provider, tag: str) -> dict[str, Any]:
        """Create an application under a name of the moment, with the caller as its owner, and name it."""
        caller = provider.claims["oid"]
        base = provider.cloud["microsoftGraphResourceId"].rstrip("/")
        assert provider.graph("GET", f"directoryObjects/{caller}").status == 200
        body = {
            "@odata.type": "#microsoft.graph.application",
            "api": {"acceptMappedClaims": None, "knownClientApplications": [], "oauth2PermissionScopes": [],
                    "requestedAccessTokenVersion": 1},
            "appRoles": [],
            "description": None,
            "displayName": f"TERRAFORM_UPDATE_{uuid.uuid4()}",
            "identifierUris": [],
            "info": {"marketingUrl": None, "privacyStatementUrl": None, "supportUrl": None, "termsOfServiceUrl": None},
            "isDeviceOnlyAuthSupported": False,
            "isFallbackPublicClient": False,
            "notes": None,
            "owners@odata.bind": [f"{base}/v1.0/directoryObjects/{caller}"],
            "publicClient": {"redirectUris": []},
            "requiredResourceAccess": [],
            "serviceManagementReference": None,
            "signInAudience": "AzureADMyOrg",
            "spa": {"redirectUris": []},
            "tags": [],
            "web": {"homePageUrl": None, "implicitGrantSettings": {
                "enableAccessTokenIssuance": False, "enableIdTokenIssuance": False},
                "logoutUrl": None, "redirectUris": []},
        }  # fmt: skip
        made = provider.graph("POST", "applications", body)
        assert made.status == 201, made.body
        assert made.json["@odata.type"] == "#microsoft.graph.application"
        path = f"applications/{made.json['id']}"
        named = {"@odata.type": "#microsoft.graph.application", "displayName": f"app-{tag}"}
        assert provider.graph("PATCH", path, named).status == 204
        application: dict[str, Any] = provider.graph("GET", path).json
        return application

    def test_application(self, provider: Provider, tag: str) -> None:
        """Created under a name of the moment, named, read with its owners, changed, deleted."""
        application = self.create(provider, tag)
        path = f"applications/{application['id']}"
        assert application["displayName"] == f"app-{tag}"
        owners = provider.graph("GET", f"{path}/owners").json["value"]
        assert [one["id"] for one in owners] == [provider.claims["oid"]]
        assert provider.graph("GET", path, version="beta").json["appId"] == application["appId"]
        wanted = quote(f"displayName eq 'app-{tag}'", safe="")
        found = provider.graph("GET", f"applications?$filter={wanted}")
        assert [one["id"] for one in found.json["value"]] == [application["id"]]
        assert provider.graph("DELETE", f"{path}/owners/{provider.claims['oid']}/$ref").status == 204
        assert provider.graph("GET", f"{path}/owners").json["value"] == []
        assert provider.graph("DELETE", path).status == 204
        assert provider.graph("GET", path).status == 404

    def test_password(self, provider: Provider, tag: str) -> None:
        """Added with the name and dates that are known, found among the application's, and removed."""
        application = self.create(provider, tag)
        path = f"applications/{application['id']}"
        body = {"passwordCredential": {"displayName": "terraform", "endDateTime": None, "startDateTime": None}}
        added = provider.graph("POST", f"{path}/addPassword", body)
        assert added.status == 200, added.body
        assert added.json["secretText"]
        listed = provider.graph("GET", path).json["passwordCredentials"]
        assert [(one["keyId"], one["displayName"]) for one in listed] == [(added.json["keyId"], "terraform")]
        assert provider.graph("POST", f"{path}/removePassword", {"keyId": added.json["keyId"]}).status == 204
        assert provider.graph("GET", path).json["passwordCredentials"] == []

    def test_service_principal(self, provider: Provider, tag: str) -> None:
        """Looked for by its application, created with its owner, changed, read, and deleted."""
        application = self.create(provider, tag)
        wanted = quote(f"appId eq '{application['appId']}'", safe="")
        assert provider.graph("GET", f"servicePrincipals?$filter={wanted}").json["value"] == []
        base = provider.cloud["microsoftGraphResourceId"].rstrip("/")
        body = {
            "@odata.type": "#microsoft.graph.servicePrincipal",
            "accountEnabled": True,
            "alternativeNames": [],
            "appId": application["appId"],
            "appRoleAssignmentRequired": False,
            "description": None,
            "loginUrl": None,
            "notes": None,
            "notificationEmailAddresses": [],
            "owners@odata.bind": [f"{base}/v1.0/directoryObjects/{provider.claims['oid']}"],
            "preferredSingleSignOnMode": None,
            "tags": [],
        }
        made = provider.graph("POST", "servicePrincipals", body)
        assert made.status == 201, made.body
        path = f"servicePrincipals/{made.json['id']}"
        patch = {"@odata.type": "#microsoft.graph.servicePrincipal", "tags": ["terraform"]}
        assert provider.graph("PATCH", path, patch).status == 204
        read = provider.graph("GET", path).json
        assert (read["appId"], read["tags"], read["servicePrincipalType"]) == (
            application["appId"], ["terraform"], "Application",
        )  # fmt: skip
        assert provider.claims["oid"] in [one["id"] for one in provider.graph("GET", f"{path}/owners").json["value"]]
        assert provider.graph("DELETE", path).status == 204
        assert provider.graph("GET", path).status == 404
