"""
A web API in ASP.NET acts on behalf of whoever called it: Azure MCP Server, secured by Microsoft.Identity.Web.

Arguments: the command that starts it. It is told by its settings alone who it is.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time

import httpx
import msal

AUTHORITY = f"https://login.microsoftonline.com/{os.environ['TENANT']}"
PLACE = ("127.0.0.1", int(os.environ["PORT"]))
SETTINGS = {
    "ASPNETCORE_URLS": f"http://{PLACE[0]}:{PLACE[1]}",
    "AzureAd__Instance": "https://login.microsoftonline.com/",
    "AzureAd__TenantId": os.environ["TENANT"],
    "AzureAd__ClientId": os.environ["API_ID"],
    "AzureAd__ClientCredentials__0__SourceType": "ClientSecret",
    "AzureAd__ClientCredentials__0__ClientSecret": os.environ["API_SECRET"],
}


def called_with() -> str:
    """Sign the user in to the program that calls the API, and give the token that it calls with."""
    app = msal.PublicClientApplication(os.environ["WEB_ID"], authority=AUTHORITY)
    told = app.acquire_token_by_username_password(
        os.environ["USER_NAME"],
        os.environ["USER_PASSWORD"],
        scopes=[f"api://{os.environ['API_ID']}/{os.environ['SCOPE']}"],
    )
    assert "access_token" in told, told
    return str(told["access_token"])


def ask(client: httpx.Client, method: str, params: object) -> dict[str, object]:
    """Ask the API something; the answer is an event."""
    answer = client.post("/", json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    assert answer.status_code == 200, (answer.status_code, answer.headers.get("www-authenticate"))
    # What comes after the first is of the same session.
    client.headers.update({name: answer.headers[name] for name in ("mcp-session-id",) if name in answer.headers})
    found: dict[str, object] = json.loads(answer.text.partition("data: ")[2])["result"]
    return found


def use(client: httpx.Client, command: str, **options: str) -> dict[str, object]:
    """Have the API open the vault with the rights of whoever asks."""
    vault = {"vault": os.environ["KEY_VAULT_NAME"], "subscription": os.environ["AZURE_SUBSCRIPTION_ID"]}
    told = ask(client, "tools/call", {"name": f"keyvault_{command}", "arguments": vault | options})
    text: dict[str, object] = json.loads(told["content"][0]["text"])  # type: ignore[index]  # the protocol's shape
    assert text["status"] == 200, text
    return text


def main() -> None:
    """Ask without a token, with one that is not for it, and with one that is."""
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}}
    headers = {"Accept": "application/json, text/event-stream"}
    with httpx.Client(base_url=SETTINGS["ASPNETCORE_URLS"], headers=headers, trust_env=False, timeout=60) as client:
        body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
        token = called_with()
        for wrong in ({}, {"Authorization": f"Bearer {token[:-8]}{token[-8:][::-1]}"}):
            assert client.post("/", json=body, headers=wrong).status_code == 401
        client.headers["Authorization"] = f"Bearer {token}"
        ask(client, "initialize", hello)
        use(client, "secret_create", secret="by-a-web-api", value=os.environ["VALUE"])
        got = use(client, "secret_get", secret="by-a-web-api")
        assert os.environ["VALUE"] in json.dumps(got)


with tempfile.TemporaryFile("w+") as log:
    server = subprocess.Popen(sys.argv[1:], env={**os.environ, **SETTINGS}, stdout=log, stderr=log)
    try:
        while True:
            assert server.poll() is None, "it did not start"
            try:
                socket.create_connection(PLACE, 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                break
        main()
    except BaseException:
        log.seek(0)
        sys.stderr.write(log.read()[-4000:])
        raise
    finally:
        server.terminate()
        server.wait(30)
print("done")
