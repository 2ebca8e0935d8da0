"""What is true of every data-plane request: hosts, paths, methods, api-versions (reference section 1.7)."""

from __future__ import annotations

import json

import pytest

from strongroom.core.api_versions import DATA_PLANE
from strongroom.core.builtin_roles import KEY_VAULT_SECRETS_USER
from strongroom.core.network import Link
from tests.flow.client import Client
from tests.flow.imported import in_pem, self_signed
from tests.plugins.canary import plant
from tests.world import START, Simulation

pytestmark = pytest.mark.usefixtures("restored")


# ---- names, hosts, versions -----------------------------------------------------------------------------------------


def test_ids_carry_the_host_that_was_asked(world: Simulation, name: str) -> None:
    """
    Ids are built from the asked host: its port if the URL had one, Azure's name through the relay (SEC-FLOW-22).

    Pitfalls.md: "ids that embed an ephemeral port break on restart": nothing of a host is stored.
    """
    Client(world).put(name)
    vault = world.vault.name
    for origin, link in (
        (f"https://{vault}.vault.localhost:8443", Link.PUBLIC),
        (f"https://{vault}.vault.localhost:8443", Link.CONTROL),
        (f"https://{vault}.vault.localhost", Link.CONTROL),
        (f"https://{vault}.vault.azure.net", Link.CONTROL),
        (f"https://{vault.upper()}.VAULT.azure.net", Link.CONTROL),
    ):
        client = Client(world, origin=origin, link=link)
        own = origin.lower()
        assert client.done("GET", f"/secrets/{name}")["id"].startswith(f"{own}/secrets/{name}/")
        assert client.done("DELETE", f"/secrets/{name}")["recoveryId"] == f"{own}/deletedsecrets/{name}"
        client.done("POST", f"/deletedsecrets/{name}/recover")


def test_a_port_of_443_is_no_part_of_an_id(world: Simulation, name: str) -> None:
    """`:443` means what no port means, so it is not in the ids."""
    client = Client(world, origin=f"https://{world.vault.name}.vault.azure.net:443", link=Link.CONTROL)
    assert client.put(name)["id"].startswith(f"https://{world.vault.name}.vault.azure.net/secrets/")


@pytest.mark.parametrize("path", ["//secrets/{}", "///secrets/{}/", "//secrets/{}/", "/secrets/{}//"])
def test_slashes_may_be_doubled(vault: Client, name: str, path: str) -> None:
    """Official clients send doubled leading slashes, and an empty version (section 1.7, operations.md section 2)."""
    bundle = vault.put(name)
    assert vault.done("GET", path.format(name)) == bundle


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/secrets/"),
        ("GET", "/deletedsecrets/"),
        ("GET", "/secrets/{}/versions/"),
        ("PUT", "/secrets/{}/"),
        ("POST", "/secrets/{}/backup/"),
        ("DELETE", "/secrets/{}/"),
        ("POST", "/deletedsecrets/{}/recover/"),
    ],
)
def test_one_trailing_slash_changes_nothing(vault: Client, name: str, method: str, path: str) -> None:
    """A path with a slash at its end is the path without it."""
    vault.put(name)
    if "deleted" in path and "{}" in path:
        vault.done("DELETE", f"/secrets/{name}")
    body = {"value": plant()} if method == "PUT" else None
    assert vault.ask(method, path.format(name), body=body).status == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/secrets//versions", 404),
        ("/secrets/{}/versions//", 404),
        ("/secrets//{}", 404),
        ("/Secrets/{}", 404),
        ("/keys//{}", 404),
        ("/certificates///{}/import", 404),
        ("/certificates//{}", 404),
    ],
)
def test_other_doubled_slashes_lead_nowhere(vault: Client, name: str, path: str, status: int) -> None:
    """An empty segment elsewhere, or a collection in another case, is a path that is not served."""
    vault.put(name)
    assert vault.ask("GET", path.format(name)).status == status


@pytest.mark.parametrize("kind", ["keys", "certificates"])
def test_what_the_clients_for_dotnet_leave_empty(vault: Client, name: str, kind: str) -> None:
    """They restore keys and certificates, and import certificates, with an empty segment after the collection."""
    if kind == "keys":
        vault.done("POST", f"/keys/{name}/create", body={"kty": "EC"})
    else:
        vault.done("POST", f"/certificates//{name}/import", body={"value": in_pem(*self_signed(START))})
    backup = vault.done("POST", f"/{kind}/{name}/backup")["value"]
    vault.done("DELETE", f"/{kind}/{name}")
    assert vault.ask("DELETE", f"/deleted{kind}/{name}").status == 204
    vault.done("POST", f"/{kind}//restore", body={"value": backup})
    assert vault.ask("GET", f"/{kind}/{name}").status == 200


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_empty_segment_leads_to_no_object_of_that_name(vault: Client, method: str) -> None:
    """`restore` and `wrapKey` may be names: what the clients for .NET leave empty is so in their own requests alone."""
    for name in ("restore", "wrapKey"):
        vault.done("POST", f"/keys/{name}/create", body={"kty": "EC"})
    body = {} if method == "PATCH" else None
    assert vault.ask(method, "/keys//restore", body=body).status == 404
    answer = vault.ask("POST", "/keys//restore", headers={"X-HTTP-Method": method}, body=body)
    assert answer.status == 404
    assert "invalid version: wrapKey" in vault.ask("GET", "/keys/wrapKey/wrapKey").error["message"]


@pytest.mark.parametrize("version", ["", "/", "/{}"], ids=["none", "empty", "named"])
def test_how_the_clients_for_dotnet_write_wrapping(vault: Client, name: str, version: str) -> None:
    """Their CryptographyClient writes the operations' names with a capital, as ASP.NET's data protection does by it."""
    key = vault.done("POST", f"/keys/{name}/create", body={"kty": "RSA"})["key"]["kid"]
    place = f"/keys/{name}{version.format(key.rpartition('/')[2])}"
    wrapped = vault.done("POST", f"{place}/wrapKey", body={"alg": "RSA-OAEP-256", "value": "AAECAw"})["value"]
    back = vault.done("POST", f"{place}/unwrapKey", body={"alg": "RSA-OAEP-256", "value": wrapped})["value"]
    assert back == "AAECAw"


@pytest.mark.parametrize("path", ["/", "/secret", "/keys-of-nobody", "/secrets/{}/a/b/c", "/secrets/{}/backup/x"])
def test_an_unknown_path_is_404(vault: Client, name: str, path: str) -> None:
    """A path that is not served is 404 in the vault's dialect and says nothing more."""
    answer = vault.ask("GET", path.format(name))
    assert answer.status == 404
    assert answer.error == {"code": "NotFound", "message": "The path is not one of this service's."}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/secrets/{}", "DELETE, GET, PATCH, PUT"),
        ("HEAD", "/secrets/{}", "DELETE, GET, PATCH, PUT"),
        ("PUT", "/secrets", "GET"),
        ("DELETE", "/secrets/{}/versions", "GET, PATCH"),
        ("OPTIONS", "/deletedsecrets/{}", "DELETE, GET"),
        ("GET", "/deletedsecrets/{}/recover", "POST"),
        ("TRACE", "/healthstatus", "GET"),
    ],
)
def test_another_method_is_405_and_says_which(vault: Client, name: str, method: str, path: str, allowed: str) -> None:
    """A served path with a method that is not is 405 in Azure's words (recorded 2025), the others in `Allow`."""
    answer = vault.ask(method, path.format(name))
    assert answer.status == 405
    assert answer.error == {"code": "MethodNotAllowed", "message": f"HTTP {method} not allowed"}
    assert answer.headers["allow"] == allowed


def test_without_an_api_version_nothing_is_done(world: Simulation, vault: Client, name: str) -> None:
    """`api-version` has no default: without it the answer is 400 `BadParameter`."""
    for url in (f"/secrets/{name}", f"/secrets/{name}?api-version=", f"/secrets/{name}?Api-Version=7.4"):
        answer = world.ask("PUT", world.vault_url + url, token=vault.token, body={"value": plant()})
        assert answer.status == 400
        assert answer.error["code"] == "BadParameter"
    assert vault.ask("GET", f"/secrets/{name}").status == 404


@pytest.mark.parametrize(
    ("version", "told"),
    [("7.9", "7.9"), ("2016-10-02", "2016-10-02"), ("7.6-preview.1", "7.6-preview.1"), ("latest", "REDACTED")],
)
def test_an_unknown_api_version_is_refused(vault: Client, name: str, version: str, told: str) -> None:
    """An unknown version is named if it could be one, with the latest one as advice (section 1.7)."""
    answer = vault.ask("GET", f"/secrets/{name}", version=version)
    assert answer.status == 400
    assert answer.error == {
        "code": "BadParameter",
        "message": (
            f"The specified version ({told}) is not recognized. Consider using the latest supported version"
            " (2026-04-01)."
        ),
    }


def test_an_api_version_given_twice_is_refused(vault: Client, name: str) -> None:
    """Two versions are one too many, even if they agree."""
    for second in ("2026-04-01", "7.0"):
        assert vault.ask("GET", f"/secrets/{name}", query=f"&api-version={second}").status == 400


@pytest.mark.parametrize("version", DATA_PLANE)
def test_every_version_sets_gets_and_deletes(vault: Client, name: str, version: str) -> None:
    """Every served api-version does the common operations, and the first one knows nothing of soft delete."""
    bundle = vault.done("PUT", f"/secrets/{name}", version=version, body={"value": plant()})
    assert vault.done("GET", f"/secrets/{name}", version=version) == bundle
    deleted = vault.done("DELETE", f"/secrets/{name}", version=version)
    recoverable = {"recoveryId", "deletedDate", "scheduledPurgeDate"}
    assert deleted.keys() & recoverable == (set() if version == "2015-06-01" else recoverable)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/deletedsecrets"),
        ("GET", "/deletedsecrets/{}"),
        ("DELETE", "/deletedsecrets/{}"),
        ("POST", "/deletedsecrets/{}/recover"),
        ("POST", "/secrets/{}/backup"),
        ("POST", "/secrets/restore"),
    ],
)
def test_an_operation_younger_than_the_version_is_unknown(vault: Client, name: str, method: str, path: str) -> None:
    """An api-version from before an operation does not know its path."""
    answer = vault.ask(method, path.format(name), version="2015-06-01")
    assert answer.status == 404
    assert answer.error["code"] == "NotFound"


@pytest.mark.parametrize(("wanted", "form"), [("application/x-pkcs12", "PFX"), ("application/x-pem-file", "PEM")])
@pytest.mark.parametrize("content_type", ["text/plain", "application/x-pkcs12"])
def test_a_plain_secret_is_not_converted(vault: Client, name: str, content_type: str, wanted: str, form: str) -> None:
    """`outContentType` asks for a certificate's secret in another form; of others it is 400 (recorded 2025, 2026)."""
    vault.put(name, contentType=content_type)
    answer = vault.ask("GET", f"/secrets/{name}/", query=f"&outContentType={wanted}")
    assert answer.status == 400
    assert answer.error == {
        "code": "BadParameter",
        "message": (
            f"The 'Unsupported' to '{form}' transformation is not supported. Only PFX to PEM transformation is"
            " supported."
        ),
    }


def test_an_unknown_out_content_type_is_refused(vault: Client, name: str) -> None:
    """Since 2025-07-01 the parameter is read, and another form than the two is 400; before, nobody reads it."""
    vault.put(name)
    query = "&outContentType=text/plain"
    answer = vault.ask("GET", f"/secrets/{name}/", query=query, version="2025-07-01")
    assert answer.status == 400
    assert answer.error["code"] == "BadParameter"
    assert vault.ask("GET", f"/secrets/{name}/", query=query, version="7.6").status == 200


# ---- method override ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["X-HTTP-Method", "X-HTTP-Method-Override", "X-HTTP-Request"])
def test_a_post_can_mean_another_method(vault: Client, name: str, header: str) -> None:
    """A client that can only POST says in a header what it means (SEC-FLOW-19, section 1.7)."""
    value = plant()
    vault.done("POST", f"/secrets/{name}", headers={header: "PUT"}, body={"value": value})
    assert vault.done("POST", f"/secrets/{name}", headers={header: "get"})["value"] == value
    vault.done("POST", f"/secrets/{name}", headers={header: " DELETE "})
    assert vault.ask("POST", f"/deletedsecrets/{name}", headers={header: "DELETE"}).status == 204


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_only_a_post_can_mean_another_method(vault: Client, name: str, method: str) -> None:
    """An override on any other method is 400, even one that names the same method (SEC-FLOW-19)."""
    vault.put(name)
    for meant in ("DELETE", method):
        answer = vault.ask(method, f"/secrets/{name}", headers={"X-HTTP-Method": meant}, body={"value": plant()})
        assert answer.status == 400
    assert vault.ask("GET", f"/secrets/{name}").status == 200


def test_overrides_that_differ_are_refused(vault: Client, name: str) -> None:
    """Two overrides that contradict each other are 400; two that agree are one (SEC-FLOW-19)."""
    vault.put(name)
    headers = {"X-HTTP-Method": "GET", "X-HTTP-Method-Override": "DELETE"}
    assert vault.ask("POST", f"/secrets/{name}", headers=headers).status == 400
    assert vault.ask("POST", f"/secrets/{name}", headers=dict.fromkeys(headers, "GET")).status == 200


@pytest.mark.parametrize("meant", ["HEAD", "TRACE", "", "GET, DELETE", "G\u00c9T"])
def test_an_override_names_a_method_of_the_service(vault: Client, name: str, meant: str) -> None:
    """An override to anything but the methods that are served is 400."""
    vault.put(name)
    assert vault.ask("POST", f"/secrets/{name}", headers={"X-HTTP-Method": meant}).status == 400


def test_an_override_decides_what_is_permitted(world: Simulation, vault: Client, name: str) -> None:
    """The right that is asked for is the meant operation's: an override is applied before all else (SEC-FLOW-19)."""
    vault.put(name)
    reader = world.principal()
    world.grant(reader.oid, KEY_VAULT_SECRETS_USER, world.vault.scope)
    client = Client(world, reader)
    assert client.ask("POST", f"/secrets/{name}", headers={"X-HTTP-Method": "GET"}).status == 200
    refused = client.ask("POST", f"/secrets/{name}", headers={"X-HTTP-Method": "DELETE"})
    assert refused.status == 403
    assert "secrets/delete" in refused.error["message"]
    assert world.entries()[-1]["operationName"] == "SecretDelete"


# ---- the health diagnostic ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", [None, "127.0.0.1:8443", "203.0.113.1", "[::1]:8443"])
@pytest.mark.parametrize(
    ("peer", "told"),
    [
        ("203.0.113.7", "conn_type=Ipv4;addr=203.0.113.7;act_addr_fam=InterNetwork;"),
        ("::ffff:203.0.113.7", "conn_type=Ipv4;addr=203.0.113.7;act_addr_fam=InterNetwork;"),
        ("2001:db8::7", "conn_type=Ipv6;addr=2001:db8::7;act_addr_fam=InterNetworkV6;"),
        ("fe80::1%eth0", "conn_type=Ipv6;addr=fe80::1;act_addr_fam=InterNetworkV6;"),
    ],
)
def test_health_status_tells_the_address(world: Simulation, host: str | None, peer: str, told: str) -> None:
    """
    `/healthstatus` answers anyone, by name and by address, with the address it saw: the firewall's diagnostic.

    The address is told as it is matched (SEC-FLOW-9): mapped ones as IPv4, without a zone.
    """
    answer = world.ask("GET", f"{world.vault_url}/healthstatus", host=host, peer=peer)
    assert answer.status == 200
    assert len(answer.body) == 4
    assert json.loads(answer.body) == "OK"
    assert answer.headers["x-ms-keyvault-network-info"] == told


def test_by_address_there_is_nothing_else(world: Simulation, vault: Client, name: str) -> None:
    """A host that is an address is no vault: every other path is 404, even with the administrator's token."""
    vault.put(name)
    for path in (f"/secrets/{name}", "/secrets", "/"):
        answer = vault.ask("GET", path, host="127.0.0.1:8443")
        assert answer.status == 404
        assert answer.error["code"] == "NotFound"
        assert world.vault.name not in answer.body.decode()
