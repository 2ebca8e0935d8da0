"""
Whether what tokens were obtained with still stands: the credentials of applications, and the token families of users.

Asked whenever a token is shown, and again when a refresh token is (security.md "The flow": a token ends with the
credential and the session that made it).
"""

from __future__ import annotations

from dataclasses import dataclass

from strongroom.core.identity import Application, ServicePrincipal, ServicePrincipalType, User
from strongroom.core.public_clients import WELL_KNOWN_CLIENTS
from strongroom.core.records import tenant_partition
from strongroom.core.sessions import TokenFamily, proof_id
from strongroom.core.token_ids import Proof
from strongroom.view.view import View


@dataclass(frozen=True, slots=True)
class FamilyProof:
    """A token family, with one credential of its client: what an access token for a user was obtained with."""

    id: str
    family: TokenFamily


def proofs_of_application(view: View, principal: ServicePrincipal) -> list[Proof]:
    """List what an application or managed identity may prove itself by; nothing if the application is gone."""
    owned: list[Proof] = list(view.credentials_of(principal.id))
    federated = principal.id
    if principal.type is ServicePrincipalType.APPLICATION:
        application = application_of(view, principal)
        if application is None:
            # Nobody signs in as an application that is gone, or no longer for this tenant, by its principal's own
            # secrets neither.
            return []
        owned += view.credentials_of(application.id)
        owned += view.certificates_of(application.id)
        owned += view.certificates_of(principal.id)
        federated = application.id
    # An issuer that is trusted no longer takes with it whatever it vouched for.
    owned += [one for one in view.federated_credentials_of(federated) if view.trusted_issuer(one.issuer) is not None]
    return owned


def application_of(view: View, principal: ServicePrincipal) -> Application | None:
    """Find the application that a principal stands for; None if it is gone, or no longer for the principal's tenant."""
    application = view.application_by_app_id(principal.app_id)
    return application if application is not None and application.may_be_in(principal.tenant) else None


def is_orphan(view: View, principal: ServicePrincipal) -> bool:
    """Tell whether nobody can be a service principal any more, since its application is gone."""
    return principal.type is ServicePrincipalType.APPLICATION and application_of(view, principal) is None


def proofs_of_family(view: View, family: TokenFamily) -> list[FamilyProof]:
    """
    List what a token of a family may have been obtained with.

    That is nothing if the family was ended, if its user's credential is gone, if the client is gone from the tenant or
    disabled there, or if the family that it was begun on behalf of does not stand.
    """
    if family.ended or not has_credential(view, family) or not _parent_stands(view, family):
        return []
    if family.app_id in WELL_KNOWN_CLIENTS:
        return [FamilyProof(family.id, family)] if family.client_credential is None else []
    principal = view.service_principal_by_app_id(family.tenant, family.app_id)
    if principal is None or not principal.enabled:
        return []
    if family.client_credential is None:
        registered = view.application_by_app_id(family.app_id)
        stands = registered is not None and registered.may_be_in(family.tenant)
        return [FamilyProof(family.id, family)] if stands else []
    return [FamilyProof(proof_id(family.id, one.id), family) for one in proofs_of_application(view, principal)]


def family_stands(view: View, family: TokenFamily) -> bool:
    """Tell whether a family goes on: whether what its newest refresh token was obtained with is all there."""
    return any(one.id == family.proof for one in proofs_of_family(view, family))


def has_credential(view: View, family: TokenFamily) -> bool:
    """
    Tell whether what a family's user showed is still that user's: the password, and a second factor.

    It was shown in vain if the user was signed out of everything since.
    """
    user = view.principal(family.tenant, family.user)
    if isinstance(user, User) and family.authenticated < user.sessions_valid_from:
        return False
    credential = view.credential(family.credential)
    return (
        credential is not None
        and credential.owner == family.user
        and credential.tenant == family.tenant
        and has_factor(view, family.tenant, family.user, family.factor)
    )


def has_factor(view: View, tenant: str, user: str, factor: str | None) -> bool:
    """Tell whether a user still has the second factor that was shown; None was shown by who showed none."""
    return factor is None or any(one.id == factor for one in view.second_factors_of(tenant, user))


def _parent_stands(view: View, family: TokenFamily) -> bool:
    if family.parent is None:
        return True
    parent = view.get(TokenFamily, tenant_partition(family.tenant), family.parent)
    return parent is not None and parent.user == family.user and family_stands(view, parent)
