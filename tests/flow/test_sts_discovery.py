"""What clients find out before they ask for a token: metadata, key sets, instance discovery, user realm."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from strongroom.core import limits
from strongroom.core.network import Link
from strongroom.directory import signing_keys
from tests.world import Answer, Simulation

AZURE_LOGIN = "https://login.microsoftonline.com"


def get(world: Simulation, path: str, *, azure: bool = False) -> Answer:
    """Ask the token service, as our own host on the main listener or as Azure's on the control link."""
    if azure:
        return world.ask("GET", f"{AZURE_LOGIN}/{path}", link=Link.CONTROL)
    return world.ask("GET", f"{world.login_url}/{path}")


class TestMetadata:
    """OpenID provider metadata."""

    def test_v2_endpoints_are_on_the_host_asked(self, world: Simulation) -> None:
        """Own names with their port, and the tenant as its GUID."""
        tenant = world.first.tenant_id
        base = f"{world.login_url}/{tenant}"
        document = get(world, f"{tenant}/v2.0/.well-known/openid-configuration").json

        assert document["issuer"] == f"{base}/v2.0"
        assert document["token_endpoint"] == f"{base}/oauth2/v2.0/token"
        assert document["authorization_endpoint"] == f"{base}/oauth2/v2.0/authorize"
        assert document["jwks_uri"] == f"{base}/discovery/v2.0/keys"
        assert document["token_endpoint_auth_methods_supported"] == [
            "client_secret_post",
            "private_key_jwt",
            "client_secret_basic",
        ]
        assert document["id_token_signing_alg_values_supported"] == ["RS256"]
        assert document["msgraph_host"] == "graph.localhost:8443"
        assert document["userinfo_endpoint"] == "https://graph.localhost:8443/oidc/userinfo"

    def test_azures_name_gets_azures_documents(self, world: Simulation) -> None:
        """On the control link Azure's authority has its own name in every endpoint, and no port."""
        tenant = world.first.tenant_id
        document = get(world, f"{tenant}/v2.0/.well-known/openid-configuration", azure=True).json

        assert document["token_endpoint"] == f"{AZURE_LOGIN}/{tenant}/oauth2/v2.0/token"
        assert document["issuer"] == f"{AZURE_LOGIN}/{tenant}/v2.0"
        assert document["msgraph_host"] == "graph.microsoft.com"
        assert document["userinfo_endpoint"] == "https://graph.microsoft.com/oidc/userinfo"

    def test_v1_endpoints(self, world: Simulation) -> None:
        """The v1 document has v1's paths and v1's issuer, which every client trusts."""
        tenant = world.first.tenant_id
        document = get(world, f"{tenant}/.well-known/openid-configuration").json

        assert document["issuer"] == f"https://sts.windows.net/{tenant}/"
        assert document["token_endpoint"] == f"{world.login_url}/{tenant}/oauth2/token"
        assert document["jwks_uri"] == f"{world.login_url}/{tenant}/discovery/keys"

    @pytest.mark.parametrize("version", ["", "/v2.0"])
    def test_what_a_document_has_is_there(self, world: Simulation, version: str) -> None:
        """Entra's members but those for which there is nothing here (ADR 0014); every address leads somewhere."""
        document = get(world, f"{world.first.tenant_id}{version}/.well-known/openid-configuration").json
        assert set(document) == {
            "token_endpoint", "token_endpoint_auth_methods_supported", "jwks_uri", "response_modes_supported",
            "subject_types_supported", "id_token_signing_alg_values_supported", "response_types_supported",
            "scopes_supported", "issuer", "request_uri_parameter_supported", "userinfo_endpoint",
            "authorization_endpoint", "device_authorization_endpoint", "http_logout_supported",
            "frontchannel_logout_supported", "end_session_endpoint", "claims_supported", "cloud_instance_name",
            "msgraph_host",
        }  # fmt: skip
        assert (document["http_logout_supported"], document["frontchannel_logout_supported"]) == (True, False)
        statuses = {
            "token_endpoint": ("POST", 400),
            "jwks_uri": ("GET", 200),
            "authorization_endpoint": ("GET", 400),
            "device_authorization_endpoint": ("POST", 400),
            "end_session_endpoint": ("GET", 200),
            "userinfo_endpoint": ("GET", 401),
        }
        found = {name: world.ask(method, document[name]).status for name, (method, _) in statuses.items()}
        assert found == {name: status for name, (_, status) in statuses.items()}

    def test_a_domain_becomes_the_guid(self, world: Simulation) -> None:
        """A tenant may be asked for by its domain; what comes out is its GUID."""
        by_domain = get(world, "strongroom.localhost/v2.0/.well-known/openid-configuration").json
        assert by_domain == get(world, f"{world.first.tenant_id}/v2.0/.well-known/openid-configuration").json

    def test_the_alias_keeps_its_clients_on_its_paths(self, world: Simulation) -> None:
        """AD FS's document has AD FS's endpoints (reference clients.md R4), and the first tenant's issuer."""
        document = get(world, "adfs/.well-known/openid-configuration").json

        assert document["token_endpoint"] == f"{world.login_url}/adfs/oauth2/token"
        assert document["authorization_endpoint"] == f"{world.login_url}/adfs/oauth2/authorize"
        assert document["issuer"] == f"https://sts.windows.net/{world.first.tenant_id}/"

    @pytest.mark.parametrize("name", ["common", "organizations"])
    def test_documents_for_any_tenant_name_none(self, world: Simulation, name: str) -> None:
        """The issuer has a place for the tenant, literally `{tenantid}`."""
        document = get(world, f"{name}/v2.0/.well-known/openid-configuration").json

        assert document["issuer"] == f"{world.login_url}/{{tenantid}}/v2.0"
        assert document["token_endpoint"] == f"{world.login_url}/{name}/oauth2/v2.0/token"

    @pytest.mark.parametrize(("name", "number"), [("elsewhere.example", 90002), ("a_b", 900023)])
    @pytest.mark.parametrize(
        "path", ["v2.0/.well-known/openid-configuration", ".well-known/openid-configuration", "discovery/keys"]
    )
    def test_an_unknown_tenant(self, world: Simulation, name: str, number: int, path: str) -> None:
        """Discovery says `invalid_tenant` with status 400 (reference clients.md section 7)."""
        answer = get(world, f"{name}/{path}")
        assert (answer.status, answer.json["error"], answer.json["error_codes"]) == (400, "invalid_tenant", [number])


class TestKeys:
    """Key sets."""

    def keys(self, world: Simulation, path: str) -> list[dict[str, Any]]:
        """Read a key set."""
        keys: list[dict[str, Any]] = get(world, path).json["keys"]
        return keys

    def test_public_members_only(self, world: Simulation) -> None:
        """Pitfalls "Key set endpoint": the key set publishes no private member."""
        for path in ("discovery/keys", "discovery/v2.0/keys"):
            for key in self.keys(world, f"{world.first.tenant_id}/{path}"):
                assert set(key) == {"kty", "use", "kid", "x5t", "n", "e", "x5c", "issuer"}

    def test_a_key_is_named_by_its_certificate(self, world: Simulation) -> None:
        """The kid is the certificate's SHA-1 thumbprint, as Entra's are."""
        for key in self.keys(world, "adfs/discovery/keys"):
            certificate = x509.load_der_x509_certificate(base64.b64decode(key["x5c"][0]))
            digest = certificate.fingerprint(hashes.SHA1())  # noqa: S303  a name, as in the key set
            thumbprint = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            assert key["kid"] == key["x5t"] == thumbprint

    def test_two_keys_and_more_after_a_roll_over(self, world: Simulation) -> None:
        """At least two keys are published; a roll-over adds one before any token is signed with it."""
        tenant = world.first.tenant_id
        before = {key["kid"] for key in self.keys(world, f"{tenant}/discovery/keys")}
        assert len(before) == 2
        later = int(world.clock()) + limits.SIGNING_KEY_SIGNS_S
        (term,) = signing_keys.due(world.view.signing_keys(tenant), later)
        made = signing_keys.make_signing_key(world.keys, tenant, term, int(world.clock()))
        world.commit(lambda tx: signing_keys.roll_over(tx, tenant, [made], later))

        assert {key["kid"] for key in self.keys(world, f"{tenant}/discovery/keys")} == {*before, made.id}

    def test_a_revoked_key_is_not_published(self, world: Simulation) -> None:
        """SEC-TOKEN-3: emergency revocation takes a key out at once."""
        tenant = world.first.tenant_id
        kid = signing_keys.signs_now(world.view.signing_keys(tenant), int(world.clock())).id
        world.commit(lambda tx: signing_keys.revoke(tx, tenant, kid, int(world.clock())))

        assert kid not in {key["kid"] for key in self.keys(world, f"{tenant}/discovery/keys")}

    def test_the_common_set_says_whose_each_key_is(self, world: Simulation) -> None:
        """SEC-TOKEN-1: keys are never shared between tenants: each says the issuer it is for."""
        issuer = f"{world.login_url}/{world.first.tenant_id}/v2.0"
        assert {key["issuer"] for key in self.keys(world, "common/discovery/v2.0/keys")} == {issuer}


class TestInstanceDiscovery:
    """Which authorities this instance vouches for."""

    def ask(self, world: Simulation, endpoint: str, *, azure: bool = False) -> Answer:
        """Ask about an authority."""
        query = f"api-version=1.1&authorization_endpoint={quote(endpoint, safe='')}"
        return get(world, f"common/discovery/instance?{query}", azure=azure)

    @pytest.mark.parametrize("host", ["login.localhost:8443", "login.localhost", "LOGIN.localhost"])
    @pytest.mark.parametrize("azure", [False, True])
    def test_own_authority(self, world: Simulation, host: str, azure: bool) -> None:  # noqa: FBT001  a column of the table
        """Our own authority is vouched for with and without its port, and the answer has the port (clients.md 1.1)."""
        tenant = world.first.tenant_id
        answer = self.ask(world, f"https://{host}/{tenant}/oauth2/v2.0/authorize", azure=azure)

        assert answer.status == 200
        assert answer.json["tenant_discovery_endpoint"] == (
            f"https://login.localhost:8443/{tenant}/v2.0/.well-known/openid-configuration"
        )
        assert answer.json["api-version"] == "1.1"
        assert answer.json["metadata"][0]["aliases"] == ["login.localhost:8443", "login.localhost"]

    @pytest.mark.parametrize("host", ["login.microsoftonline.com", "login.windows.net", "sts.windows.net"])
    def test_azures_authority_on_the_control_link(self, world: Simulation, host: str) -> None:
        """Where Azure's names lead here, they are vouched for, with Azure's aliases."""
        answer = self.ask(world, f"https://{host}/common/oauth2/authorize", azure=True)

        assert (
            answer.json["tenant_discovery_endpoint"] == f"https://{host}/common/v2.0/.well-known/openid-configuration"
        )
        metadata = answer.json["metadata"][0]
        assert metadata["preferred_network"] == "login.microsoftonline.com"
        assert metadata["preferred_cache"] == "login.windows.net"
        assert "login.microsoftonline.com" in metadata["aliases"]

    @pytest.mark.parametrize(
        "endpoint",
        [
            "https://login.microsoftonline.com/common/oauth2/authorize",
            "https://evil.example/common/oauth2/authorize",
            "https://login.localhost.evil.example/common/x",
            "https://login.localhost:9/common/oauth2/authorize",
            "https://graph.localhost:8443/common/oauth2/authorize",
            "http://login.localhost:8443/common/oauth2/authorize",
            "https://user@login.localhost:8443/common/oauth2/authorize",
            "https://login.localhost:8443/",
            "https://login.localhost:8443/a b/x",
            "https://login.localhost:port/common/x",
            "https://[login.localhost/common/x",
            "login.localhost",
            "",
        ],
    )
    def test_any_other_authority(self, world: Simulation, endpoint: str) -> None:
        """SEC-NAME-15: instance discovery answers `invalid_instance` for any name that this instance does not serve."""
        answer = self.ask(world, endpoint)
        assert (answer.status, answer.json["error"], answer.json["error_codes"]) == (400, "invalid_instance", [50049])

    @pytest.mark.parametrize("endpoint", ["https://login.chinacloudapi.cn/common/x", "https://evil.example/common/x"])
    def test_names_that_are_not_served_on_the_control_link_either(self, world: Simulation, endpoint: str) -> None:
        """Being asked through the relay vouches for nothing that is not served."""
        assert self.ask(world, endpoint, azure=True).json["error"] == "invalid_instance"

    def test_without_an_authority(self, world: Simulation) -> None:
        """The question must name one."""
        answer = get(world, "common/discovery/instance?api-version=1.1")
        assert (answer.status, answer.json["error_codes"]) == (400, [90014])


class TestUserRealm:
    """How the users of a domain sign in."""

    @pytest.mark.parametrize(
        "user", ["admin%40strongroom.localhost", "nobody@strongroom.localhost", "x@Strongroom.Localhost"]
    )
    def test_our_domains_are_managed_whoever_asks(self, world: Simulation, user: str) -> None:
        """It goes by the domain: the answer for a user who exists is that for one who does not."""
        answer = get(world, f"common/userrealm/{user}?api-version=1.0").json
        assert (answer["ver"], answer["account_type"], answer["domain_name"]) == (
            "1.0",
            "Managed",
            "strongroom.localhost",
        )

    def test_the_path_has_no_case(self, world: Simulation) -> None:
        """Go's library writes `UserRealm`, and signs nobody in by a password without an answer."""
        user = world.first.user_name
        answer = get(world, f"common/UserRealm/{user}?api-version=1.0")
        assert (answer.status, answer.json) == (200, get(world, f"common/userrealm/{user}").json)

    @pytest.mark.parametrize("user", ["a@elsewhere.example", "adfs", "a@", "a%20b@c%20d"])
    def test_other_domains_are_unknown(self, world: Simulation, user: str) -> None:
        """What is no domain of ours is unknown, and nothing odd is echoed."""
        answer = get(world, f"common/userrealm/{user}?api-version=1.0").json
        assert answer["account_type"] == "Unknown"
        assert " " not in answer["domain_name"]


def test_azures_names_are_not_known_on_the_main_listener(world: Simulation) -> None:
    """SEC-NAME-5: Azure's names are aliases on the owner-only Unix socket and nowhere else."""
    answer = world.ask("GET", f"{AZURE_LOGIN}/common/discovery/keys")
    assert answer.status == 421
