"""How perimeters and what is in them are written down: the bodies of answers."""

from __future__ import annotations

from strongroom.arm.network_documents import Document, show_tracked
from strongroom.core.networks import Perimeter, PerimeterAssociation, PerimeterProfile, PerimeterRule
from strongroom.core.vaults import Vault
from strongroom.resources.perimeter_associations import association_scope
from strongroom.resources.perimeters import PERIMETER_TYPE, Direction, find_profile, profile_scope
from strongroom.view import View

CONFIGURATION_TYPE = "Microsoft.KeyVault/vaults/networkSecurityPerimeterConfigurations"
_DONE = "Succeeded"


def show_perimeter(perimeter: Perimeter) -> Document:
    """Write a perimeter."""
    return show_tracked(perimeter, PERIMETER_TYPE, {"perimeterGuid": perimeter.guid})


def show_profile(perimeter: Perimeter, profile: PerimeterProfile) -> Document:
    """Write a profile; its rules are resources of their own."""
    return {
        "id": profile_scope(perimeter, profile.name),
        "name": profile.name,
        "type": f"{PERIMETER_TYPE}/profiles",
        "properties": {"accessRulesVersion": str(profile.version), "diagnosticSettingsVersion": "0"},
    }


def show_rule(perimeter: Perimeter, profile: PerimeterProfile, rule: PerimeterRule) -> Document:
    """Write an access rule."""
    return {
        "id": f"{profile_scope(perimeter, profile.name)}/accessRules/{rule.name}",
        "name": rule.name,
        "type": f"{PERIMETER_TYPE}/profiles/accessRules",
        "properties": {"provisioningState": _DONE, **_rule_properties(rule)},
    }


def show_association(view: View, perimeter: Perimeter, association: PerimeterAssociation) -> Document:
    """Write that a vault is in a perimeter."""
    vault = view.vault(association.vault)
    return {
        "id": association_scope(perimeter, association.name),
        "name": association.name,
        "type": f"{PERIMETER_TYPE}/resourceAssociations",
        "properties": {
            "provisioningState": _DONE,
            "privateLinkResource": {"id": "" if vault is None else vault.scope},
            "profile": {"id": profile_scope(perimeter, _profile_name(perimeter, association))},
            "accessMode": association.mode.value,
            "hasProvisioningIssues": "no",
        },
    }


def configuration_name(perimeter: Perimeter, association: PerimeterAssociation) -> str:
    """Give the name by which a vault knows that it is in a perimeter."""
    return f"{perimeter.guid}.{association.name}"


def show_configuration(vault: Vault, perimeter: Perimeter, association: PerimeterAssociation) -> Document:
    """Write what a vault knows of the perimeter that it is in, with the rules that go for it."""
    name = configuration_name(perimeter, association)
    profile = find_profile(perimeter, association.profile) or PerimeterProfile(association.profile)
    return {
        "id": f"{vault.scope}/networkSecurityPerimeterConfigurations/{name}",
        "name": name,
        "type": CONFIGURATION_TYPE,
        "properties": {
            "provisioningState": _DONE,
            "provisioningIssues": [],
            "networkSecurityPerimeter": {
                "id": perimeter.scope,
                "perimeterGuid": perimeter.guid,
                "location": perimeter.location,
            },
            "resourceAssociation": {"name": association.name, "accessMode": association.mode.value},
            "profile": {
                "name": profile.name,
                "accessRulesVersion": profile.version,
                "accessRules": [{"name": rule.name, "properties": _rule_properties(rule)} for rule in profile.rules],
                "diagnosticSettingsVersion": 0,
                "enabledLogCategories": [],
            },
        },
    }


def _rule_properties(rule: PerimeterRule) -> Document:
    direction = Direction.OUTBOUND if rule.outbound else Direction.INBOUND
    return {
        "direction": direction.value,
        "addressPrefixes": list(rule.address_prefixes),
        "subscriptions": [{"id": f"/subscriptions/{one}"} for one in rule.subscriptions],
        "fullyQualifiedDomainNames": list(rule.fully_qualified_domain_names),
        "networkSecurityPerimeters": [],
        "emailAddresses": [],
        "phoneNumbers": [],
    }


def _profile_name(perimeter: Perimeter, association: PerimeterAssociation) -> str:
    profile = find_profile(perimeter, association.profile)
    return association.profile if profile is None else profile.name
