"""
Certificates from ACME authorities (RFC 8555 section 7.4), step by step.

    nothing ──newOrder──> pending ──prove every name──> ready ──finalize──> processing ──> valid ──> the chain
                             │ <── present: a challenge record, or a hook's DNS record     │
                             │ <── tell the authority to look                              │
                             └──────────────> invalid ──> refused                 lost ──> nothing

Each step asks where the order is, does the next thing and says when to be asked again, so it does not matter who makes
the step, or how often. Its state is the order's URL and what was presented for it; finalize comes after that was kept,
so an order that is lost on the way never has a certificate issued that nobody fetches.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from strongroom.core import acme_limits as limits
from strongroom.core.acme import (
    WILDCARD,
    Authorization,
    BadAnswer,
    Challenge,
    Order,
    Problem,
    ordered_names,
    read_authorization,
    read_order,
    retry_after,
)
from strongroom.core.acme_accounts import AcmeAccount, AcmeChallenge, ChallengeType
from strongroom.core.errors import Invalid, Unavailable
from strongroom.core.issuance import Issued, Refused, Step, Waiting, Wanted
from strongroom.core.records import INSTANCE
from strongroom.crypto.protocol import RootKey
from strongroom.egress import Exchange, Reply
from strongroom.hooks import HookFailed, run_hook
from strongroom.objects.issuers.acme_accounts import open_account
from strongroom.objects.issuers.acme_client import ACCOUNT_LOST, NOT_READY, RATE_LIMITED, AcmeClient, AcmeRefused
from strongroom.store import Store, Transaction
from strongroom.view import View

_logger = logging.getLogger("strongroom")
_PEM_CHAIN = "application/pem-certificate-chain"
_LOST = {"malformed", ""}
"""What authorities say of an order that is not theirs, or no longer, with 404 or 410."""


class Proof(msgspec.Struct, frozen=True):
    """What was presented for one name: the token of a challenge, and for DNS the value of the record."""

    domain: str
    token: str
    value: str = ""

    @property
    def record(self) -> str:
        """The name of the DNS record."""
        return f"_acme-challenge.{self.domain}"


class OrderState(msgspec.Struct, frozen=True):
    """What is remembered of an order from one step to the next."""

    began: int
    order: str = ""
    """Its URL; empty while there is none."""
    orders: int = 0
    proofs: tuple[Proof, ...] = ()
    finalized: bool = False
    """Whether the request was sent: a certificate of another key is then a fault, and not somebody else's order."""
    waits: int = 0
    hook_failures: int = 0
    account: tuple[str, str] = ("", "")
    """The account that it is an order of: its name, and its URL."""


_decoder = msgspec.json.Decoder(OrderState)


@dataclass(slots=True)
class AcmeIssuer:
    """The issuer behind every account."""

    store: Store
    view: View
    keys: RootKey
    exchange: Exchange
    clock: Callable[[], float]
    _clients: OrderedDict[tuple[str, str], AcmeClient] = field(default_factory=OrderedDict)
    """By the names and the URLs of accounts: an authority says the URL, and can say that of another's account."""
    _hooks: dict[str, asyncio.Lock] = field(default_factory=dict)
    """One hook runs at a time for an account."""
    _running: OrderedDict[tuple[str, str, Proof], asyncio.Task[bool]] = field(default_factory=OrderedDict)
    """Hooks that run, or did and nobody has seen the end: whether they did their work."""

    async def step(self, wanted: Wanted, state: bytes) -> Step:
        """
        Make the next step: see `flow.world.Issuer`.

        Raises:
            Invalid: no account may be used, or it certifies no such names.
            Unavailable: the authority cannot be reached, or its answers cannot be read.
        """
        from strongroom.crypto.acme_requests import names_of  # noqa: PLC0415  costly to import

        held = _decoder.decode(state) if state else OrderState(wanted.now)
        account = self._account(wanted)
        if held.order and held.account != (account.id, account.url):
            # The vault's issuer names another account by now. What is one account's is no other's to go on with.
            with suppress(Unavailable):
                # An order that nobody finalizes lapses by itself.
                await self.cancel(wanted, state)
            held = OrderState(held.began, orders=held.orders)
        names = ordered_names(names_of(wanted.csr), account)
        work = _Work(self, wanted, account, self._client(account), names)
        if wanted.now >= held.began + limits.ACME_ISSUANCE_S:
            return await work.refuse(held, "The ACME authority did not issue the certificate in a day.")
        try:
            return await (work.go_on(held) if held.order else work.begin(held))
        except AcmeRefused as refused:
            return await work.refused(held, refused)
        except BadAnswer as fault:
            raise Unavailable(f"The ACME authority is out of order: {fault}.", reason=str(fault)) from None

    async def cancel(self, wanted: Wanted, state: bytes) -> None:
        """
        Take back what was presented, and give up what is not proved yet: the order then comes to nothing.

        Raises:
            Unavailable: the authority cannot be reached.
        """
        held = _decoder.decode(state) if state else OrderState(wanted.now)
        # Not by what the vault's issuer names now: that may be an account that is not even for this tenant.
        name, url = held.account
        account = self.view.get(AcmeAccount, INSTANCE, name)
        if not held.order or account is None or account.url != url:
            # With an account its challenges went as well, and in its name nobody can say anything any more.
            return
        work = _Work(self, wanted, account, self._client(account), ())
        await work.clean_up(held)
        try:
            await work.give_up(held)
        except (AcmeRefused, BadAnswer):
            # It is gone already, or will be by itself (section 7.1.6): nobody is going to finalize it.
            return

    def _account(self, wanted: Wanted) -> AcmeAccount:
        """
        Find the account that a vault's issuer names, if the operator lets the vault's tenant use it.

        Raises:
            Invalid: there is none, or it is for others: which of the two is not for the tenant to know.
        """
        account = self.view.get(AcmeAccount, INSTANCE, wanted.account_id or "")
        if account is None or wanted.tenant not in account.tenants:
            raise Invalid("The issuer's account_id names no ACME account that the tenant may use.")
        return account

    def _client(self, account: AcmeAccount) -> AcmeClient:
        place = (account.id, account.url)
        client = self._clients.get(place)
        if client is None:
            key = open_account(self.keys, account)
            client = self._clients[place] = AcmeClient(self.exchange, self.clock, account.directory, key, account.url)
            while len(self._clients) > limits.ACME_ACCOUNTS:
                self._clients.popitem(last=False)
        return client

    async def run_hook(self, account: AcmeAccount, does: str, proof: Proof) -> bool | None:
        """
        Have an account's hook make a record or remove it, and say whether it did; None while it goes on.

        Nothing waits for a hook that takes its time: it goes on by itself, and whoever asks again learns of its end.
        After a restart it is run anew, so a hook has to be content with a record that is there already, or is gone.
        """
        key = (account.id, does, proof)
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(self._run_hook(account, does, proof))
            for old in [one for one, ended in self._running.items() if ended.done()][: -limits.HOOKS_REMEMBERED]:
                del self._running[old]
        done, _ = await asyncio.wait({task}, timeout=limits.HOOK_PATIENCE_S)
        if not done:
            return None
        self._running.pop(key, None)
        return task.result()

    async def _run_hook(self, account: AcmeAccount, does: str, proof: Proof) -> bool:
        async with self._hooks.setdefault(account.id, asyncio.Lock()):
            try:
                await run_hook(account.hook, (does, proof.domain, proof.record, proof.value))
            except HookFailed as failed:
                _logger.warning("the hook of the ACME account %s failed to %s: %s", account.id, does, failed)
                return False
        return True


@dataclass(frozen=True, slots=True)
class _Work:
    """One step for one certificate."""

    issuer: AcmeIssuer
    wanted: Wanted
    account: AcmeAccount
    client: AcmeClient
    names: tuple[str, ...]

    # ---- the order ----------------------------------------------------------------------------------------------

    async def begin(self, held: OrderState) -> Step:
        """Make an order. Nothing more: its URL is to be kept before anything comes of it."""
        if held.orders >= limits.ACME_ORDERS:
            return await self.refuse(held, "The ACME authority lost the order again and again.")
        identifiers = [{"type": "dns", "value": name} for name in self.names]
        reply = await self.client.post((await self.client.directory()).new_order, {"identifiers": identifiers})
        read_order(reply.body)
        url = reply.header("location")
        if not url:
            raise BadAnswer("it does not say where the order is")
        ordered = OrderState(held.began, url, held.orders + 1, account=(self.account.id, self.account.url))
        return self._wait(ordered, 0, "The certificate is ordered.")

    async def go_on(self, held: OrderState) -> Step:
        """See where the order is, and do what comes next."""
        try:
            reply = await self.client.post(held.order, None)
        except AcmeRefused as refused:
            if refused.status in {404, 410} and refused.problem.type in _LOST:
                return await self._anew(held)
            raise
        order = read_order(reply.body)
        match order.status:
            case "pending":
                return await self._prove(held, order, reply)
            case "ready":
                return await self._finalize(await self.clean_up(held), order)
            case "processing":
                return self._poll(held, reply, "The ACME authority issues the certificate.")
            case "valid":
                return await self._download(held, order)
            case _:
                return await self._failed(held, order)

    async def _anew(self, held: OrderState) -> Step:
        """Begin again, since the order is not there any more."""
        await self.clean_up(held)
        return self._wait(OrderState(held.began, orders=held.orders), 0, "The order was lost; another one is made.")

    async def _finalize(self, held: OrderState, order: Order) -> Step:
        from strongroom.crypto.acme_requests import base64url  # noqa: PLC0415  costly to import

        held = msgspec.structs.replace(held, waits=0)
        said = "The ACME authority issues the certificate."
        try:
            reply = await self.client.post(order.finalize, {"csr": base64url(self.wanted.csr)})
        except AcmeRefused as refused:
            if refused.problem.type != NOT_READY:
                raise
            # Whoever makes the step as well, or has the order as well, was quicker: the next step sees it.
            return self._wait(held, limits.ACME_POLL_S, said)
        finalized, held = read_order(reply.body), msgspec.structs.replace(held, finalized=True)
        if finalized.status == "valid":
            return await self._download(held, finalized)
        if finalized.status == "invalid":
            return await self._failed(held, finalized)
        return self._poll(held, reply, said)

    async def _download(self, held: OrderState, order: Order) -> Step:
        """Fetch the chain; that there are others (section 7.4.2) is not looked at."""
        from strongroom.crypto.acme_requests import AnotherKeysChain, BadChain, read_chain  # noqa: PLC0415  costly to import

        if order.certificate is None:
            raise BadAnswer("it does not say where the certificate is")
        reply = await self.client.post(order.certificate, None, accept=_PEM_CHAIN)
        await self.clean_up(held)
        try:
            return Issued(read_chain(reply.body, self.wanted.csr))
        except BadChain as fault:
            if isinstance(fault, AnotherKeysChain) and not held.finalized:
                # An authority may give two certificates of the same names one order. Then it was the other one's.
                return await self._anew(held)
            return Refused(f"The ACME authority issued something else than was asked for: {fault}.")

    async def _failed(self, held: OrderState, order: Order) -> Step:
        """Say why the order came to nothing; if nothing failed, it was not finished in time, and is made anew."""
        problem = order.problem
        if problem is None:
            for url in order.authorizations:
                found = await self._authorization(url)
                problem = problem or found.problem
        if problem is None:
            return await self._anew(held)
        return await self.refuse(held, f"The ACME authority refused: {problem}.")

    # ---- proofs -------------------------------------------------------------------------------------------------

    async def _prove(self, held: OrderState, order: Order, reply: Reply) -> Step:
        """Present what proves the names, and once all of it is there, have the authority look."""
        asked: list[tuple[Challenge, Proof]] = []
        for url in order.authorizations:
            authorization = await self._authorization(url)
            if authorization.status == "valid":
                continue
            challenge = authorization.find(self.account.challenge)
            if authorization.status != "pending" or (challenge is not None and challenge.status == "invalid"):
                problem = authorization.problem or Problem(detail=f"{authorization.domain} was not proved")
                return await self.refuse(held, f"The ACME authority refused: {problem}.")
            if challenge is None:
                kind = self.account.challenge.value
                return await self.refuse(
                    held, f"The ACME authority does not let {authorization.domain} be proved by {kind}."
                )
            if challenge.status == "pending":
                asked.append((challenge, self._proof(authorization, challenge)))
        missing = tuple(proof for _, proof in asked if proof not in held.proofs)
        if missing:
            return await self._present(held, missing)
        for challenge, _ in asked:
            await self.client.post(challenge.url, {})
        return self._poll(held, reply, "The ACME authority checks the names.")

    async def _authorization(self, url: str) -> Authorization:
        """
        Read an authorization.

        Raises:
            BadAnswer: it is for a name that was not ordered: whatever it asks is not done.
        """
        found = read_authorization((await self.client.post(url, None)).body)
        if found.domain not in {name.removeprefix(WILDCARD) for name in self.names}:
            raise BadAnswer("an authorization of a name that was not asked for")
        return found

    def _proof(self, authorization: Authorization, challenge: Challenge) -> Proof:
        is_dns = self.account.challenge is ChallengeType.DNS
        value = self.client.key.dns_value(challenge.token) if is_dns else ""
        return Proof(authorization.domain, challenge.token, value)

    async def _present(self, held: OrderState, missing: tuple[Proof, ...]) -> Step:
        """Have all challenges answered over HTTP; or one record made, since a hook may take its time."""
        said = "The names are being proved to the ACME authority."
        if self.account.challenge is ChallengeType.HTTP:
            await self.issuer.store.commit(lambda tx: self._put_challenges(tx, missing))
            return self._wait(msgspec.structs.replace(held, proofs=held.proofs + missing), 0, said)
        first = missing[0]
        is_made = await self.issuer.run_hook(self.account, "present", first)
        if is_made is None:
            return self._wait(held, limits.ACME_POLL_S, said)
        if not is_made:
            failed = msgspec.structs.replace(held, hook_failures=held.hook_failures + 1)
            if failed.hook_failures >= limits.HOOK_TRIES:
                return await self.refuse(failed, f"The operator's hook made no DNS record for {first.domain}.")
            return self._wait(failed, limits.HOOK_RETRY_S * failed.hook_failures, said)
        presented = msgspec.structs.replace(held, proofs=(*held.proofs, first), hook_failures=0)
        return self._wait(presented, self.account.dns_wait_s if len(missing) == 1 else 0, said)

    async def _put_challenges(self, tx: Transaction, proofs: tuple[Proof, ...]) -> None:
        # What somebody forgot to take back goes when the next comes.
        for old in await tx.records(AcmeChallenge, INSTANCE):
            if old.expires <= self.wanted.now:
                await tx.remove(old)
        expires = self.wanted.now + limits.ACME_ISSUANCE_S
        for proof in proofs:
            answer = self.client.key.authorize(proof.token)
            await tx.put(AcmeChallenge(proof.token, self.account.id, answer, expires))

    async def clean_up(self, held: OrderState) -> OrderState:
        """Take back all that was presented. A hook that fails at that, or goes on, keeps nothing else from going on."""
        if self.account.challenge is ChallengeType.HTTP and held.proofs:
            await self.issuer.store.commit(lambda tx: self._remove_challenges(tx, held.proofs))
        else:
            for proof in held.proofs:
                await self.issuer.run_hook(self.account, "cleanup", proof)
        return msgspec.structs.replace(held, proofs=())

    async def _remove_challenges(self, tx: Transaction, proofs: tuple[Proof, ...]) -> None:
        for proof in proofs:
            found = await tx.record(AcmeChallenge, INSTANCE, proof.token)
            if found is not None and found.account == self.account.id:
                await tx.remove(found)

    # ---- ends ---------------------------------------------------------------------------------------------------

    async def give_up(self, held: OrderState) -> None:
        """Deactivate what is not proved yet (section 7.5.2); what is proved stays so, for later orders."""
        order = read_order((await self.client.post(held.order, None)).body)
        for url in order.authorizations if order.status == "pending" else ():
            found = read_authorization((await self.client.post(url, None)).body)
            if found.status == "pending":
                await self.client.post(url, {"status": "deactivated"})

    async def refused(self, held: OrderState, refused: AcmeRefused) -> Step:
        """Say no, or wait if the authority only wants to be asked later."""
        wait_s = refused.retry_after_s
        if refused.problem.type == RATE_LIMITED and wait_s is not None and wait_s <= limits.ACME_RETRY_AFTER_S:
            return self._wait(held, max(wait_s, limits.ACME_POLL_S), f"The ACME authority wants to wait: {refused}.")
        if refused.problem.type == ACCOUNT_LOST:
            return await self.refuse(held, "The ACME authority does not know the account any more.")
        return await self.refuse(held, f"The ACME authority refused: {refused}.")

    async def refuse(self, held: OrderState, message: str) -> Refused:
        """Refuse, and leave nothing behind that was presented."""
        await self.clean_up(held)
        return Refused(message)

    # ---- waiting ------------------------------------------------------------------------------------------------

    def _poll(self, held: OrderState, reply: Reply, details: str) -> Waiting:
        """Wait as long as the authority says, or twice as long each time."""
        said = retry_after(reply.header("retry-after"), self.wanted.now)
        own_s = min(limits.ACME_POLL_S * 2 ** min(held.waits, 16), limits.ACME_POLL_MAX_S)
        wait_s = own_s if said is None else min(max(said, 1), limits.ACME_RETRY_AFTER_S)
        return self._wait(msgspec.structs.replace(held, waits=held.waits + 1), wait_s, details)

    def _wait(self, held: OrderState, wait_s: int, details: str) -> Waiting:
        return Waiting(msgspec.json.encode(held), self.wanted.now + wait_s, details)
