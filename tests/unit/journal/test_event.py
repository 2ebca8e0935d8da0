"""What is recorded of a request, in Azure's form, and what never is."""

import ast
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import strongroom
from strongroom.core.identity import Caller, PrincipalType
from strongroom.journal import Entry, Identity, Journal, encode
from strongroom.journal.event import ENTRY_BYTES, QUERY_PARAMETERS, redact
from strongroom.journal.properties import LIST_ITEMS, PROPERTIES, TEXT_CHARS

SCOPE = "/subscriptions/s1/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/contoso"


def caller(kind: PrincipalType, name: str | None = None) -> Caller:
    """Make a caller."""
    return Caller(
        tenant="t1",
        oid="o1",
        appid="a1",
        kind=kind,
        issuer="https://sts.windows.net/t1/",
        groups=frozenset({"g1"}),
        credential="c1",
        token_id="u1",
        appidacr="1",
        name=name,
    )


def entry(**fields: Any) -> Entry:
    """Make an entry of a secret that was read."""
    defaults: dict[str, Any] = {
        "time": 1_700_000_000.123456,
        "operation": "SecretGet",
        "status": 200,
        "duration_s": 0.0784,
        "resource_id": SCOPE,
        "operation_version": "7.4",
        "address": "203.0.113.7",
        "correlation_id": "c0ffee00-0000-4000-8000-000000000000",
        "identity": Identity.of(caller(PrincipalType.SERVICE_PRINCIPAL)),
        "client_info": "azsdk-python",
        "request_uri": "https://contoso.vault.azure.net/secrets/a/?api-version=7.4",
        "is_rbac_authorized": True,
    }
    return Entry(**defaults | fields)


def recorded(**fields: Any) -> dict[str, Any]:
    """Encode an entry and read it back."""
    found: dict[str, Any] = json.loads(encode(entry(**fields)))
    return found


def test_the_record_has_the_members_of_the_reference_in_its_order() -> None:
    """An entry is Azure's AuditEvent record, member by member (reference azure-key-vault.md section 7)."""
    record = recorded()
    assert list(record.items()) == [
        ("time", "2023-11-14T22:13:20.1234560Z"),
        ("resourceId", SCOPE.upper()),
        ("operationName", "SecretGet"),
        ("operationVersion", "7.4"),
        ("category", "AuditEvent"),
        ("resultType", "Success"),
        ("resultSignature", "OK"),
        ("resultDescription", ""),
        ("durationMs", "78"),
        ("callerIpAddress", "203.0.113.7"),
        ("correlationId", "c0ffee00-0000-4000-8000-000000000000"),
        (
            "identity",
            {
                "claim": {
                    "http://schemas.microsoft.com/identity/claims/objectidentifier": "o1",
                    "appid": "a1",
                    "oid": "o1",
                    "appidacr": "1",
                    "idtyp": "app",
                    "tid": "t1",
                }
            },
        ),
        (
            "properties",
            {
                "httpStatusCode": 200,
                "clientInfo": "azsdk-python",
                "requestUri": "https://contoso.vault.azure.net/secrets/a/?api-version=7.4",
                "isRbacAuthorized": True,
            },
        ),
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "1970-01-01T00:00:00.0000000Z"),
        (1_700_000_000.5, "2023-11-14T22:13:20.5000000Z"),
        (1_709_164_799.25, "2024-02-28T23:59:59.2500000Z"),
        (1_709_164_800.0, "2024-02-29T00:00:00.0000000Z"),
    ],
)
def test_a_time_is_utc_with_seven_digits(seconds: float, text: str) -> None:
    """The time is UTC and has seven digits of fraction."""
    assert recorded(time=seconds)["time"] == text


@pytest.mark.parametrize(
    ("status", "signature", "result"),
    [
        (200, "OK", "Success"),
        (201, "Created", "Success"),
        (204, "No Content", "Success"),
        (400, "Bad Request", "Success"),
        (401, "Unauthorized", "Success"),
        (403, "Forbidden", "Success"),
        (404, "Not Found", "Success"),
        (409, "Conflict", "Success"),
        (429, "Too Many Requests", "Success"),
        (500, "Internal Server Error", "Failure"),
        (503, "Service Unavailable", "Failure"),
        (299, "299", "Success"),
    ],
)
def test_the_signature_is_the_words_of_the_status(status: int, signature: str, result: str) -> None:
    """The result signature is the status in words; a refusal is a result, a fault of ours is not."""
    record = recorded(status=status)
    assert (record["resultSignature"], record["resultType"]) == (signature, result)
    assert record["properties"]["httpStatusCode"] == status


def test_a_user_is_named_in_both_older_and_newer_claims() -> None:
    """A user's principal name and object id stand under the flat names and under the two URIs."""
    user = replace(caller(PrincipalType.USER, "ann@contoso.test"), address="203.0.113.9")
    claim = recorded(identity=Identity.of(user))["identity"]["claim"]
    assert claim["http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"] == claim["upn"] == "ann@contoso.test"
    assert claim["http://schemas.microsoft.com/identity/claims/objectidentifier"] == claim["oid"] == "o1"
    assert (claim["unique_name"], claim["ipaddr"]) == ("ann@contoso.test", "203.0.113.9")


def test_a_request_without_a_verified_token_has_no_identity() -> None:
    """`identity` is an empty object where no token verified."""
    assert recorded(identity=None)["identity"] == {}


def test_a_property_that_is_not_listed_loses_its_value_and_keeps_its_name() -> None:
    """SEC-AUDIT-7: a handler's new property does not reach the journal until the table lists it."""
    text = encode(entry(properties={"secretValue": "hunter2", "tenantId": "t1"})).decode()
    assert "hunter2" not in text
    properties = json.loads(text)["properties"]
    assert properties["omitted"] == ["secretValue"]
    assert properties["tenantId"] == "t1"


@pytest.mark.parametrize("name", sorted(PROPERTIES))
def test_a_property_of_another_form_than_its_own_is_left_out(name: str) -> None:
    """SEC-AUDIT-7: under a listed name stands what the table says, not whatever somebody put there."""
    text = encode(entry(properties={name: b"hunter2"})).decode()
    assert "hunter2" not in text
    assert json.loads(text)["properties"]["omitted"] == [name]


def test_members_of_a_property_are_listed_too() -> None:
    """SEC-AUDIT-7: a value inside a listed property is left out, and so is its name, which may be a caller's."""
    properties = {
        "secretProperties": {"type": "text/plain", "value": "hunter2", "attributes": {"enabled": True, "x9": 1}}
    }
    text = encode(entry(properties=properties)).decode()
    assert "hunter2" not in text
    assert "x9" not in text
    assert json.loads(text)["properties"]["secretProperties"] == {"type": "text/plain", "attributes": {"enabled": True}}


def test_what_the_flow_established_stands_over_what_a_handler_says() -> None:
    """A handler cannot change the address or the status that its own answer is recorded with."""
    record = recorded(properties={"id": "https://elsewhere/secrets/b"}, object_uri="https://contoso/secrets/a")
    assert record["properties"]["id"] == "https://contoso/secrets/a"


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://v/secrets/a", "https://v/secrets/a"),
        ("https://v/secrets?api-version=7.4", "https://v/secrets?api-version=7.4"),
        ("https://v/secrets?api-version=2026-04-01", "https://v/secrets?api-version=2026-04-01"),
        ("https://v/secrets?api-version=7.6-preview.2", "https://v/secrets?api-version=7.6-preview.2"),
        ("https://v/secrets?api-version=hunter2", "https://v/secrets?api-version=REDACTED"),
        ("https://v/secrets?api-version=7.4&maxresults=25", "https://v/secrets?api-version=7.4&maxresults=25"),
        ("https://v/secrets?maxresults=hunter2", "https://v/secrets?maxresults=REDACTED"),
        ("https://v/s?$skiptoken=hunter2&api-version=7.4", "https://v/s?$skiptoken=REDACTED&api-version=7.4"),
        ("https://l/t/oauth2?code=hunter2&state=hunter2", "https://l/t/oauth2?code=REDACTED&state=REDACTED"),
        ("https://v/s?hunter2", "https://v/s?REDACTED"),
        ("https://v/s?hunter2=1", "https://v/s?REDACTED"),
        ("https://v/s?api%2Dversion=hunter2", "https://v/s?REDACTED"),
        ("https://v/s?api-version=7.4#hunter2", "https://v/s?api-version=7.4"),
        ("https://v/s#hunter2", "https://v/s"),
        ("https://v/s?", "https://v/s"),
        ("https://v/s?api-version=7.4\n", "https://v/s?api-version=REDACTED"),
    ],
)
def test_only_harmless_query_values_are_recorded(uri: str, shown: str) -> None:
    """SEC-AUDIT-7: of a query, api-version and maxresults keep a well-formed value; all else is redacted."""
    assert redact(uri) == shown
    assert recorded(request_uri=uri)["properties"]["requestUri"] == shown


def test_a_version_that_is_none_is_not_recorded() -> None:
    """SEC-AUDIT-7: operationVersion comes from the query, so a secret that strayed there is left out."""
    assert recorded(operation_version="hunter2")["operationVersion"] == ""


def test_a_query_is_cut_after_its_limit() -> None:
    """A query of thousands of parameters does not make an entry of thousands."""
    at_limit = "https://v/s?" + "&".join(["api-version=7.4"] * QUERY_PARAMETERS)
    assert redact(at_limit) == at_limit
    assert redact(at_limit + "&api-version=7.4" * 3000) == at_limit + "&REDACTED"


def test_texts_and_lists_are_cut_after_their_limit() -> None:
    """What a caller chose the length of is cut, so that an entry has a limit."""
    assert recorded(client_info="x" * TEXT_CHARS)["properties"]["clientInfo"] == "x" * TEXT_CHARS
    assert recorded(client_info="x" * (TEXT_CHARS + 1))["properties"]["clientInfo"] == "x" * TEXT_CHARS + "…"
    rules = [str(number) for number in range(LIST_ITEMS + 1)]
    assert recorded(properties={"accessPolicyObjectIds": rules})["properties"]["accessPolicyObjectIds"] == rules[:-1]


def test_no_entry_is_too_large_for_the_journal(journal: Journal) -> None:
    """What would not fit into a line loses what the handler added, and is recorded with the names of it."""
    large = {name: ["\x00" * TEXT_CHARS] * LIST_ITEMS for name in ("accessPolicyObjectIds", "vaultIds")}
    line = encode(entry(properties=large))
    assert len(line) <= ENTRY_BYTES
    assert json.loads(line)["properties"]["omitted"] == ["accessPolicyObjectIds", "vaultIds"]
    fits = entry(
        properties={"accessPolicyObjectIds": ["x" * 36] * LIST_ITEMS, "networkAcls": {"ipRules": ["x" * 43] * 1000}},
        description="\x00" * TEXT_CHARS,
        client_info="\x00" * TEXT_CHARS,
        reason="\x00" * TEXT_CHARS,
        request_uri="\x00" * 9000,
    )
    assert "omitted" not in json.loads(encode(fits))["properties"]
    journal.append(encode(fits))


def test_every_property_that_the_code_adds_is_listed() -> None:
    """Handlers add nothing whose value the journal would leave out."""
    source = Path(strongroom.__file__).parent
    added: dict[str, str] = {}
    for path in sorted(source.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        # What has none of the words adds nothing, and to look through all that the rest say takes seconds.
        if any(word in text for word in ("call.properties", "call.commit", "_describe")):
            for node in ast.walk(ast.parse(text)):
                added |= dict.fromkeys(names_added(node), str(path.relative_to(source)))
    assert {"id", "tokenId", "vaultIds", "networkAcls"} <= set(added), "the test finds what is added"
    assert {name: where for name, where in added.items() if name not in PROPERTIES} == {}


def names_added(node: ast.AST) -> list[str]:
    """Name the properties that a handler sets, that it updates with, or that the description of its commit has."""
    match node:
        case ast.Assign(
            targets=[ast.Subscript(value=ast.Attribute(attr="properties") as where, slice=ast.Constant(name))]
        ):
            return [str(name)] if ast.unparse(where) == "call.properties" else []
        case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="properties") as where, attr="update")):
            keywords = [keyword.arg for keyword in node.keywords if keyword.arg is not None]
            return keywords if ast.unparse(where) == "call.properties" else []
        case ast.Call(func=ast.Attribute(attr="commit") as where, args=[_, description]):
            return keys_in(description) if ast.unparse(where) == "call.commit" else []
        case ast.FunctionDef(name="_describe", args=ast.arguments(args=[ast.arg(annotation=ast.Name(kind))])):
            return keys_in(node) if kind in {"Call", "Vault", "RoleAssignment"} else []
        case _:
            return []


def keys_in(node: ast.AST) -> list[str]:
    """List the names in the outermost dictionary literals under *node*."""
    if isinstance(node, ast.Dict):
        return [str(key.value) for key in node.keys if isinstance(key, ast.Constant)]
    return [name for child in ast.iter_child_nodes(node) for name in keys_in(child)]


def test_an_entry_is_one_line_whatever_the_caller_sent() -> None:
    """Line ends and control characters of a caller's choosing are escaped."""
    line = encode(entry(client_info='a"}\n{"forged":true}\r\x1b[2J\u2028'))
    assert b"\n" not in line
    assert b"\r" not in line
    assert b"\x1b" not in line


def test_half_a_surrogate_pair_does_not_prevent_the_record() -> None:
    """A caller that sends what is no Unicode is recorded nevertheless."""
    record = recorded(client_info="a\ud800b", properties={"tenantId": "\udfff", "accessPolicyObjectIds": ["\ud800"]})
    assert record["properties"]["clientInfo"] == "a?b"
    assert record["properties"]["tenantId"] == "?"
    assert record["properties"]["accessPolicyObjectIds"] == ["?"]
