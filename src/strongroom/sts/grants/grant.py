"""What a grant is made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from strongroom.core.claims_request import NOTHING, ClaimsRequest
from strongroom.core.conditional_access import GRANT_TYPES, Flow, Verdict
from strongroom.core.identity import ServicePrincipal, ServicePrincipalType, Tenant, User
from strongroom.core.names import Hosts
from strongroom.core.oauth import FindApi, Resource
from strongroom.core.user_tokens import UserScope
from strongroom.directory.apis import app_id_of
from strongroom.directory.clients import Client, PublicClient
from strongroom.directory.tokens import AccessToken, Mint
from strongroom.flow.access import admit, attempt_of
from strongroom.flow.call import Call
from strongroom.flow.world import World

Form = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """
    A token request whose form, tenant and client are known to be good.

    `scope` is what is asked for in a user's name; None where the client asks for itself. `claims` is what the client
    asks of the token itself.
    """

    call: Call
    tenant: Tenant
    form: Form
    client: Client | PublicClient
    resource: Resource
    scope: UserScope | None
    claims: ClaimsRequest = NOTHING

    @property
    def proved_client(self) -> Client:
        """
        The client, for grants that take none without a proof.

        Raises:
            TypeError: it is a public client.
        """
        if not isinstance(self.client, Client):
            msg = "a public client has proved nothing"
            raise TypeError(msg)
        return self.client

    def admit(
        self, principal: User | ServicePrincipal, *, authenticated: int | None = None, methods: Iterable[str] = ()
    ) -> Verdict:
        """
        Judge by the tenant's conditional access whether *principal* may have the token: asked by every grant.

        *authenticated* is when, and *methods* how (`amr`), a user signed in.

        Raises:
            Invalid: AADSTS53003, 50076, 70043 or 50078; see `flow.access.admit`.
        """
        flow = GRANT_TYPES[self.form["grant_type"]]
        if isinstance(principal, ServicePrincipal) and principal.type is ServicePrincipalType.MANAGED_IDENTITY:
            # Whatever it proved itself by here: it is the same identity as at its endpoint.
            flow = Flow.MANAGED_IDENTITY
        attempt = attempt_of(
            self.call.world,
            principal,
            flow=flow,
            client=self.client.app_id,
            resource=app_id_of(self.resource),
            address=self.call.connection.address,
            now=self.call.now,
            authenticated=authenticated,
            methods=methods,
        )
        return admit(self.call, self.tenant.id, attempt, resource=self.resource.audience)

    @property
    def client_credential(self) -> str | None:
        """The id of what the client proved itself by; None for a public client."""
        return self.client.credential.id if isinstance(self.client, Client) else None

    @property
    def mint(self) -> Mint:
        """What issuing takes."""
        world = self.call.world
        return Mint(world.keys, world.signers, world.view, world.entropy, self.call.base)

    @property
    def user_scope(self) -> UserScope:
        """
        What is asked for in a user's name, for grants that a user takes part in.

        Raises:
            RuntimeError: the grant has no user.
        """
        if self.scope is None:
            msg = "the grant has no user"
            raise RuntimeError(msg)
        return self.scope


@dataclass(frozen=True, slots=True)
class Issued:
    """What a grant gives. All but the access token comes with tokens for users."""

    access: AccessToken
    scope: str | None = None
    refresh_token: str | None = field(default=None, repr=False)
    id_token: str | None = field(default=None, repr=False)
    client_info: str | None = None
    origin: str | None = None
    """The origin of the page that the answer is for, and that alone may read it."""


@dataclass(frozen=True, slots=True)
class Grant:
    """
    One value of `grant_type`.

    Attributes:
        parse_scope: reads the v2 endpoint's `scope` of a client that asks for itself; None where it asks for a user.
        issue: makes the tokens.
        find_tenant: finds the tenant of a request to `common` or `organizations`, by what the form says of its user;
            None where nothing does.
        find_scope: finds what was asked for earlier, for a request that may leave it out.
        takes_public_clients: whether a client without a secret may ask.
        has_redirect_uri: whether what is redeemed went to a redirect URI, which says what kind of client it was.
    """

    name: str
    issue: Callable[[TokenRequest], Awaitable[Issued]]
    parse_scope: Callable[[str | None, Hosts, str, FindApi], Resource] | None = None
    find_tenant: Callable[[World, Form], Tenant] | None = None
    find_scope: Callable[[World, Form], str] | None = None
    takes_public_clients: bool = False
    has_redirect_uri: bool = False
