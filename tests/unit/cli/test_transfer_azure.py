"""A vault of Azure: where its token goes, how patient the client is, and what a vault says no to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from strongroom.cli.remote.session import Refused
from strongroom.cli.transfer.azure import AzureVault, NoAzureVault, vault_base
from strongroom.cli.transfer.histories import Version
from strongroom.cli.transfer.key_vault import Pace, VaultSecrets
from strongroom.cli.transfer.transfer import SecretFault, TransferEnded
from tests.plugins import canary

BASE = "https://v.vault.azure.net"
TOKEN = "azure-token-of-the-unit-tests"
canary.remember(TOKEN)


class Credential:
    """A credential that tells what it was asked for."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.scopes: list[str] = []
        self.refuses = refuses

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """Give a token."""
        self.scopes += scopes
        if self.refuses:
            raise ClientAuthenticationError("No account is signed in.\nlong explanation")
        return AccessToken(TOKEN, 4_000_000_000)


def _vault(respond: Callable[[httpx.Request], httpx.Response], credential: Credential | None = None) -> AzureVault:
    client = httpx.Client(transport=httpx.MockTransport(respond))
    return AzureVault(BASE, credential or Credential(), client, sleep=lambda _seconds: None)


@pytest.mark.parametrize(
    "url",
    [
        "http://v.vault.azure.net",
        "https://v.vault.azure.net.example",
        "https://vault.azure.net",
        "https://user@v.vault.azure.net",
        "https://v.vault.azure.net:8443",
        "https://v.vault.azure.net:port",
        "https://a.b.vault.azure.net",
        "v",
    ],
)
def test_a_token_goes_to_vaults_of_azure_alone(url: str) -> None:
    """Another host, port or scheme is refused before a token is asked for."""
    with pytest.raises(NoAzureVault, match=r"https://NAME\.vault\.azure\.net"):
        vault_base(url)


def test_the_tokens_resource_is_the_vaults_own_cloud() -> None:
    """A sovereign cloud's vault takes its own tokens."""
    assert vault_base("https://V.vault.azure.cn/") == "https://v.vault.azure.cn"
    credential = Credential()
    _vault(lambda _request: httpx.Response(200, json={"value": []}), credential).request("GET", "secrets")
    assert credential.scopes == ["https://vault.azure.net/.default"]


def test_a_list_goes_on_as_azure_writes_it() -> None:
    """Its link has the port, and an opaque token whose characters stay as they are."""
    asked: list[httpx.URL] = []
    query = "api-version=7.4&$skiptoken=eyJO+/Z%3D&maxresults=25"

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        more = {"nextLink": f"{BASE}:443/secrets?{query}"} if len(asked) == 1 else {"nextLink": None}
        return httpx.Response(200, json={"value": [{"id": f"{BASE}/secrets/s{len(asked)}"}], **more})

    assert len(list(_vault(respond).pages("secrets"))) == 2
    assert (asked[1].host, asked[1].port, asked[1].query) == ("v.vault.azure.net", None, query.encode())


@pytest.mark.parametrize(
    "link",
    [
        "https://v.vault.azure.net.example/secrets",
        "https://v.vault.azure.net:8443/secrets",
        "https://v.vault.azure.net:443@example.com/secrets",
        "https://v.vault.azure.net:x/secrets",
        "https://w.vault.azure.net/secrets",
        "http://v.vault.azure.net/secrets",
    ],
)
def test_a_list_that_goes_on_elsewhere_gets_no_token(link: str) -> None:
    """The link of a list is followed within the vault alone."""
    hosts: list[str] = []

    def respond(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        return httpx.Response(200, json={"value": [], "nextLink": link})

    with pytest.raises(TransferEnded, match="another host"):
        list(_vault(respond).pages("secrets"))
    assert hosts == ["v.vault.azure.net"]


def test_a_busy_vault_is_asked_again() -> None:
    """429 and the passing 5xx are waited for; then the answer counts."""
    answers = [
        httpx.Response(429, headers={"Retry-After": "3"}),
        httpx.Response(503),
        httpx.Response(200, json={"a": 1}),
    ]

    assert _vault(lambda _request: answers.pop(0)).request("GET", "secrets/x") == {"a": 1}


def test_a_vault_that_stays_busy_ends_it() -> None:
    """After five tries."""
    asked = 0

    def respond(_request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return httpx.Response(503, text="<html>")

    with pytest.raises(Refused) as refused:
        _vault(respond).request("GET", "secrets/x")
    assert (refused.value.status, asked) == (503, 5)


def test_a_secret_is_not_set_twice() -> None:
    """A passing 5xx may come after it was set; 429 comes before."""
    answers = [httpx.Response(429), httpx.Response(503), httpx.Response(200, json={})]
    with pytest.raises(Refused, match="may have been done"):
        _vault(lambda _request: answers.pop(0)).request("PUT", "secrets/x", {})
    assert len(answers) == 1


def test_a_page_of_a_proxy_is_no_answer() -> None:
    """What is no JSON ends the transfer with a sentence."""
    with pytest.raises(TransferEnded, match="is there a proxy before it"):
        _vault(lambda _request: httpx.Response(200, text="<html>sign in</html>")).request("GET", "secrets/a")


def test_no_account_is_said_in_a_line() -> None:
    """What the credential tells first is what the user has to do."""
    with pytest.raises(TransferEnded, match=r"^Azure gave no token\. No account is signed in\.$"):
        _vault(lambda _request: httpx.Response(200), Credential(refuses=True)).request("GET", "secrets")


def _error(status: int, code: str, inner: str | None = None) -> httpx.Response:
    error: dict[str, Any] = {"code": code, "message": "no"}
    return httpx.Response(status, json={"error": error | ({"innererror": {"code": inner}} if inner else {})})


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (_error(403, "Forbidden", "ForbiddenByRbac"), SecretFault),
        (_error(409, "Conflict", "ObjectIsDeletedButRecoverable"), SecretFault),
        (_error(403, "Forbidden", "ForbiddenByFirewall"), TransferEnded),
        (_error(401, "Unauthorized"), TransferEnded),
        (httpx.Response(301, headers={"Location": "https://elsewhere.example"}), TransferEnded),
    ],
)
def test_what_is_about_one_secret_and_what_is_about_all(answer: httpx.Response, fault: type[Exception]) -> None:
    """A firewall's or a token's refusal would come for every secret."""
    with pytest.raises(fault):
        VaultSecrets(BASE, _vault(lambda _request: answer)).write("x", Version("v"))


def _listing(request: httpx.Request) -> httpx.Response:
    """Answer as a vault with one secret of three versions, two of one second, and one disabled."""
    path = request.url.path
    bundles = {
        version: {"id": f"{BASE}/secrets/x/{version}", "attributes": {"enabled": enabled, "created": created}}
        for version, enabled, created in (("aa", True, 7), ("bb", True, 7), ("cc", False, 6))
    }
    if path == "/secrets/x/versions":
        return httpx.Response(200, json={"value": list(bundles.values())})
    version = path.removeprefix("/secrets/x").strip("/") or "aa"
    return httpx.Response(200, json={**bundles[version], "value": f"value {version}"})


def test_a_vault_that_is_none_lacks_no_secret() -> None:
    """A rehearsal would say that everything can be copied to it."""
    with pytest.raises(TransferEnded, match="VaultNotFound"):
        VaultSecrets(BASE, _vault(lambda _request: _error(404, "VaultNotFound"))).find("x")
    assert VaultSecrets(BASE, _vault(lambda _request: _error(404, "SecretNotFound"))).find("x") is None


def test_a_name_is_no_path() -> None:
    """Whatever a vault lists, nothing is asked for but a secret."""
    names = ["..", "x?y", "x%2Fy", "x-1"]
    items = [{"id": f"{BASE}/secrets/{name}"} for name in names]
    named, unusable = VaultSecrets(BASE, _vault(lambda _: httpx.Response(200, json={"value": items}))).listed()
    assert [one.name for one in named] == names[3:]
    assert [one.original for one in unusable] == names[:3]


def test_the_current_version_is_the_last_of_its_second() -> None:
    """Times are whole seconds, so the vault's word on what is current decides."""
    history = VaultSecrets(BASE, _vault(_listing)).read("x")

    assert [one.origin for one in history.versions] == ["bb", "aa"]
    assert history.unread == ("version cc is disabled, so its value is not told",)
    assert not history.is_newest_unread


def test_a_newest_version_that_is_disabled_is_told() -> None:
    """The one before it is not what programs get."""

    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/secrets/x":
            return _error(403, "Forbidden", "SecretDisabled")
        if request.url.path == "/secrets/x/versions":
            versions = [("aa", True, 6), ("bb", False, 7)]
            return httpx.Response(200, json={"value": [
                {"id": f"{BASE}/secrets/x/{name}", "attributes": {"enabled": enabled, "created": created}}
                for name, enabled, created in versions
            ]})  # fmt: skip
        return _listing(request)

    history = VaultSecrets(BASE, _vault(respond)).read("x")
    assert ([one.origin for one in history.versions], history.is_newest_unread) == (["aa"], True)


def test_a_version_waits_for_the_second_after_what_is_there() -> None:
    """A run that was ended may have written the newest of this second; the first version of a name waits for none."""
    waited: list[float] = []
    there = VaultSecrets(BASE, _vault(_listing), Pace(clock=lambda: 5.25, sleep=waited.append))

    there.write("x", Version("v"))
    assert waited == []

    there = VaultSecrets(BASE, _vault(_listing), Pace(clock=lambda: 5.25, sleep=waited.append))
    there.find("x")
    there.write("x", Version("v"))
    assert waited == [1.0]


def test_what_stays_behind_is_told() -> None:
    """Keys and certificates are named, as far as the caller may see them."""

    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/keys":
            return httpx.Response(200, json={"value": [{"kid": f"{BASE}/keys/k"}]})
        return _error(403, "Forbidden", "ForbiddenByRbac")

    keys, certificates = VaultSecrets(BASE, _vault(respond)).notes()
    assert keys.startswith("1 keys stay behind, since a vault lets no private key out: ")
    assert keys.endswith(": k")
    assert certificates.startswith("certificates were not looked for: 403 ForbiddenByRbac")


def test_a_certificates_secret_stays_with_it() -> None:
    """It is managed: whoever wants it takes the certificate."""

    def respond(_request: httpx.Request) -> httpx.Response:
        items = [{"id": f"{BASE}/secrets/a"}, {"id": f"{BASE}/secrets/b", "managed": True}]
        return httpx.Response(200, json={"value": items})

    named, unusable = VaultSecrets(BASE, _vault(respond)).listed()
    assert [one.name for one in named] == ["a"]
    assert [one.original for one in unusable] == ["b"]
