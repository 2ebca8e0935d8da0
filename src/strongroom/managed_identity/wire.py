"""What the managed identity endpoints answer. All numbers are text, as in Azure: every library reads both."""

from __future__ import annotations

from strongroom.http import json

_BEARER = "Bearer"


class AppServiceToken(json.Secretive):
    """A token, as App Service and Azure Machine Learning answer."""

    access_token: str
    client_id: str
    expires_on: str
    not_before: str
    resource: str
    token_type: str = _BEARER


class MetadataToken(json.Secretive):
    """A token, as IMDS and Arc answer; the last two members are for Arc, where a request named the identity so."""

    access_token: str
    client_id: str
    expires_in: str
    expires_on: str
    ext_expires_in: str
    not_before: str
    resource: str
    token_type: str = _BEARER
    object_id: str | None = None
    msi_res_id: str | None = None


class CloudShellToken(json.Secretive):
    """A token, as Cloud Shell answers."""

    access_token: str
    refresh_token: str
    expires_in: str
    expires_on: str
    not_before: str
    resource: str
    token_type: str = _BEARER
