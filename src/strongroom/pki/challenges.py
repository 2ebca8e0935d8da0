"""What ACME authorities look for at a name, to see that it is ours to have certified (RFC 8555 section 8.3)."""

from __future__ import annotations

from strongroom.core.acme_accounts import AcmeChallenge, is_token
from strongroom.core.errors import NotFound
from strongroom.core.records import INSTANCE
from strongroom.flow.call import Call
from strongroom.http.message import Response

_KIND = b"application/octet-stream"


async def get_acme_challenge(call: Call) -> Response:
    """
    Answer a challenge that is under way, at whatever name it is looked for.

    Who knows the token knows the answer but for the account's thumbprint, which is public: nothing here is a secret.
    """
    token = call.target.params["token"]
    found = call.world.view.get(AcmeChallenge, INSTANCE, token) if is_token(token) else None
    if found is None or found.expires <= call.now:
        raise NotFound("No such challenge is under way.")
    return Response(200, found.value.encode("ascii"), content_type=_KIND)
