"""What the managed identity endpoints answer."""

from __future__ import annotations

from strongroom.http import json


class IdentityToken(json.Secretive):
    """A token, as App Service answers: all numbers are text."""

    access_token: str
    client_id: str
    expires_on: str
    not_before: str
    resource: str
    token_type: str
