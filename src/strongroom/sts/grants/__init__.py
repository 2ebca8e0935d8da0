"""
Grants: what differs from one way of getting a token to another.

The shared phases (form, tenant, client, resource, issue) are the token endpoint's. A grant says whether its client must
have proved itself, what the scope of its request means, and whose token comes out.
"""

from __future__ import annotations

from strongroom.sts.grants.authorization_code import AUTHORIZATION_CODE
from strongroom.sts.grants.client_credentials import CLIENT_CREDENTIALS
from strongroom.sts.grants.device_code import DEVICE_CODE, DEVICE_CODE_V1
from strongroom.sts.grants.grant import Grant
from strongroom.sts.grants.password import PASSWORD
from strongroom.sts.grants.user import REFRESH_TOKEN

GRANTS: dict[str, Grant] = {
    grant.name: grant
    for grant in (AUTHORIZATION_CODE, CLIENT_CREDENTIALS, DEVICE_CODE, DEVICE_CODE_V1, PASSWORD, REFRESH_TOKEN)
}
"""Every grant there is; what is not here is AADSTS70003."""
