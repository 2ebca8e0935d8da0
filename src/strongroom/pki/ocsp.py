"""
Whether a certificate of a private CA is good: OCSP by POST and by GET (RFC 6960, RFC 5019).

    request ──> none ──> malformedRequest          not of ours ──> unauthorized
       └─ known: the answer that is kept, or one that is signed and kept
       └─ with a nonce, or never issued: signed for this request alone, so many in a second, and then
          without the nonce, or tryLater

Anybody may ask, so what that costs is bounded: there is one kept answer for each certificate, and a budget for what
cannot be kept. A nonce is a wish (RFC 9654 section 2.1); what is kept says until when it is good.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING

from strongroom.core.errors import Throttled, Unavailable
from strongroom.core.private_authorities import (
    ANSWER_S,
    AuthorityKey,
    IssuedCertificate,
    PrivateAuthority,
    Reason,
    issued_id,
)
from strongroom.flow.call import Call
from strongroom.flow.kept_answers import KeptAnswer
from strongroom.http.message import Response
from strongroom.objects.issuers.authority_keys import AuthorityKeys
from strongroom.pki.kept import kept_response

if TYPE_CHECKING:
    from strongroom.crypto.certificates.ocsp import Question

_ANSWER = b"application/ocsp-response"
_PREFIX = b"/ocsp/"


def respelled(_method: str, path: bytes) -> bytes:
    """Make one segment of a request in a path: many clients leave the slashes of base64 as they are (RFC 6960 A.1)."""
    if not path.startswith(_PREFIX):
        return path
    return _PREFIX + path[len(_PREFIX) :].replace(b"/", b"%2F")


async def ask_status(call: Call) -> Response:
    """Answer a request in a body."""
    return await _status(call, await call.raw_body())


async def get_status(call: Call) -> Response:
    """Answer a request in a path: base64, as others can keep the answer."""
    try:
        request = base64.b64decode(call.target.params["request"], validate=True)
    except ValueError:
        # Of what is no base64, and of what has other letters than ASCII's.
        request = b""
    return await _status(call, request)


async def _status(call: Call, request: bytes) -> Response:
    from strongroom.crypto.certificates.ocsp import (  # noqa: PLC0415  costly to import
        Malformed,
        later_answer,
        malformed_answer,
        parse_question,
        unauthorized_answer,
    )

    try:
        question = parse_question(request)
    except Malformed:
        return Response(200, malformed_answer(), content_type=_ANSWER)
    place = _find_key(call, question)
    if place is None:
        return Response(200, unauthorized_answer(), content_type=_ANSWER)
    try:
        found = await _answered(call, question, *place)
    except (Unavailable, Throttled):
        found = None
    if found is None:
        return Response(200, later_answer(), content_type=_ANSWER)
    return kept_response(found.content, _ANSWER, made=found.made, until=found.until, now=call.now)


def _find_key(call: Call, question: Question) -> tuple[PrivateAuthority, AuthorityKey] | None:
    """Find the key whose certificates a question is about, for as long as that may sign."""
    from strongroom.crypto.certificates.ocsp import is_about  # noqa: PLC0415  costly to import

    for authority in call.world.view.all(PrivateAuthority):
        for key in authority.issuing:
            if is_about(question, key.certificate):
                return (authority, key) if call.now < key.not_after else None
    return None


async def _answered(
    call: Call, question: Question, authority: PrivateAuthority, key: AuthorityKey
) -> KeptAnswer | None:
    """Give an answer that is kept, or one that is signed now; None if there were too many of those."""
    answers = call.world.status_answers
    issued = call.world.view.get(IssuedCertificate, authority.partition, issued_id(key.id, question.serial))
    is_own = question.nonce is not None and answers.may_sign(call.now)
    if is_own:
        return await _signed(call, question, authority, key, issued)
    if issued is None:
        may = question.nonce is None and answers.may_sign(call.now)
        return await _signed(call, question, authority, key, None) if may else None
    place = (key.id, issued.id, question.hash, issued.revoked_at)
    kept = answers.find(place, call.now)
    if kept is None:
        kept = await _signed(call, replace(question, nonce=None), authority, key, issued)
        answers.keep(place, kept)
    return kept


async def _signed(
    call: Call, question: Question, authority: PrivateAuthority, key: AuthorityKey, issued: IssuedCertificate | None
) -> KeptAnswer:
    from strongroom.crypto.certificates.authority import Revoked, Span  # noqa: PLC0415  costly to import
    from strongroom.crypto.certificates.ocsp import answer  # noqa: PLC0415

    world, revoked = call.world, None
    if issued is not None and issued.revoked_at is not None:
        revoked = Revoked(issued.serial, issued.revoked_at, issued.reason or Reason.UNSPECIFIED)
    span = Span(call.now, min(call.now + ANSWER_S, key.not_after))
    issuer = AuthorityKeys(world.keys, world.protections).issuer(authority, key, world.instance.pki_url)
    content = await answer(issuer, question, revoked, span, is_known=issued is not None)
    return KeptAnswer(content, span.begins, span.ends)
