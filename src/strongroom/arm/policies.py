"""
Guardrails as tenants see them: listed, asked about what is thought of, and compared with what there is.

They are the operator's (`strongroom policy`), for the whole instance; here they are only read. What is judged is judged
by the functions that refuse changes, so an answer is what a change would meet.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from strongroom.arm import key_wire, secret_wire
from strongroom.arm import policy_wire as wire
from strongroom.arm.containers import listed_group, the_subscription
from strongroom.arm.documents import VAULT_TYPE, timestamp
from strongroom.arm.filters import parse_filter
from strongroom.arm.paging import continued, opened, page
from strongroom.arm.policy_documents import (
    Compliance,
    definition_id,
    show_assignment,
    show_definition,
    show_evaluation,
    show_restrictions,
    show_state,
    show_summary,
)
from strongroom.arm.rights import can
from strongroom.arm.vault_body import read_change
from strongroom.arm.vault_keys import KEY_TYPE, proposed_facts
from strongroom.arm.vault_secrets import SECRET_TYPE
from strongroom.arm.vaults import READ_VAULT, the_vault
from strongroom.arm.wire import VaultPatchParameters, VaultProperties
from strongroom.core.api_versions import KEY_VAULT_ARM, defaults_to_rbac, parse_arm
from strongroom.core.errors import Invalid, NotFound
from strongroom.core.guardrails import (
    Effect,
    Guardrail,
    Rule,
    SecretFacts,
    Violation,
    judge_key,
    judge_secret,
    judge_vault,
)
from strongroom.core.vaults import Vault
from strongroom.flow.call import Call
from strongroom.flow.guardrails import guardrails_of
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.objects.key_inventory import each_key, facts_of
from strongroom.objects.secrets import each_secret
from strongroom.resources.vault_settings import apply_change

READ_SECRET, READ_KEY = f"{SECRET_TYPE}/read", f"{KEY_TYPE}/read"
_ABOUT_KEYS = frozenset({Rule.KEY_EXPIRY, Rule.KEY_TYPES})
_STATE_OPTIONS = ("$apply", "$expand", "$from", "$orderby", "$select", "$to")
"""What policy states may be asked for in Azure and not here: an answer without it would be another one."""


# ---- what is in force -----------------------------------------------------------------------------------------------


async def list_definitions(call: Call) -> Response:
    """List the kinds of rule that there are."""
    return page(call, Rule, key=lambda rule: rule.value, show=show_definition)


async def get_definition(call: Call) -> Response:
    """Get a kind of rule."""
    name = call.params["name"]
    for rule in Rule:
        if rule.value == name.lower():
            return json.response(show_definition(rule))
    raise NotFound("The policy definition could not be found.", code="PolicyDefinitionNotFound")


async def list_assignments(call: Call) -> Response:
    """List the guardrails in force, which are above every scope."""
    wanted = parse_filter(
        call.query.get("$filter"),
        properties=frozenset({"policydefinitionid"}),
        functions=frozenset({"atscope", "atexactscope", "atscopeandbelow"}),
    )
    scope = call.params["scope"]
    home, definition = _home(scope), wanted.equals.get("policydefinitionid")
    found = [
        one
        for one in guardrails_of(call.world.view)
        if (home == scope or "atexactscope" not in wanted.calls)
        and (definition is None or definition_id(one.rule).lower() == definition.lower())
    ]
    return page(call, found, key=lambda one: one.name.lower(), show=lambda one: show_assignment(one, home))


async def get_assignment(call: Call) -> Response:
    """Get a guardrail."""
    name, scope = call.params["name"], call.params["scope"]
    for guardrail in guardrails_of(call.world.view):
        if guardrail.name.lower() == name.lower() and _home(scope) == scope:
            return json.response(show_assignment(guardrail, scope))
    raise NotFound("The policy assignment could not be found at this scope.", code="PolicyAssignmentNotFound")


def _home(scope: str) -> str:
    """Give the scope at which a guardrail is told that holds at another: a subscription's, for all that is in it."""
    parts = scope.split("/")
    return "/".join(parts[:3]) if len(parts) > 2 and parts[1].lower() == "subscriptions" else scope


# ---- what is thought of ---------------------------------------------------------------------------------------------


async def check_restrictions(call: Call) -> Response:
    """Say which guardrails a vault or a secret would go against, or a key; about other types there is none."""
    the_subscription(call)
    listed_group(call)
    body = await call.body(wire.CheckRestrictionsRequest)
    content = body.resource_details.resource_content
    kind = _text(content, "type")
    if kind is None:
        raise Invalid("The member resourceDetails.resourceContent.type is required.", code="InvalidRequestContent")
    # What nobody names yet is judged by what holds for every name.
    name = _text(content, "name") or _pending_name(body) or ""
    guardrails = guardrails_of(call.world.view)
    found: tuple[Violation, ...] = ()
    if kind.lower() == VAULT_TYPE.lower():
        vault = _proposed_vault(call, name, content, body.resource_details.api_version)
        found = judge_vault(guardrails, vault)
    elif kind.lower() == SECRET_TYPE.lower():
        properties = json.decode(json.encode(content), secret_wire.SecretPatchParameters).properties
        attributes = properties.attributes if properties is not None else None
        facts = SecretFacts(call.now, attributes.exp if attributes is not None else None)
        found = judge_secret(guardrails, _blank(call, name.partition("/")[0]), facts)
    elif kind.lower() == KEY_TYPE.lower():
        proposed = json.decode(json.encode(content), key_wire.ProposedKey).properties
        found = judge_key(guardrails, _blank(call, name.partition("/")[0]), proposed_facts(proposed, call.now))
    told = [one for one in found if one.effect is Effect.DENY or body.include_audit_effect]
    by_name, home = {one.name: one for one in guardrails}, _home(call.target.scope)
    return json.response(
        {
            "fieldRestrictions": show_restrictions((by_name[one.guardrail] for one in told), home),
            "contentEvaluationResult": {
                "policyEvaluations": [show_evaluation(by_name[one.guardrail], one.reason, home) for one in told]
            },
        }
    )


def _proposed_vault(call: Call, name: str, content: Mapping[str, Any], version: str | None) -> Vault:
    """
    Make the vault that a content would be, of which nothing is stored.

    Raises:
        Invalid: a setting is malformed.
    """
    properties = json.decode(json.encode(content), VaultPatchParameters).properties or VaultProperties()
    change = read_change(
        properties,
        {},
        tenant=call.identity.tenant,
        whole=False,
        extended_ip_rules=call.world.settings.extended_ip_rules,
    )
    asked = parse_arm(version or KEY_VAULT_ARM[-1], provider="Microsoft.KeyVault", resource_type="vaults")
    blank = _blank(call, name, rbac=defaults_to_rbac(asked))
    return apply_change(blank, change, permit_model_switch=lambda: None, new=True)


def _blank(call: Call, name: str, *, rbac: bool = True) -> Vault:
    return Vault(
        id="",
        tenant=call.identity.tenant,
        subscription=call.params["subscription"],
        resource_group=call.params.get("group", ""),
        name=name,
        location=call.world.settings.region,
        created=call.now,
        wrapped_key=b"",
        rbac=rbac,
    )


def _text(content: Mapping[str, Any], member: str) -> str | None:
    found = content.get(member)
    if found is not None and not isinstance(found, str):
        raise Invalid(
            f"The member resourceDetails.resourceContent.{member} must be a text.", code="InvalidRequestContent"
        )
    return found


def _pending_name(body: wire.CheckRestrictionsRequest) -> str | None:
    values = [one.values for one in body.pending_fields or () if one.field.lower() == "name" and one.values]
    return values[0][0] if values else None


# ---- what there is --------------------------------------------------------------------------------------------------


async def query_states(call: Call) -> Response:
    """List how vaults and secrets, as far as the caller may read them, stand to the guardrails that are about them."""
    _check_options(call)
    wanted = parse_filter(call.query.get("$filter"), properties=frozenset({"compliancestate"})).equals
    after, limit = opened(call)
    at = timestamp(call.now)
    shown: list[dict[str, Any]] = []
    last = ""
    more = False
    async for key, state in _states(call):
        if after is not None and key <= after:
            continue
        document = show_state(state, at)
        if any(document["complianceState"].lower() != value.lower() for value in wanted.values()):
            continue
        if len(shown) == limit:
            more = True
            break
        shown.append(document)
        last = key
    return continued(call, shown, last if more else None, link="@odata.nextLink")


async def summarize_states(call: Call) -> Response:
    """Count how vaults and secrets, as far as the caller may read them, stand to the guardrails about them."""
    _check_options(call)
    states = [state async for _, state in _states(call)]
    return json.response(
        {"@odata.context": None, "@odata.count": 1, "value": [show_summary(states, _home(call.target.scope))]}
    )


def _check_options(call: Call) -> None:
    given = [name for name in _STATE_OPTIONS if name in call.query]
    if given:
        raise Invalid(f"The query option {given[0]} is not served for policy states.", code="InvalidQueryOption")


async def _states(call: Call) -> AsyncIterator[tuple[str, Compliance]]:
    """Compare everything within the path's scope that the caller may read, in a fixed order, each under its key."""
    guardrails = guardrails_of(call.world.view)
    for vault in sorted(_vaults(call), key=lambda vault: vault.scope.lower()):
        mine = [one for one in guardrails if one.covers(vault)]
        for number, guardrail in enumerate(mine):
            if guardrail.is_about_vaults:
                compliant = not judge_vault((guardrail,), vault)
                state = Compliance(guardrail, vault.scope, VAULT_TYPE, vault.location, compliant)
                yield _key(vault, "", number), state
        async for keyed in _object_states(call, vault, mine):
            yield keyed


async def _object_states(
    call: Call, vault: Vault, guardrails: list[Guardrail]
) -> AsyncIterator[tuple[str, Compliance]]:
    """Compare a vault's keys, and then its secrets, with the guardrails that are about them."""
    numbered = list(enumerate(guardrails))
    about_keys = [(number, one) for number, one in numbered if one.rule in _ABOUT_KEYS]
    about_secrets = [(number, one) for number, one in numbered if one.rule is Rule.SECRET_EXPIRY]
    if about_keys:
        async for key in each_key(call.world.store, vault, call.now):
            scope, facts = f"{vault.scope}/keys/{key.stored.name}", facts_of(key.body)
            if not can(call, READ_KEY, scope):
                continue
            for number, guardrail in about_keys:
                compliant = not judge_key((guardrail,), vault, facts)
                place = _key(vault, f"keys/{key.stored.key}", number)
                yield place, Compliance(guardrail, scope, KEY_TYPE, vault.location, compliant)
    if about_secrets:
        async for secret in each_secret(call.world.store, vault, call.now):
            scope, own = f"{vault.scope}/secrets/{secret.stored.name}", secret.body.attributes
            if not can(call, READ_SECRET, scope):
                continue
            for number, guardrail in about_secrets:
                compliant = not judge_secret((guardrail,), vault, SecretFacts(own.created, own.exp))
                place = _key(vault, f"secrets/{secret.stored.key}", number)
                yield place, Compliance(guardrail, scope, SECRET_TYPE, vault.location, compliant)


def _key(vault: Vault, place: str, number: int) -> str:
    # A line end comes before everything that a name has.
    return f"{vault.scope.lower()}\n{place}\n{number:04}"


def _vaults(call: Call) -> list[Vault]:
    """
    Find the vaults within the path's scope that the caller may read.

    Raises:
        NotFound: the subscription, or the vault that the path names, is not there.
    """
    if "vault" in call.params:
        found = [the_vault(call)]
    else:
        parent, group = the_subscription(call), listed_group(call)
        found = [
            vault
            for vault in call.world.view.vaults()
            if vault.subscription == parent.id
            and vault.deleted is None
            and (group is None or vault.resource_group.lower() == group)
        ]
    return [vault for vault in found if can(call, READ_VAULT, vault.scope)]
