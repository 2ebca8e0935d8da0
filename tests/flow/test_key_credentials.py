"""Graph's keyCredentials: what is registered, what is shown, and how an application rolls over its own."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from strongroom.core import limits
from tests.assertions import (
    DAY,
    Signer,
    ec_key,
    make_signer,
    rsa_key,
)
from tests.flow.certificates import Client, b64, credential
from tests.flow.graph import Graph
from tests.world import START, Answer, Simulation

NOW = int(START)


@pytest.fixture(scope="module")
def graph(world: Simulation) -> Graph:
    """Graph, as the Global Administrator has it."""
    return Graph(world, world.administrator)


@pytest.fixture
def client(world: Simulation, graph: Graph) -> Client:
    """Make an application with an RSA certificate."""
    return Client(world, make_signer(now=NOW), graph)


class TestKeyCredentials:
    """Graph's keyCredentials, as az, azuread and the portal send them."""

    def refused(self, graph: Graph, application: str, *credentials: dict[str, Any]) -> str:
        """Register what cannot be registered, and give the sentence; nothing has changed."""
        before = graph.get(f"applications/{application}")["keyCredentials"]
        answer = graph.ask("PATCH", f"applications/{application}", {"keyCredentials": list(credentials)})
        assert (answer.status, answer.error["code"]) == (400, "Request_BadRequest"), answer.body
        assert graph.get(f"applications/{application}")["keyCredentials"] == before
        message: str = answer.error["message"]
        return message

    def test_what_is_shown(self, client: Client) -> None:
        """Its name, dates and thumbprint, and the certificate itself only where it is asked for by name."""
        (shown,) = client.credentials()
        facts = client.signer.certificate
        assert shown == {
            "customKeyIdentifier": client.signer.sha1.hex().upper(),
            "displayName": "CN=client",
            "endDateTime": facts.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "key": None,
            "keyId": client.key_id,
            "startDateTime": facts.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "type": "AsymmetricX509Cert",
            "usage": "Verify",
        }
        assert client.credentials("?$select=keyCredentials")[0]["key"] == client.signer.base64
        listed = client.graph.get("applications?$select=id,keyCredentials&$top=999")["value"]
        assert all(one["key"] is None for found in listed for one in found["keyCredentials"])

    def test_made_with_the_application(self, graph: Graph) -> None:
        """`az ad sp create-for-rbac --cert` registers it at once; pem works as well as DER."""
        signer = make_signer(now=NOW)
        pem = b64(signer.certificate.public_bytes(Encoding.PEM))
        made = graph.make(
            "applications", {"displayName": "with", "keyCredentials": [credential(signer, key=pem, displayName="one")]}
        )
        (shown,) = made["keyCredentials"]
        assert (shown["displayName"], shown["customKeyIdentifier"]) == ("one", signer.sha1.hex().upper())

    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_in_lines(self, graph: Graph, end: str) -> None:
        """`az ad app credential reset --cert` sends what stands between the first and the last line of a PEM file."""
        signer = make_signer(now=NOW)
        lines = signer.certificate.public_bytes(Encoding.PEM).decode().splitlines()[1:-1]
        made = graph.add_application()
        sent = {
            "@odata.type": "#microsoft.graph.keyCredential",
            "displayName": None,
            "endDateTime": "2026-12-01T00:00:00Z",
            "key": end.join(lines) + end,
            "keyId": "bbbbbbbb-0000-4000-8000-000000000001",
            "startDateTime": "2026-09-21T14:00:00Z",
            "type": "AsymmetricX509Cert",
            "usage": "Verify",
        }
        graph.do("PATCH", f"applications/{made['id']}", {"keyCredentials": [sent]})
        (shown,) = graph.get(f"applications/{made['id']}?$select=keyCredentials")["keyCredentials"]
        assert (shown["key"], shown["keyId"]) == (signer.base64, sent["keyId"])

    def test_members_of_the_clients_choice(self, client: Client) -> None:
        """keyId, dates inside the certificate's, and the identifier are the client's to choose."""
        key_id = "AAAAAAAA-0000-4000-8000-000000000001"
        client.graph.do(
            "PATCH",
            f"applications/{client.app.application}",
            {
                "keyCredentials": [
                    credential(
                        client.signer,
                        keyId=key_id,
                        startDateTime="2026-09-21T14:00:00Z",
                        endDateTime="2026-12-01T00:00:00.5Z",
                        customKeyIdentifier=b64(b"mine"),
                    )
                ]
            },
        )
        (shown,) = client.credentials()
        assert (shown["keyId"], shown["customKeyIdentifier"]) == (key_id.lower(), b64(b"mine"))
        assert (shown["startDateTime"], shown["endDateTime"]) == ("2026-09-21T14:00:00Z", "2026-12-01T00:00:00Z")

    def test_a_list_is_sent_back(self, client: Client) -> None:
        """What was shown changes nothing, a thumbprint in hexadecimal too; one may be sent in base64."""
        (shown,) = client.credentials()
        for identifier in (shown["customKeyIdentifier"], b64(client.signer.sha1)):
            body = {"keyCredentials": [{**shown, "customKeyIdentifier": identifier}]}
            client.graph.do("PATCH", f"applications/{client.app.application}", body)
            assert client.credentials() == [shown]

    def test_called_by_its_subject(self, graph: Graph) -> None:
        """A certificate without a display name is called by its subject in Windows's spelling, the last part first."""
        names = (NameOID.COUNTRY_NAME, "AU"), (NameOID.STATE_OR_PROVINCE_NAME, "Some-State")
        signer = make_signer(now=NOW, subject=x509.Name([x509.NameAttribute(*one) for one in names]))
        body = {"displayName": "with", "keyCredentials": [credential(signer, displayName=None)]}
        (shown,) = graph.make("applications", body)["keyCredentials"]
        assert shown["displayName"] == "S=Some-State, C=AU"

    def test_what_cannot_be_registered(self, client: Client) -> None:
        """Each with a sentence that says why, and nothing of what was sent."""
        weak = make_signer(rsa_key(bits=1024), now=NOW)
        curve = make_signer(ec.generate_private_key(ec.SECP384R1()), now=NOW)
        small = client.signer.base64[:200]
        # A certificate says times from 2050 on with four digits for the year, so a year that no calendar has fits in.
        later = int(dt.datetime(2050, 1, 1, tzinfo=dt.UTC).timestamp())
        yearless = make_signer(now=later, begins=0).der.replace(b"20500101000000Z", b"00000101000000Z")
        of_version_10 = make_signer(now=later).der.replace(b"\2\1\2", b"\2\1\x09", 1)
        start = "Key credential start date is invalid"
        end = "Key credential end date is invalid"
        for sent, said in (
            (credential(weak), "2048 to 8192 bits"),
            (credential(curve), "P-256"),
            (credential(client.signer, key=b64(yearless)), "not a valid X.509 certificate"),
            (credential(client.signer, key=small), "not a valid X.509 certificate"),
            (credential(client.signer, key=b64(of_version_10)), "not a valid X.509 certificate"),
            (credential(client.signer, key="%%%"), "not in base64"),
            (credential(client.signer, key=b64(client.signer.pem)), "A private key was sent along"),
            (credential(client.signer, type="Symmetric"), "must be of type"),
            (credential(client.signer, usage="Sign"), "must be of type"),
            (credential(client.signer, keyId="x" * 36), "$.keyCredentials[0].keyId"),
            (credential(client.signer, startDateTime="2020-01-01T00:00:00Z"), start),
            (credential(client.signer, endDateTime="2100-01-01T00:00:00Z"), end),
            (credential(client.signer, endDateTime="2026-09-21T00:00:00Z"), end),
            (credential(make_signer(now=NOW, begins=-2 * DAY, ends=-1)), end),
            ({"keyId": "11111111-1111-1111-1111-111111111111"}, "has no key"),
            ({"displayName": "nothing"}, "has no key"),
        ):
            assert said in self.refused(client.graph, client.app.application, sent)

    def test_what_is_said_of_one_that_stays(self, client: Client) -> None:
        """A list that is read, changed and sent back changes that and no more: the certificate's tokens stay."""
        token, path = client.token(), f"applications/{client.app.application}"
        (shown,) = client.credentials()
        client.graph.do("PATCH", path, {"keyCredentials": [shown]})
        assert client.credentials() == [shown]
        changed = {**shown, "displayName": "renamed", "endDateTime": "2026-12-01T00:00:00Z"}
        client.graph.do("PATCH", path, {"keyCredentials": [changed]})
        assert client.credentials() == [changed]
        assert client.opens(token)
        late = {**changed, "endDateTime": "2100-01-01T00:00:00Z"}
        assert "end date" in self.refused(client.graph, client.app.application, late)

    def test_an_expired_one_may_stay(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        """`az ad app credential reset --append` sends the old ones back, whatever their state."""
        world = Simulation(tmp_path_factory.mktemp("own"))
        client = Client(world, make_signer(now=NOW, ends=60), Graph(world, world.administrator))
        (shown,) = client.credentials()
        world.advance(60)
        body = {"keyCredentials": [shown, credential(make_signer(rsa_key(1), now=NOW))]}
        client.graph.do("PATCH", f"applications/{client.app.application}", body)
        assert len(client.credentials()) == 2
        world.close()

    def test_a_key_id_twice(self, client: Client) -> None:
        """Two credentials under one keyId are refused."""
        once = {"keyId": client.key_id}
        assert "same keyId" in self.refused(client.graph, client.app.application, once, once)

    def test_the_size_of_a_certificate(self, client: Client) -> None:
        """At the limit it is judged, one past it is refused unread."""
        too_long = b64(bytes(limits.CLIENT_CERTIFICATE_BYTES + 1))
        message = self.refused(client.graph, client.app.application, credential(client.signer, key=too_long))
        assert message == f"A certificate has at most {limits.CLIENT_CERTIFICATE_BYTES} bytes."
        longest = b64(bytes(limits.CLIENT_CERTIFICATE_BYTES))
        message = self.refused(client.graph, client.app.application, credential(client.signer, key=longest))
        assert "not a valid X.509" in message

    def test_so_many_and_no_more(self, client: Client) -> None:
        """An application has 50 certificates; the 51st is refused."""
        many = [make_signer(ec_key(), now=NOW, ends=(number + 1) * DAY) for number in range(51)]
        most = limits.CLIENT_CERTIFICATES_PER_APPLICATION
        client.register(*many[:most])
        assert len(client.credentials()) == most
        path = f"applications/{client.app.application}"
        answer = client.graph.ask("PATCH", path, {"keyCredentials": [credential(one) for one in many]})
        assert answer.status == 400
        assert len(client.credentials()) == most


class TestRolling:
    """addKey and removeKey: an application rolls over its own certificates, on proof of a private key."""

    PROOF = "00000002-0000-0000-c000-000000000000"

    @pytest.fixture
    def own(self, client: Client) -> Graph:
        """Graph, as the application has it: it holds no role."""
        return Graph(client.world, client.app)

    def proof(self, client: Client, signer: Signer | None = None, **changes: Any) -> str:
        """Make the proof that Graph's documentation describes."""
        now = int(client.world.clock())
        claims = {"aud": self.PROOF, "iss": client.app.application, "nbf": now, "exp": now + 600, **changes}
        return (signer or client.signer).assertion(claims)

    def add(self, graph: Graph, client: Client, signer: Signer, proof: str) -> Answer:
        """Ask for a certificate more."""
        body = {"keyCredential": credential(signer), "passwordCredential": None, "proof": proof}
        return graph.ask("POST", f"applications/{client.app.application}/addKey", body)

    def test_rolling_over(self, client: Client, own: Graph) -> None:
        """SEC-TENANT-6: without any role an application adds a certificate and removes the old one, with the proof."""
        new, old_id = make_signer(rsa_key(1), now=NOW), client.key_id
        answer = self.add(own, client, new, self.proof(client))
        assert answer.status == 200, answer.body
        assert answer.json["customKeyIdentifier"] == new.sha1.hex().upper()
        token = client.token()
        body = {"keyId": old_id.upper(), "proof": self.proof(client, new)}
        answer = own.ask("POST", f"applications/{client.app.application}/removeKey", body)
        assert answer.status == 204, answer.body
        assert not client.opens(token)
        assert [one["customKeyIdentifier"] for one in client.credentials()] == [new.sha1.hex().upper()]

    def test_a_role_is_no_proof(self, client: Client) -> None:
        """SEC-TENANT-6: an administrator needs the proof too; its own way is PATCH."""
        other = make_signer(rsa_key(1), now=NOW)
        for proof in (self.proof(client, other), "x", ""):
            answer = self.add(client.graph, client, other, proof)
            assert (answer.status, answer.error["code"]) == (400, "Request_BadRequest")
        assert len(client.credentials()) == 1

    @pytest.mark.parametrize(
        "changes",
        [
            {"aud": "https://graph.microsoft.com"},
            {"iss": "11111111-1111-1111-1111-111111111111"},
            {"exp": NOW - limits.ASSERTION_LEEWAY_S},
            {"exp": NOW + limits.PROOF_LIFE_S + limits.ASSERTION_LEEWAY_S + 1},
            {"nbf": NOW + limits.ASSERTION_LEEWAY_S + 1},
            {"exp": None},
            {"aud": None},
        ],
    )
    def test_proofs_that_are_none(self, client: Client, own: Graph, changes: dict[str, Any]) -> None:
        """A proof is from this application, for the directory, and for ten minutes."""
        new = make_signer(rsa_key(1), now=NOW)
        answer = self.add(own, client, new, self.proof(client, **changes))
        assert answer.status == 400
        body = {"keyId": client.key_id, "proof": self.proof(client, **changes)}
        assert own.ask("POST", f"applications/{client.app.application}/removeKey", body).status == 400
        assert [one["keyId"] for one in client.credentials()] == [client.key_id]

    def test_a_client_assertion_is_no_proof(self, client: Client, own: Graph) -> None:
        """What was made to sign in adds no key."""
        answer = self.add(own, client, make_signer(rsa_key(1), now=NOW), client.signer.assertion(client.claims()))
        assert answer.status == 400

    def test_it_is_for_itself_alone(self, world: Simulation, graph: Graph, client: Client, own: Graph) -> None:
        """SEC-TENANT-6: another application's keys are not an application's to roll, proof or not."""
        other = Client(world, make_signer(rsa_key(2), now=NOW), graph)
        answer = self.add(own, other, client.signer, self.proof(other))
        assert (answer.status, answer.error["code"]) == (403, "Authorization_RequestDenied")
        for path, body in (
            (f"applications/{client.app.application}", {"keyCredentials": [credential(client.signer)]}),
            (f"applications/{other.app.application}", {"keyCredentials": [credential(client.signer)]}),
        ):
            assert own.ask("PATCH", path, body).status == 403

    def test_what_is_not_there(self, client: Client, own: Graph) -> None:
        """An unknown keyId is 404, with the proof."""
        body = {"keyId": "11111111-1111-1111-1111-111111111111", "proof": self.proof(client)}
        answer = own.ask("POST", f"applications/{client.app.application}/removeKey", body)
        assert (answer.status, answer.error["code"]) == (404, "Request_ResourceNotFound")
