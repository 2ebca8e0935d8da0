"""From the body of a request to a plan that can be carried out: all that is known to be wrong is refused here."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from strongroom.arm import deployment_wire as wire
from strongroom.arm.cloud import describe_cloud
from strongroom.arm.deployment_secrets import resolve_parameters
from strongroom.arm.documents import show_group, show_subscription, show_tenant
from strongroom.core import deployment_limits as limits
from strongroom.core.errors import Invalid, MethodNotAllowed, NotFound
from strongroom.core.identity import PrincipalType
from strongroom.core.templates.document import Template, read_template
from strongroom.core.templates.evaluation import Budget, Evaluator
from strongroom.core.templates.faults import TemplateFault, invalid_template
from strongroom.core.templates.functions import FUNCTIONS
from strongroom.core.templates.hiding import hide_sentence, secrets_in, texts_in
from strongroom.core.templates.plan import Plan, make_plan
from strongroom.core.templates.scopes import Place, ScopeKind, parse_place
from strongroom.core.templates.source import place_of, strict_json
from strongroom.core.templates.surroundings import Bound, Surroundings
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.resources.deployments import is_deployment_name
from strongroom.resources.lookup import group_of, management_group_of, subscription_of

INCREMENTAL, COMPLETE = "Incremental", "Complete"
_CHANCE_BYTES = 32
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Prepared:
    """
    A deployment that can begin.

    Attributes:
        secrets: every text that secure parameters brought in: what nothing that is kept or shown may have in it.
    """

    place: Place
    name: str
    location: str
    mode: str
    plan: Plan
    secrets: frozenset[str] = field(repr=False)
    tags: dict[str, str] = field(default_factory=dict)


async def read_deployment(call: Call) -> wire.Deployment:
    """
    Read the body, as `az` sends it too: with comments, and with one name that has no quotation marks.

    Raises:
        Invalid: it is not valid. The sentence gives the place, where it is the JSON that is wrong.
    """
    raw = await call.raw_body()
    # Beside the loop: it looks at each text of what may be megabytes.
    return await call.world.background.aside(_read, raw.removeprefix(_BOM))


def _read(raw: bytes) -> wire.Deployment:
    with suppress(Invalid):
        # What is strict already, and so nearly everything, need not be made so.
        return json.decode(raw, wire.Deployment)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Invalid("The request body is not valid UTF-8.", code="InvalidRequestContent") from None
    strict = strict_json(text)
    try:
        return json.decode(strict.encode(), wire.Deployment)
    except Invalid as invalid:
        raise Invalid(
            f"The request content was invalid and could not be deserialized: '{invalid.message}'{_place(strict)}",
            code="InvalidRequestContent",
        ) from None


def _place(text: str) -> str:
    """Say where a text stops being JSON, if it does."""
    offset = json.fault_offset(text)
    if offset is None:
        return ""
    line, column = place_of(text, offset)
    return f" Line '{line}', position '{column}'."


def place_of_call(call: Call) -> Place:
    """
    Find the scope in the path, and that it exists.

    Raises:
        NotFound: there is no such group, subscription or management group in the caller's tenant.
        Invalid: nothing is deployed at such a scope.
    """
    place = parse_place(call.params["scope"])
    if place is None:
        raise Invalid(
            "A deployment is at a resource group, a subscription, a management group or the tenant.",
            code="InvalidDeploymentScope",
        )
    view, tenant = call.world.view, call.identity.tenant
    if place.kind is ScopeKind.GROUP:
        found = group_of(view, tenant, place.subscription, place.group)
        return Place(found.scope, place.kind, found.subscription, found.name)
    if place.kind is ScopeKind.SUBSCRIPTION:
        subscription = subscription_of(view, tenant, place.subscription)
        return Place(subscription.scope, place.kind, subscription.id)
    if place.kind is ScopeKind.MANAGEMENT_GROUP:
        management_group_of(view, tenant, place.management_group)
    return place


async def prepare(call: Call, body: wire.Deployment) -> Prepared:
    """
    Make the plan of a deployment.

    Raises:
        Invalid: `InvalidTemplate` and others: the template, its parameters or its mode are wrong, or it has a resource
            of a type that is not served.
        Failure: a secret that a parameter refers to cannot be had.
    """
    place, name = place_of_call(call), call.params["deployment"]
    properties = body.properties
    _check_outside(place, name, body)
    secrets: frozenset[str] = frozenset()
    try:
        background = call.world.background
        template = await background.aside(read_template, properties.template)
        given = await resolve_parameters(call, template, properties.parameters or {})
        secrets = await background.aside(secrets_in, template, given)
        surroundings = Surroundings(
            place,
            datetime.fromtimestamp(call.now, UTC),
            call.world.entropy(_CHANCE_BYTES),
            _facts(call, place, name, body),
        )
        # Beside the loop: it may take up to a second, and nobody else is to wait for it.
        plan, bound = await background.aside(_plan, template, given, surroundings)
        secrets |= bound
    except TemplateFault as fault:
        raise invalid_template(hide_sentence(str(fault), secrets)) from None
    _require_served(call, plan)
    return Prepared(
        place,
        name,
        body.location or "",
        _mode(properties.mode, place),
        plan,
        secrets,
        body.tags or {},
    )


def _plan(template: Template, given: dict[str, Any], surroundings: Surroundings) -> tuple[Plan, frozenset[str]]:
    """Make the plan, and gather the texts of secure parameters as they are bound."""
    try:
        plan = make_plan(Bound(template, given, surroundings, Evaluator(FUNCTIONS, Budget())))
        return plan, texts_in(plan.bound.secure_values())
    except RecursionError:
        raise TemplateFault("The expressions of the template ask one another too deeply") from None


def _check_outside(place: Place, name: str, body: wire.Deployment) -> None:
    """Check all of a deployment but its template."""
    properties = body.properties
    if not is_deployment_name(name):
        raise Invalid(
            f"The deployment name is invalid: it has 1 to {limits.DEPLOYMENT_NAME_CHARS} characters, each a letter,"
            " digit, '-', '.', '(', ')' or '_'.",
            code="InvalidDeploymentName",
        )
    if properties.template_link is not None or properties.parameters_link is not None:
        raise Invalid(
            "A templateLink or parametersLink is not followed: this service fetches no templates. Send the template"
            " itself as 'properties.template', and the parameters as 'properties.parameters'.",
            code="InvalidTemplateLink",
        )
    if properties.template is None:
        raise Invalid("The deployment has no 'properties.template'.", code="InvalidRequestContent")
    if place.kind is not ScopeKind.GROUP and not body.location:
        raise Invalid(f"The 'location' property must be specified for '{name}'.", code="LocationRequired")
    _mode(properties.mode, place)


def _mode(given: str, place: Place) -> str:
    mode = next((one for one in (INCREMENTAL, COMPLETE) if one.lower() == given.lower()), None)
    if mode is None:
        raise Invalid("The deployment mode is 'Incremental' or 'Complete'.", code="InvalidDeploymentMode")
    if mode == COMPLETE and place.kind is not ScopeKind.GROUP:
        raise Invalid("The mode 'Complete' is for deployments at a resource group.", code="InvalidDeploymentMode")
    return mode


def _require_served(call: Call, plan: Plan) -> None:
    """
    Refuse a plan with a resource that nothing here can make, before anything is made.

    Raises:
        Invalid: `InvalidResourceType`; the sentence has the types that there are.
    """
    for one in plan.deployed:
        path = path_of(one.id)
        try:
            call.surface.router.find("PUT", path)
        except (NotFound, MethodNotAllowed) as missing:
            unserved = call.surface.unserved
            told = unserved(path) if unserved is not None else missing
            raise Invalid(told.message, code="InvalidResourceType") from None


def path_of(resource: str) -> bytes:
    """Write an id as the path of a request."""
    return quote_path(resource).encode("ascii")


def quote_path(resource: str) -> str:
    """Encode what a path cannot have as it is."""
    return quote(resource, safe="/-._~()!$&'*+,;=:@")


def _facts(call: Call, place: Place, name: str, body: wire.Deployment) -> dict[str, Any]:
    """Say what the functions without arguments give."""
    view, caller = call.world.view, call.identity
    tenant = view.tenant(caller.tenant)
    properties = body.properties
    location = {"location": body.location} if body.location else {}
    facts: dict[str, Any] = {
        "deployment": {
            "name": name,
            **location,
            "properties": {
                "template": properties.template,
                "templateHash": "",
                "parameters": {},
                "mode": properties.mode,
                "provisioningState": "Accepted",
            },
        },
        "environment": _environment(call),
        "tenant": show_tenant(tenant) if tenant is not None else {},
        "deployer": {
            "objectId": caller.oid,
            "tenantId": caller.tenant,
            **({"userPrincipalName": caller.name} if caller.kind is PrincipalType.USER else {}),
        },
    }
    if place.subscription:
        facts["subscription"] = show_subscription(subscription_of(view, caller.tenant, place.subscription))
    if place.kind is ScopeKind.GROUP:
        facts["resourcegroup"] = show_group(group_of(view, caller.tenant, place.subscription, place.group))
    if place.kind is ScopeKind.MANAGEMENT_GROUP:
        group = management_group_of(view, caller.tenant, place.management_group)
        facts["managementgroup"] = {
            "id": place.path,
            "name": place.management_group,
            "type": "Microsoft.Management/managementGroups",
            "properties": {
                "tenantId": caller.tenant,
                "displayName": group.display_name if group is not None else "Tenant Root Group",
            },
        }
    return facts


def _environment(call: Call) -> dict[str, Any]:
    cloud = describe_cloud(call.the_site)
    suffixes = dict(cloud["suffixes"])
    # Templates put a vault's name before it.
    suffixes["keyvaultDns"] = f".{suffixes.pop('keyVaultDns')}"
    return cloud | {"suffixes": suffixes}
