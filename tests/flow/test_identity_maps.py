"""Identity maps: who may ask without a secret, by the operator's word and the kernel's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from strongroom.control import identity_maps
from strongroom.core.network import Link
from strongroom.directory import applications
from strongroom.http.message import End
from strongroom.http.peer_owner import Owner
from strongroom.resources.identities import create_user_assigned_identity, identity_resource_id
from strongroom.store import Transaction
from tests.world import Answer, Simulation

RESOURCE = "https://vault.azure.net"
PATH = "/metadata/identity/oauth2/token"
LOOPBACK = "http://127.0.0.1:40342"
NAMED = "http://169.254.169.254"
OURS: End = ("127.0.0.1", 40342)
NOBODY_CERTAIN = Owner(is_here=True, user=None)
ELSEWHERE = Owner(is_here=False, user=None)


def control(world: Simulation, method: str, path: str = "", body: object = None) -> Answer:
    """Ask over the owner's socket."""
    return world.ask(method, f"http://control/identity-maps{path}", body=body, link=Link.CONTROL, host="control")


def add(world: Simulation, identity: str = "default", **who: object) -> dict[str, Any]:
    """Add a map."""
    answer = control(world, "POST", body={"identity": identity, **who})
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.json
    return made


def ask(
    world: Simulation,
    owner: Owner,
    *,
    peer: str = "127.0.0.1",
    link: Link = Link.MANAGED_IDENTITY,
    more: str = "",
    headers: dict[str, str] | None = None,
) -> Answer:
    """Ask in IMDS's form, over a connection whose other end is *owner*'s."""
    world.world.owner_of = lambda _peer, _ours: owner
    world.world.instance.metadata = NAMED
    origin = LOOPBACK if link is Link.MANAGED_IDENTITY else NAMED
    url = f"{origin}{PATH}?api-version=2018-02-01&resource={RESOURCE}{more}"
    sent = {"Metadata": "true"} if headers is None else headers
    return world.ask("GET", url, headers=sent, peer=peer, link=link, ends=((peer, 50000), OURS))


@pytest.fixture(autouse=True)
def clean(world: Simulation) -> Iterator[None]:
    """Leave no map behind, since the tests share a world."""
    yield
    for one in control(world, "GET").json["value"]:
        assert control(world, "DELETE", f"/{one['id']}").status == 204


@pytest.fixture(scope="module")
def second(world: Simulation) -> tuple[str, str]:
    """Make another identity in the first group, and give its client id and object id."""
    installation = world.first.installation
    group = world.view.resource_group(installation.subscription, installation.resource_group)
    assert group is not None
    now = int(world.clock())

    async def make(tx: Transaction) -> tuple[str, str]:
        principal = await applications.create_identity_principal(
            tx,
            group.tenant,
            display_name="second",
            resource_id=identity_resource_id(group, "second"),
            now=now,
            entropy=world.world.entropy,
        )
        await create_user_assigned_identity(
            tx,
            group=group,
            name="second",
            location="local",
            client_id=principal.app_id,
            principal_id=principal.id,
            now=now,
        )
        return principal.app_id, principal.id

    return world.commit(make)


def refused(answer: Answer) -> str:
    """Check that it is a refusal in the form of the metadata services, and give its sentence."""
    assert answer.status == 400, answer.body
    sentence: str = answer.json["error_description"]
    return sentence


class TestUsers:
    """A Unix user of this machine."""

    def test_a_mapped_user_gets_a_token(self, world: Simulation) -> None:
        """SEC-TOKEN-20: the kernel says whose the connection is, and the operator who that may be."""
        made = add(world, user=1000)
        answer = ask(world, Owner(is_here=True, user=1000))
        assert answer.status == 200, answer.body
        claims = jwt.decode(answer.json["access_token"], options={"verify_signature": False})
        assert claims["oid"] == made["objectId"]
        assert claims["exp"] - world.clock() == 86_400
        url = f"{world.vault_url}/secrets?api-version=7.4"
        assert world.ask("GET", url, token=answer.json["access_token"]).status == 200

    @pytest.mark.parametrize(
        "owner",
        [Owner(is_here=True, user=0), Owner(is_here=True, user=1001), NOBODY_CERTAIN, ELSEWHERE],
    )
    def test_anybody_else_is_nobody(self, world: Simulation, owner: Owner) -> None:
        """SEC-TOKEN-20: another user, or one that the kernel cannot tell for certain, is refused; root too."""
        add(world, user=1000)
        assert refused(ask(world, owner)) == "Identity not found"

    def test_nothing_is_mapped_by_default(self, world: Simulation) -> None:
        """Reaching the endpoint is no proof, whoever asks."""
        assert control(world, "GET").json == {"value": []}
        assert refused(ask(world, Owner(is_here=True, user=0))) == "Identity not found"

    def test_a_map_that_is_removed_ends_its_tokens(self, world: Simulation) -> None:
        """Nothing that a map made is good after it."""
        made = add(world, user=1000)
        token = ask(world, Owner(is_here=True, user=1000)).json["access_token"]
        assert control(world, "DELETE", f"/{made['id']}").status == 204
        assert refused(ask(world, Owner(is_here=True, user=1000))) == "Identity not found"
        assert world.ask("GET", f"{world.vault_url}/secrets?api-version=7.4", token=token).status == 401

    def test_another_map_of_the_identity_stays(self, world: Simulation) -> None:
        """A map ends its own tokens and no others."""
        gone, _ = add(world, user=1000), add(world, user=1001)
        token = ask(world, Owner(is_here=True, user=1001)).json["access_token"]
        control(world, "DELETE", f"/{gone['id']}")
        assert world.ask("GET", f"{world.vault_url}/secrets?api-version=7.4", token=token).status == 200

    def test_the_header_is_demanded_of_a_mapped_user_too(self, world: Simulation) -> None:
        """SEC-TOKEN-18: a page in the user's browser comes from the user's own socket, and cannot send it."""
        add(world, user=1000)
        answer = ask(world, Owner(is_here=True, user=1000), headers={})
        assert refused(answer) == "Required metadata header not specified"

    def test_a_wrong_secret_is_not_mended_by_the_user(self, world: Simulation) -> None:
        """SEC-TOKEN-19: whoever shows a secret is judged by it alone."""
        add(world, user=1000)
        world.world.owner_of = lambda _peer, _ours: Owner(is_here=True, user=1000)
        url = f"{LOOPBACK}/mi/wrong{PATH}?api-version=2018-02-01&resource={RESOURCE}"
        answer = world.ask(
            "GET", url, headers={"Metadata": "true"}, link=Link.MANAGED_IDENTITY, ends=(("127.0.0.1", 50000), OURS)
        )
        assert refused(answer) == "Identity not found"

    def test_cloud_shells_form(self, world: Simulation) -> None:
        """The same user gets a token there as well."""
        add(world, user=1000)
        world.world.owner_of = lambda _peer, _ours: Owner(is_here=True, user=1000)
        answer = world.ask(
            "POST",
            f"{LOOPBACK}/oauth2/token",
            raw=f"resource={RESOURCE}".encode(),
            headers={"Metadata": "true"},
            link=Link.MANAGED_IDENTITY,
            ends=(("127.0.0.1", 50000), OURS),
        )
        assert answer.status == 200, answer.body


class TestNetworks:
    """A network of other machines."""

    def test_a_mapped_network_gets_a_token(self, world: Simulation) -> None:
        """On the address that the operator named, an address in the network is enough."""
        add(world, network="10.1.0.0/16")
        assert ask(world, ELSEWHERE, peer="10.1.2.3", link=Link.METADATA).status == 200

    @pytest.mark.parametrize("peer", ["10.2.0.1", "203.0.113.7"])
    def test_another_address_is_nobody(self, world: Simulation, peer: str) -> None:
        """An address outside is refused."""
        add(world, network="10.1.0.0/16")
        assert refused(ask(world, ELSEWHERE, peer=peer, link=Link.METADATA)) == "Identity not found"

    def test_a_network_counts_on_the_named_address_alone(self, world: Simulation) -> None:
        """SEC-TOKEN-20: nothing comes to loopback from elsewhere, so there an address opens nothing."""
        add(world, network="10.1.0.0/16")
        assert refused(ask(world, ELSEWHERE, peer="10.1.2.3")) == "Identity not found"

    def test_who_is_in_none_has_proved_nothing(self, world: Simulation) -> None:
        """The journal names neither a proof nor an identity, and the refusal counts against the source's allowance."""
        add(world, network="10.1.0.0/16")
        ask(world, ELSEWHERE, peer="10.2.0.1", link=Link.METADATA)
        told = world.entries()[-1]["properties"]
        assert told["reason"] == "nobody that an identity was lent to"
        assert not {"proof", "objectId", "credentialId"} & told.keys()

    @pytest.mark.parametrize("owner", [NOBODY_CERTAIN, Owner(is_here=True, user=1000)])
    def test_a_program_of_this_machine_is_not_a_network(self, world: Simulation, owner: Owner) -> None:
        """SEC-TOKEN-20: whoever is on this machine is judged by user, although the address is in the network."""
        add(world, network="10.1.0.0/16")
        assert refused(ask(world, owner, peer="10.1.0.1", link=Link.METADATA)) == "Identity not found"

    def test_a_user_is_known_on_the_named_address_too(self, world: Simulation) -> None:
        """A local program that asks the usual address of a metadata service is judged by its user."""
        add(world, user=1000)
        answer = ask(world, Owner(is_here=True, user=1000), peer="169.254.169.254", link=Link.METADATA)
        assert answer.status == 200, answer.body

    @pytest.mark.parametrize("host", ["127.0.0.1:40342", "169.254.169.254:80", "metadata.example"])
    def test_the_named_address_demands_its_own_host(self, world: Simulation, host: str) -> None:
        """SEC-TOKEN-18: each listener demands the Host that is its own."""
        add(world, network="10.1.0.0/16")
        world.world.instance.metadata = NAMED
        answer = world.ask("GET", f"{NAMED}{PATH}", host=host, link=Link.METADATA, peer="10.1.2.3")
        assert answer.status == 421


class TestChoice:
    """Several identities."""

    def test_several_need_a_name(self, world: Simulation, second: tuple[str, str]) -> None:
        """Azure's own sentence, and 400; named, each is given."""
        add(world, user=1000)
        client_id, object_id = second
        add(world, "second", user=1000)
        owner = Owner(is_here=True, user=1000)
        assert refused(ask(world, owner)).startswith("Multiple user assigned identities exist")
        for name in (f"client_id={client_id}", f"object_id={object_id}"):
            assert ask(world, owner, more=f"&{name}").json["client_id"] == client_id

    def test_an_identity_that_is_not_the_users(self, world: Simulation, second: tuple[str, str]) -> None:
        """An identity that exists and is mapped to another user does not exist for this one."""
        add(world, user=1000)
        client_id, _ = second
        add(world, "second", user=1001)
        answer = ask(world, Owner(is_here=True, user=1000), more=f"&client_id={client_id}")
        assert refused(answer) == "Identity not found"

    def test_one_identity_by_two_maps(self, world: Simulation) -> None:
        """Two networks that overlap make no question of one identity."""
        add(world, network="10.1.0.0/16")
        add(world, network="10.0.0.0/8")
        assert ask(world, ELSEWHERE, peer="10.1.2.3", link=Link.METADATA).status == 200


class TestPrefix:
    """A path prefix that says which identity is meant."""

    def ask(
        self,
        world: Simulation,
        client_id: str,
        *,
        owner: Owner = NOBODY_CERTAIN,
        more: str = "",
        path: str = PATH,
        **headers: str,
    ) -> Answer:
        """Ask under an identity's prefix."""
        world.world.owner_of = lambda _peer, _ours: owner
        url = f"{LOOPBACK}/identity/{client_id}{path}?api-version=2018-02-01&resource={RESOURCE}{more}"
        sent = {"Metadata": "true", **{name.replace("_", "-"): value for name, value in headers.items()}}
        ends = (("127.0.0.1", 50000), OURS)
        return world.ask("GET", url, headers=sent, link=Link.MANAGED_IDENTITY, peer="127.0.0.1", ends=ends)

    @pytest.mark.parametrize("path", [PATH, f"{PATH}/", f"/{PATH}"])
    def test_it_chooses_among_what_is_mapped(self, world: Simulation, second: tuple[str, str], path: str) -> None:
        """In the place of client_id, with the slashes that the JavaScript and Java libraries put in."""
        add(world, user=1000)
        add(world, "second", user=1000)
        owner, client_id = Owner(is_here=True, user=1000), second[0]
        assert self.ask(world, client_id, owner=owner, path=path).json["client_id"] == client_id
        assert self.ask(world, client_id.upper(), owner=owner, path=path).json["client_id"] == client_id

    @pytest.mark.parametrize("owner", [NOBODY_CERTAIN, ELSEWHERE, Owner(is_here=True, user=1001)])
    def test_it_proves_nothing(self, world: Simulation, second: tuple[str, str], owner: Owner) -> None:
        """SEC-TOKEN-20: who knows an identity's client id, which is no secret, is nobody by that."""
        add(world, "second", user=1000)
        assert refused(self.ask(world, second[0], owner=owner)) == "Identity not found"

    def test_an_identity_that_the_caller_has_not(self, world: Simulation, second: tuple[str, str]) -> None:
        """A map to one identity opens that one, under every prefix; what is no id is none's."""
        add(world, user=1000)
        owner = Owner(is_here=True, user=1000)
        for client_id in (second[0], "mine", "%00", "11111111-1111-4111-8111-111111111111"):
            assert refused(self.ask(world, client_id, owner=owner)) == "Identity not found"

    def test_the_secret_of_a_run(self, world: Simulation, second: tuple[str, str]) -> None:
        """SEC-TOKEN-19: whoever shows one is judged by it alone, and has the identity that the run was lent."""
        add(world, "second", user=1000)
        owner = Owner(is_here=True, user=1000)
        run = world.ask("POST", "http://control/run", body={}, link=Link.CONTROL, host="control").json
        secret = run["identityHeader"]
        assert self.ask(world, run["clientId"], X_IDENTITY_HEADER=secret).status == 200
        assert refused(self.ask(world, second[0], owner=owner, X_IDENTITY_HEADER=secret)) == "Identity not found"
        assert refused(self.ask(world, second[0], owner=owner, X_IDENTITY_HEADER="wrong")) == "Identity not found"

    def test_two_names(self, world: Simulation, second: tuple[str, str]) -> None:
        """The request may say the same again, and nothing else."""
        add(world, "second", user=1000)
        owner, (client_id, object_id) = Owner(is_here=True, user=1000), second
        assert self.ask(world, client_id, owner=owner, more=f"&client_id={client_id.upper()}").status == 200
        for other in ("client_id=11111111-1111-4111-8111-111111111111", f"object_id={object_id}"):
            assert refused(self.ask(world, client_id, owner=owner, more=f"&{other}")).startswith("At most one")

    def test_the_rest_is_demanded_as_ever(self, world: Simulation, second: tuple[str, str]) -> None:
        """SEC-TOKEN-18: the header, and the listener's own Host."""
        add(world, "second", user=1000)
        owner = Owner(is_here=True, user=1000)
        assert (
            refused(self.ask(world, second[0], owner=owner, Metadata="no")) == "Required metadata header not specified"
        )
        url = f"{LOOPBACK}/identity/{second[0]}{PATH}"
        assert world.ask("GET", url, host="evil.example", link=Link.MANAGED_IDENTITY).status == 421

    def test_the_journal_has_the_id(self, world: Simulation, second: tuple[str, str]) -> None:
        """A client id is no secret; anything else in its place might be one."""
        self.ask(world, second[0])
        assert f"/identity/{second[0]}/metadata" in world.entries()[-1]["properties"]["requestUri"]
        self.ask(world, "hunter2hunter2")
        assert "hunter2" not in json.dumps(world.entries()[-1])


class TestControl:
    """What the operator may say."""

    @pytest.mark.parametrize(
        "body",
        [
            {"identity": "default"},
            {"identity": "default", "user": 1000, "network": "10.0.0.0/8"},
            {"identity": "default", "user": -1},
            {"identity": "default", "user": 2**32 - 1},
            {"identity": "default", "user": 65_534},
            {"identity": "default", "user": "root"},
            {"identity": "default", "network": "0.0.0.0/0"},
            {"identity": "default", "network": "127.0.0.1"},
            {"identity": "default", "network": "126.0.0.0/7"},
            {"identity": "default", "network": "10.0.0.1/8"},
            {"identity": "default", "network": "fd00::/8"},
            {"identity": "default", "network": "everybody"},
            {"identity": "default", "user": 1000, "more": 1},
            {"user": 1000},
        ],
    )
    def test_a_bad_map(self, world: Simulation, body: object) -> None:
        """A map of everybody, of this machine, or of nobody certain is none, and nothing changes."""
        assert control(world, "POST", body=body).status == 400
        assert control(world, "GET").json == {"value": []}

    def test_the_same_map_twice(self, world: Simulation) -> None:
        """It is there already: 409, and there is one."""
        add(world, user=1000)
        assert control(world, "POST", body={"identity": "default", "user": 1000}).status == 409
        assert len(control(world, "GET").json["value"]) == 1

    def test_an_identity_that_is_not_there(self, world: Simulation) -> None:
        """There is nothing to map to."""
        assert control(world, "POST", body={"identity": "nobody", "user": 1000}).status == 404

    def test_where_the_platform_tells_nothing(self, world: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
        """SEC-TOKEN-20: what cannot be proved is not promised."""
        monkeypatch.setattr(identity_maps, "tells_owners", lambda: False)
        answer = control(world, "POST", body={"identity": "default", "user": 1000})
        assert answer.status == 409
        assert "platform" in answer.error["message"]

    @pytest.mark.parametrize("link", [Link.PUBLIC, Link.MANAGED_IDENTITY])
    def test_only_the_owners_socket_has_them(self, world: Simulation, link: Link) -> None:
        """SEC-BOOT-7: the operator's rights are used through the local control socket."""
        answer = world.ask("GET", "http://control/identity-maps", link=link, host="control")
        assert answer.status in {404, 421}

    def test_the_journal_says_what_was_mapped_and_who_asked(self, world: Simulation) -> None:
        """Map, identity and source are recorded when it is made, used and removed, and how the caller was proved."""
        made = add(world, user=1000)
        token = ask(world, Owner(is_here=True, user=1000)).json["access_token"]
        control(world, "DELETE", f"/{made['id']}")
        added, issued, removed = world.entries()[-3:]
        for entry in (added, removed):
            assert entry["properties"]["identityMapId"] == made["id"]
            assert entry["properties"]["source"] == "user 1000"
        properties = issued["properties"]
        assert (properties["endpoint"], properties["proof"]) == ("imds", "user 1000")
        assert properties["credentialId"] == made["id"]
        assert token not in json.dumps(world.entries())
