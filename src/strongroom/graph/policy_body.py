"""
Conditional access policies on Graph's wire: what can be enforced is read and told, everything else is refused.

A policy that was kept and not enforced would be worse than none, so each property that Graph has and this service does
not enforce is taken only where it says nothing. Two conditions are ours, since Graph has no words for them: by which
grants, and by which client applications a user's token is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from strongroom.core import limits
from strongroom.core.conditional_access import ALL, ALL_TRUSTED, AccessPolicy, Demands, Flow, State, Subjects
from strongroom.core.echo import WORD, shown
from strongroom.core.errors import Invalid
from strongroom.core.guids import parse_guid
from strongroom.graph.render import instant
from strongroom.graph.wire import Name, Wire, refuse_later, require
from strongroom.http import json

T = TypeVar("T")
UNSET = msgspec.UNSET
Unset = msgspec.UnsetType
_NONE = "None"
_OWN_SERVICE_PRINCIPALS = "ServicePrincipalsInMyOrganization"
_DEVICE_CODE = "deviceCodeFlow"
_HOUR_S, _DAY_S = 3600, 86_400

_Named = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Ids = Annotated[tuple[_Named, ...], msgspec.Meta(max_length=limits.ACCESS_POLICY_NAMES)] | Unset | None
_GRANTS = "@strongroom.grantTypes"
_CLIENTS = "@strongroom.clientApplications"


class PolicyUsersBody(Wire):
    """Which users a policy is about."""

    include_users: Ids = UNSET
    exclude_users: Ids = UNSET
    include_groups: Ids = UNSET
    exclude_groups: Ids = UNSET
    include_roles: Ids = UNSET
    exclude_roles: Ids = UNSET
    include_guests_or_external_users: Any = UNSET
    exclude_guests_or_external_users: Any = UNSET

    LATER = ("include_guests_or_external_users", "exclude_guests_or_external_users")


class PolicyApplicationsBody(Wire):
    """What tokens are for."""

    include_applications: Ids = UNSET
    exclude_applications: Ids = UNSET
    include_user_actions: Any = UNSET
    include_authentication_context_class_references: Any = UNSET
    application_filter: Any = UNSET
    global_secure_access: Any = UNSET
    network_access: Any = UNSET

    LATER = (
        "include_user_actions", "include_authentication_context_class_references", "application_filter",
        "global_secure_access", "network_access",
    )  # fmt: skip


class PolicyServicePrincipalsBody(Wire):
    """Which service principals a policy is about."""

    include_service_principals: Ids = UNSET
    exclude_service_principals: Ids = UNSET
    service_principal_filter: Any = UNSET

    LATER = ("service_principal_filter",)


class PolicyLocationsBody(Wire):
    """From where."""

    include_locations: Ids = UNSET
    exclude_locations: Ids = UNSET


class PolicyFlowsBody(Wire):
    """By which ways of asking, in Graph's words: it has one that is served."""

    transfer_methods: Annotated[str, msgspec.Meta(max_length=64)] | Unset | None = UNSET


class PolicyConditionsBody(Wire):
    """What a policy is about."""

    users: PolicyUsersBody | Unset | None = UNSET
    applications: PolicyApplicationsBody | Unset | None = UNSET
    client_applications: PolicyServicePrincipalsBody | Unset | None = UNSET
    locations: PolicyLocationsBody | Unset | None = UNSET
    client_app_types: Ids = UNSET
    authentication_flows: PolicyFlowsBody | Unset | None = UNSET
    grant_types: Annotated[tuple[Flow, ...], msgspec.Meta(max_length=len(Flow))] | Unset | None = msgspec.field(
        name=_GRANTS, default=UNSET
    )
    client_ids: Ids = msgspec.field(name=_CLIENTS, default=UNSET)
    agent_id_risk_levels: Any = UNSET
    device_states: Any = UNSET
    devices: Any = UNSET
    insider_risk_levels: Any = UNSET
    platforms: Any = UNSET
    service_principal_risk_levels: Any = UNSET
    sign_in_risk_levels: Any = UNSET
    times: Any = UNSET
    user_risk_levels: Any = UNSET

    LATER = (
        "agent_id_risk_levels", "device_states", "devices", "insider_risk_levels", "platforms",
        "service_principal_risk_levels", "sign_in_risk_levels", "times", "user_risk_levels",
    )  # fmt: skip


class PolicyGrantControlsBody(Wire):
    """What must be shown, or that nothing is enough. There is one control at most, so `operator` decides nothing."""

    operator: Literal["AND", "OR"] | Unset | None = UNSET
    built_in_controls: Ids = UNSET
    authentication_strength: Any = UNSET
    authentication_strength_context: Any = msgspec.field(name="authenticationStrength@odata.context", default=UNSET)
    custom_authentication_factors: Any = UNSET
    terms_of_use: Any = UNSET

    LATER = ("authentication_strength", "custom_authentication_factors", "terms_of_use")


class PolicyFrequencyBody(Wire):
    """How old a sign-in may be."""

    authentication_type: str | Unset | None = UNSET
    frequency_interval: Literal["timeBased", "everyTime"] | Unset | None = UNSET
    is_enabled: bool | Unset | None = UNSET
    type: Literal["hours", "days"] | Unset | None = UNSET
    value: int | Unset | None = UNSET


class PolicySessionControlsBody(Wire):
    """What is demanded of a session."""

    sign_in_frequency: PolicyFrequencyBody | Unset | None = UNSET
    application_enforced_restrictions: Any = UNSET
    cloud_app_security: Any = UNSET
    continuous_access_evaluation: Any = UNSET
    disable_resilience_defaults: Any = UNSET
    global_secure_access_filtering_profile: Any = UNSET
    persistent_browser: Any = UNSET
    secure_sign_in_session: Any = UNSET

    LATER = (
        "application_enforced_restrictions", "cloud_app_security", "continuous_access_evaluation",
        "disable_resilience_defaults", "global_secure_access_filtering_profile", "persistent_browser",
        "secure_sign_in_session",
    )  # fmt: skip


class AccessPolicyBody(Wire):
    """A conditional access policy to be made or changed; its id and times are only ever answered."""

    display_name: Name | Unset = UNSET
    state: State | Unset = UNSET
    conditions: PolicyConditionsBody | Unset = UNSET
    grant_controls: PolicyGrantControlsBody | Unset | None = UNSET
    session_controls: PolicySessionControlsBody | Unset | None = UNSET
    id: Any = UNSET
    created_date_time: Any = UNSET
    modified_date_time: Any = UNSET
    deleted_date_time: Any = UNSET
    description: Any = UNSET
    partial_enablement_strategy: Any = UNSET
    template_id: Any = UNSET

    LATER = ("deleted_date_time", "description", "partial_enablement_strategy", "template_id")


# ---- reading --------------------------------------------------------------------------------------------------------


def read_policy(body: AccessPolicyBody, *, policy_id: str, tenant: str, created: int, modified: int) -> AccessPolicy:
    """
    Read a whole policy.

    Raises:
        Invalid: something that it needs is missing, or it wants what is not enforced.
    """
    conditions = _given(body.conditions, PolicyConditionsBody)
    applications = _given(conditions.applications, PolicyApplicationsBody)
    users = _given(conditions.users, PolicyUsersBody)
    services = _given(conditions.client_applications, PolicyServicePrincipalsBody)
    locations = _given(conditions.locations, PolicyLocationsBody)
    for part in (body, conditions, applications, users, services):
        refuse_later(part, part.LATER)
    if _listed(conditions.client_app_types) not in {(), ("all",)}:
        raise _invalid("The only value of 'clientAppTypes' that is supported is 'all'.")
    networks = _ids(locations.include_locations, {ALL, ALL_TRUSTED})
    if conditions.locations and not networks:
        raise _invalid("A condition on locations needs 'includeLocations'.")
    return AccessPolicy(
        policy_id,
        tenant,
        require(body.display_name or None, "displayName", "conditionalAccessPolicy"),
        State(require(body.state or None, "state", "conditionalAccessPolicy")),
        created,
        modified,
        _demands(body),
        Subjects(
            _ids(users.include_users, {ALL}),
            _ids(users.include_groups),
            _ids(users.include_roles),
            _service_principals(services.include_service_principals),
        ),
        Subjects(
            _ids(users.exclude_users),
            _ids(users.exclude_groups),
            _ids(users.exclude_roles),
            _service_principals(services.exclude_service_principals),
        ),
        _ids(applications.include_applications, {ALL}),
        _ids(applications.exclude_applications),
        _ids(conditions.client_ids),
        _flows(conditions),
        networks,
        _ids(locations.exclude_locations, {ALL_TRUSTED}),
    )


def merged(record: AccessPolicy, change: AccessPolicyBody) -> AccessPolicyBody:
    """
    Make the whole body of a policy that is to be changed: what *change* names, and the rest as it is.

    Raises:
        Invalid: what comes out has not the form of a policy.
    """
    whole = _overlay(render_policy(record), msgspec.to_builtins(change))
    return json.decode(json.encode(whole), AccessPolicyBody)


def _overlay(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    both = {
        name: _overlay(under[name], value) if isinstance(value, dict) and isinstance(under.get(name), dict) else value
        for name, value in over.items()
    }
    return {**under, **both}


def _given(value: T | Unset | None, kind: type[T]) -> T:
    return kind() if value is None or isinstance(value, Unset) else value


def _listed(value: tuple[str, ...] | Unset | None) -> tuple[str, ...]:
    return () if value is None or isinstance(value, Unset) else value


def _ids(value: tuple[str, ...] | Unset | None, words: Iterable[str] = ()) -> tuple[str, ...]:
    """Read a list of ids, in which *words* may stand too; `None` alone is the empty list."""
    texts = _listed(value)
    if texts == (_NONE,):
        return ()
    known = frozenset(words)
    found = tuple(dict.fromkeys(one if one in known else _id(one) for one in texts))
    if len(found) > 1 and ALL in found:
        raise _invalid("'All' stands for itself alone.")
    return found


def _id(text: str) -> str:
    found = parse_guid(text)
    if found is None:
        raise _invalid(f"'{shown(text, WORD)}' is no id, or not supported here.")
    return found


def _service_principals(value: tuple[str, ...] | Unset | None) -> tuple[str, ...]:
    return tuple(ALL if one == _OWN_SERVICE_PRINCIPALS else one for one in _ids(value, {_OWN_SERVICE_PRINCIPALS}))


def _flows(conditions: PolicyConditionsBody) -> tuple[Flow, ...]:
    """Read by which ways of asking. Graph's own word and ours say the same thing, so they must not both stand there."""
    methods = _given(conditions.authentication_flows, PolicyFlowsBody).transfer_methods or _NONE.lower()
    flows = () if isinstance(conditions.grant_types, Unset) else tuple(dict.fromkeys(conditions.grant_types or ()))
    if methods == _NONE.lower():
        return flows
    if methods != _DEVICE_CODE:
        raise _invalid(f"The only value of 'transferMethods' that is supported is '{_DEVICE_CODE}'.")
    if flows:
        raise _invalid(f"'authenticationFlows' and '{_GRANTS}' cannot be combined.")
    return (Flow.DEVICE_CODE,)


def _demands(body: AccessPolicyBody) -> Demands:
    grant = _given(body.grant_controls, PolicyGrantControlsBody)
    session = _given(body.session_controls, PolicySessionControlsBody)
    for part in (grant, session):
        refuse_later(part, part.LATER)
    controls = _listed(grant.built_in_controls)
    if not set(controls) <= {"block", "mfa"}:
        raise _invalid("The only values of 'builtInControls' that are supported are 'block' and 'mfa'.")
    return Demands("block" in controls, "mfa" in controls, _sign_in_age(session))


def _sign_in_age(session: PolicySessionControlsBody) -> int | None:
    frequency = session.sign_in_frequency
    if not isinstance(frequency, PolicyFrequencyBody) or frequency.is_enabled is not True:
        return None
    if (frequency.authentication_type or _BOTH) != _BOTH:
        raise _invalid(f"The only value of 'authenticationType' that is supported is '{_BOTH}'.")
    if frequency.frequency_interval == "everyTime":
        if frequency.type or frequency.value:
            raise _invalid("'everyTime' has neither type nor value.")
        return 0
    hours = frequency.type == "hours"
    most = limits.SIGN_IN_FREQUENCY_HOURS if hours else limits.SIGN_IN_FREQUENCY_DAYS
    if not frequency.type or not isinstance(frequency.value, int) or not 1 <= frequency.value <= most:
        raise _invalid(
            f"A sign-in frequency is 1 to {limits.SIGN_IN_FREQUENCY_HOURS} hours or 1 to"
            f" {limits.SIGN_IN_FREQUENCY_DAYS} days."
        )
    return frequency.value * (_HOUR_S if hours else _DAY_S)


_BOTH = "primaryAndSecondaryAuthentication"


def _invalid(detail: str) -> Invalid:
    return Invalid(detail, code="BadRequest")


# ---- telling --------------------------------------------------------------------------------------------------------


def render_policy(record: AccessPolicy) -> dict[str, Any]:
    """Render a policy, in Graph's words as far as it has some."""
    return {
        "id": record.id,
        "templateId": None,
        "displayName": record.display_name,
        "createdDateTime": instant(record.created),
        "modifiedDateTime": instant(record.modified),
        "state": record.state.value,
        "conditions": _conditions(record),
        "grantControls": _grant_controls(record.demands),
        "sessionControls": _session_controls(record.demands),
    }


def _conditions(record: AccessPolicy) -> dict[str, Any]:
    include, exclude = record.include, record.exclude
    by_device_code = record.flows == (Flow.DEVICE_CODE,)
    somebody = include.users or include.groups or include.roles
    conditions: dict[str, Any] = {
        "clientAppTypes": ["all"],
        "platforms": None,
        "times": None,
        "devices": None,
        "userRiskLevels": [],
        "signInRiskLevels": [],
        "servicePrincipalRiskLevels": [],
        "insiderRiskLevels": None,
        "applications": {
            "includeApplications": list(record.resources) or [_NONE],
            "excludeApplications": list(record.excluded_resources),
            "includeUserActions": [],
            "includeAuthenticationContextClassReferences": [],
            "applicationFilter": None,
        },
        "users": {
            "includeUsers": list(include.users) if somebody else [_NONE],
            "excludeUsers": list(exclude.users),
            "includeGroups": list(include.groups),
            "excludeGroups": list(exclude.groups),
            "includeRoles": list(include.roles),
            "excludeRoles": list(exclude.roles),
            "includeGuestsOrExternalUsers": None,
            "excludeGuestsOrExternalUsers": None,
        },
        "clientApplications": None,
        "locations": None,
        "authenticationFlows": {"transferMethods": _DEVICE_CODE} if by_device_code else None,
    }
    if include.service_principals or exclude.service_principals:
        conditions["clientApplications"] = {
            "includeServicePrincipals": _own(include.service_principals) or [_NONE],
            "excludeServicePrincipals": _own(exclude.service_principals),
            "servicePrincipalFilter": None,
        }
    if record.networks:
        conditions["locations"] = {
            "includeLocations": list(record.networks),
            "excludeLocations": list(record.excluded_networks),
        }
    if record.flows and not by_device_code:
        conditions[_GRANTS] = [flow.value for flow in record.flows]
    if record.clients:
        conditions[_CLIENTS] = list(record.clients)
    return conditions


def _own(ids: tuple[str, ...]) -> list[str]:
    return [_OWN_SERVICE_PRINCIPALS if one == ALL else one for one in ids]


def _grant_controls(demands: Demands) -> dict[str, Any] | None:
    controls = [name for name, wanted in (("block", demands.block), ("mfa", demands.second_factor)) if wanted]
    if not controls:
        return None
    return {
        "operator": "OR",
        "builtInControls": controls,
        "customAuthenticationFactors": [],
        "termsOfUse": [],
        "authenticationStrength": None,
    }


def _session_controls(demands: Demands) -> dict[str, Any] | None:
    age_s = demands.sign_in_age_s
    if age_s is None:
        return None
    in_days = age_s % _DAY_S == 0
    return {
        "applicationEnforcedRestrictions": None,
        "cloudAppSecurity": None,
        "disableResilienceDefaults": None,
        "persistentBrowser": None,
        "signInFrequency": {
            "authenticationType": _BOTH,
            "frequencyInterval": "timeBased" if age_s else "everyTime",
            "isEnabled": True,
            "type": ("days" if in_days else "hours") if age_s else None,
            "value": age_s // (_DAY_S if in_days else _HOUR_S) if age_s else None,
        },
    }
