"""
Grants: what differs from one way of getting a token to another.

The shared phases (form, tenant, client, resource, issue) are the token endpoint's. A grant says whether its client must
have proved itself, what the scope of its request means, and whose token comes out. Once it knows that,
and before it makes anything, it asks the tenant's conditional access (`TokenRequest.admit`): every grant does.
"""

from __future__ import annotations

from strongroom.sts.grants.authorization_code import AUTHORIZATION_CODE
from strongroom.sts.grants.client_credentials import CLIENT_CREDENTIALS
from strongroom.sts.grants.device_code import DEVICE_CODE, DEVICE_CODE_V1
from strongroom.sts.grants.grant import Grant
from strongroom.sts.grants.on_behalf_of import ON_BEHALF_OF
from strongroom.sts.grants.password import PASSWORD
from strongroom.sts.grants.user import REFRESH_TOKEN

_GRANTS = (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    DEVICE_CODE,
    DEVICE_CODE_V1,
    ON_BEHALF_OF,
    PASSWORD,
    REFRESH_TOKEN,
)
GRANTS: dict[str, Grant] = {grant.name: grant for grant in _GRANTS}
"""Every grant there is; what is not here is AADSTS70003."""
