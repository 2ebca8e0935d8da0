"""Clients at the authorization endpoint: which program asks, and where the answer may go."""

from __future__ import annotations

from dataclasses import dataclass

from strongroom.core.aadsts import refuse
from strongroom.core.identity import Application
from strongroom.core.redirects import Platform, find_platform, is_loopback_redirect
from strongroom.directory.clients import find_public_client, require_client, require_enabled
from strongroom.flow.call import Call
from strongroom.sts.walk import tenant_of_path


@dataclass(frozen=True, slots=True)
class SignInClient:
    """A client that listens at the redirect URI it named."""

    app_id: str
    display_name: str
    platform: Platform


def find_client(call: Call, path: str, client_id: str | None, redirect_uri: str | None) -> SignInClient:
    """
    Find a client, and make sure that the redirect URI is one that it listens at.

    Raises:
        Invalid: AADSTS900144, one is missing; 700016, no such client; 7000112, it is disabled in the tenant; 50011, the
            redirect URI is not the client's.
    """
    if not client_id or not redirect_uri:
        raise refuse(900144, parameter="redirect_uri" if client_id else "client_id")
    known = find_public_client(client_id)
    if known is not None:
        if not is_loopback_redirect(redirect_uri):
            raise refuse(50011, client_id=client_id, reason="redirect URI is not the client's")
        return SignInClient(known.app_id, known.display_name, Platform.PUBLIC_CLIENT)
    application = find_application(call, path, client_id)
    platform = find_platform(application.sign_in, redirect_uri)
    if platform is None:
        raise refuse(50011, client_id=client_id, reason="redirect URI is not registered")
    return SignInClient(application.app_id, application.display_name, platform)


def find_application(call: Call, path: str, client_id: str) -> Application:
    """
    Find a registered application, in the tenant of the path if that names one.

    Raises:
        Invalid: AADSTS700016, there is none there; 7000112, it is disabled there.
    """
    tenant = tenant_of_path(call, path)
    if tenant is None:
        application = call.world.view.application_by_app_id(client_id.lower())
        if application is None:
            raise refuse(700016, client_id=client_id, tenant=path, reason="unknown client")
        return application
    application, principal = require_client(call.world.view, tenant=tenant.id, client_id=client_id)
    require_enabled(principal)
    return application


def display_name_of(call: Call, client_id: str) -> str:
    """
    Give the name that people know a client by.

    Raises:
        Invalid: AADSTS700016, there is no such client any longer.
    """
    known = find_public_client(client_id)
    if known is not None:
        return known.display_name
    application = call.world.view.application_by_app_id(client_id)
    if application is None:
        raise refuse(700016, client_id=client_id, tenant="", reason="client is gone")
    return application.display_name
