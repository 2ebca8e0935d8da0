"""
Bodies of Graph's requests.

A property that Graph knows and this service does not is taken only where it is empty, as official clients send it; with
content it is refused, because to drop it silently would be to lie about what was done.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from strongroom.core import limits
from strongroom.core.errors import Invalid
from strongroom.core.federation import TEXT_CHARS
from strongroom.http import json

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.DISPLAY_NAME_CHARS)]
Text = Annotated[str, msgspec.Meta(max_length=limits.GRAPH_TEXT_CHARS)]
Nickname = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
PersonName = Annotated[str, msgspec.Meta(max_length=64)]
Uri = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.DISPLAY_NAME_CHARS)]
Guid = Annotated[str, msgspec.Meta(max_length=36, pattern=r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$")]
"""What a body names an object by. Nothing else may stand there, since ids are recorded."""
Uris = Annotated[tuple[Uri, ...], msgspec.Meta(max_length=50)]
Tags = Annotated[tuple[Name, ...], msgspec.Meta(max_length=50)]

ProfileText = Text | msgspec.UnsetType | None
References = Annotated[tuple[str, ...], msgspec.Meta(max_length=limits.GRAPH_MEMBERS_PER_PATCH)]


class Wire(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A body: members in camel case, unknown ones refused; generated clients say the type, which the path says."""

    odata_type: str | None = msgspec.field(name="@odata.type", default=None)


Base64 = Annotated[str, msgspec.Meta(max_length=2 * limits.CLIENT_CERTIFICATE_BYTES)]


class KeyCredentialBody(Wire):
    """A certificate to be registered; without a key, one that is there already."""

    odata_type: Any = msgspec.field(name="@odata.type", default=None)
    custom_key_identifier: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    display_name: Text | None = None
    end_date_time: datetime | None = None
    key: Base64 | None = None
    key_id: Guid | None = None
    start_date_time: datetime | None = None
    type: str | None = None
    usage: str | None = None


KeyCredentials = Annotated[
    tuple[KeyCredentialBody, ...], msgspec.Meta(max_length=limits.CLIENT_CERTIFICATES_PER_APPLICATION)
]


Federated = Annotated[str, msgspec.Meta(max_length=TEXT_CHARS)]


class FederatedCredentialBody(Wire):
    """A federated credential to be made or changed."""

    id: Any = None
    name: Federated | None = None
    issuer: Federated | None = None
    subject: Federated | None = None
    audiences: Annotated[tuple[Federated, ...], msgspec.Meta(max_length=10)] | None = None
    description: Federated | msgspec.UnsetType | None = msgspec.UNSET


class AddKeyBody(Wire):
    """The argument of addKey."""

    key_credential: KeyCredentialBody
    proof: str
    password_credential: Any = None

    LATER = ("password_credential",)


class RemoveKeyBody(Wire):
    """The argument of removeKey."""

    key_id: Guid
    proof: str


class PasswordCredentialBody(Wire):
    """What may be asked of a new secret."""

    display_name: Text | None = None
    start_date_time: datetime | None = None
    end_date_time: datetime | None = None
    custom_key_identifier: Any = None
    hint: Any = None
    key_id: Guid | None = None
    """One that Azure PowerShell makes up each time. The answer has another, since tokens are bound to it."""
    secret_text: Any = None

    LATER = ("custom_key_identifier", "hint", "secret_text")


class AddPasswordBody(Wire):
    """The argument of addPassword."""

    password_credential: PasswordCredentialBody | None = None


class RemovePasswordBody(Wire):
    """The argument of removePassword."""

    key_id: Guid


class ServicePrincipalBody(Wire):
    """A service principal to be made or changed."""

    app_id: Guid | None = None
    account_enabled: bool | None = None
    display_name: Name | None = None
    tags: Tags | None = None
    owners: References = msgspec.field(name="owners@odata.bind", default=())
    app_role_assignment_required: bool | None = None
    description: Text | msgspec.UnsetType | None = msgspec.UNSET
    notes: Text | msgspec.UnsetType | None = msgspec.UNSET
    key_credentials: KeyCredentials | None = None
    alternative_names: Any = None
    login_url: Any = None
    notification_email_addresses: Any = None
    password_credentials: Any = None
    preferred_single_sign_on_mode: Any = None
    saml_single_sign_on_settings: Any = None
    service_principal_type: Any = None

    LATER = (
        "alternative_names", "login_url", "notification_email_addresses", "password_credentials",
        "preferred_single_sign_on_mode", "saml_single_sign_on_settings", "service_principal_type",
    )  # fmt: skip


class PasswordProfileBody(json.Secretive, Wire):
    """A user's new password, which `core.passwords` judges; without one, whether the present one must be changed."""

    password: str | None = None
    force_change_password_next_sign_in: bool = False
    force_change_password_next_sign_in_with_mfa: bool = False

    @property
    def must_change(self) -> bool:
        """Whether the user has to choose another at the next sign-in."""
        return self.force_change_password_next_sign_in or self.force_change_password_next_sign_in_with_mfa


class ChangePasswordBody(json.Secretive, Wire):
    """The argument of changePassword."""

    current_password: str
    new_password: str


class UserBody(Wire):
    """A user to be made or changed."""

    account_enabled: bool | None = None
    display_name: Name | None = None
    mail_nickname: Nickname | None = None
    user_principal_name: str | None = None
    password_profile: PasswordProfileBody | None = None
    given_name: PersonName | msgspec.UnsetType | None = msgspec.UNSET
    surname: PersonName | msgspec.UnsetType | None = msgspec.UNSET
    password_policies: PersonName | msgspec.UnsetType | None = msgspec.UNSET
    city: ProfileText = msgspec.UNSET
    company_name: ProfileText = msgspec.UNSET
    country: ProfileText = msgspec.UNSET
    department: ProfileText = msgspec.UNSET
    employee_id: ProfileText = msgspec.UNSET
    employee_type: ProfileText = msgspec.UNSET
    fax_number: ProfileText = msgspec.UNSET
    job_title: ProfileText = msgspec.UNSET
    mail: ProfileText = msgspec.UNSET
    mobile_phone: ProfileText = msgspec.UNSET
    office_location: ProfileText = msgspec.UNSET
    postal_code: ProfileText = msgspec.UNSET
    preferred_language: ProfileText = msgspec.UNSET
    state: ProfileText = msgspec.UNSET
    street_address: ProfileText = msgspec.UNSET
    usage_location: ProfileText = msgspec.UNSET
    show_in_address_list: Literal[True] | None = None
    """As everybody is, where there is an address list."""
    age_group: Any = None
    business_phones: Any = None
    consent_provided_for_minor: Any = None
    employee_hire_date: Any = None
    employee_org_data: Any = None
    on_premises_immutable_id: Any = None
    other_mails: Any = None

    LATER = (
        "age_group", "business_phones", "consent_provided_for_minor", "employee_hire_date", "employee_org_data",
        "on_premises_immutable_id", "other_mails",
    )  # fmt: skip

    def profile(self) -> dict[str, str]:
        """Give what is said of the person beside its names; an empty text where something is to be removed."""
        said = ((one.encode_name, getattr(self, one.name)) for one in msgspec.structs.fields(self))
        return {name: text or "" for name, text in said if name in PROFILE and text is not msgspec.UNSET}


PROFILE = tuple(one.encode_name for one in msgspec.structs.fields(UserBody) if one.type == ProfileText)
"""The names of what is said of a person, and decides nothing."""


class GroupBody(Wire):
    """A group to be made or changed."""

    display_name: Name | None = None
    mail_nickname: Nickname | None = None
    mail_enabled: bool | None = None
    security_enabled: bool | None = None
    description: Text | msgspec.UnsetType | None = msgspec.UNSET
    members: References = msgspec.field(name="members@odata.bind", default=())
    owners: References = msgspec.field(name="owners@odata.bind", default=())
    assigned_labels: Any = None
    auto_subscribe_new_members: Any = None
    group_types: Any = None
    hide_from_address_lists: Any = None
    hide_from_outlook_clients: Any = None
    is_assignable_to_role: Any = None
    membership_rule: Any = None
    membership_rule_processing_state: Any = None
    resource_behavior_options: Any = None
    resource_provisioning_options: Any = None
    theme: Any = None
    visibility: Any = None
    writeback_configuration: Any = None

    LATER = (
        "assigned_labels", "auto_subscribe_new_members", "group_types", "hide_from_address_lists",
        "hide_from_outlook_clients", "is_assignable_to_role", "membership_rule", "membership_rule_processing_state",
        "resource_behavior_options", "resource_provisioning_options", "theme", "visibility", "writeback_configuration",
    )  # fmt: skip


class ReferenceBody(Wire):
    """A reference to a directory object."""

    odata_id: str = msgspec.field(name="@odata.id")


class AppRoleAssignmentBody(Wire):
    """An app role to be assigned; the names are only ever answered."""

    app_role_id: Guid
    resource_id: Guid
    principal_id: Guid | None = None
    principal_display_name: str | None = None
    principal_type: str | None = None
    resource_display_name: str | None = None


class ActivateRoleBody(Wire):
    """A directory role to be activated."""

    role_template_id: Guid


class RoleAssignmentBody(Wire):
    """A directory role to be assigned."""

    role_definition_id: Guid
    principal_id: Guid
    directory_scope_id: str = "/"
    app_scope_id: str | None = None
    condition: None = None


class PermissionGrantBody(Wire):
    """Delegated permissions to be granted."""

    client_id: Guid
    resource_id: Guid
    scope: str
    consent_type: Literal["AllPrincipals", "Principal"] = "AllPrincipals"
    principal_id: Guid | None = None
    # Asked of clients by the beta version, and of no meaning.
    expiry_time: Any = None
    start_time: Any = None


class GrantChangeBody(Wire):
    """What a grant is to be for."""

    scope: str


class GetByIdsBody(Wire):
    """The argument of getByIds."""

    ids: Annotated[tuple[Guid, ...], msgspec.Meta(max_length=limits.GRAPH_IDS_PER_REQUEST)]
    types: tuple[str, ...] = ()


class MemberObjectsBody(Wire):
    """The argument of getMemberObjects and getMemberGroups."""

    security_enabled_only: bool = False


class CheckMemberGroupsBody(Wire):
    """The argument of checkMemberGroups."""

    group_ids: Annotated[tuple[Guid, ...], msgspec.Meta(max_length=20)]


def refuse_later(body: Wire, names: tuple[str, ...]) -> None:
    """
    Refuse content in properties that are not supported yet.

    Raises:
        Invalid: one of *names* is neither absent, null, false nor empty, nor made of such alone.
    """
    for name in names:
        if _says_something(getattr(body, name)):
            wire_name = next(one.encode_name for one in msgspec.structs.fields(body) if one.name == name)
            raise Invalid(f"The property '{wire_name}' is not supported.")


def _says_something(value: Any) -> bool:
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(map(_says_something, members)) if isinstance(value, dict | list) else bool(value)


def clearing(value: str | msgspec.UnsetType | None) -> str | None:
    """Read an optional text as the directory's changes have it: None to leave it, an empty one to remove it."""
    if value is msgspec.UNSET:
        return None
    return value or ""


def require(value: str | None, name: str, resource: str) -> str:
    """
    Require a property.

    Raises:
        Invalid: it is absent.
    """
    if value is None:
        raise Invalid(f"A value is required for property '{name}' of resource '{resource}'.")
    return value
