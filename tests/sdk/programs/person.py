"""A person at the sign-in pages, as far as programs need one: types in what they ask for, and goes where they lead."""

import os
import re
import sys
from html import unescape
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import requests

_FORM = re.compile(r'<form method="post" action="([^"]+)"')
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


def send(
    session: requests.Session, page: requests.Response, *, follow: bool = False, **fields: str
) -> requests.Response:
    """Send a page's form."""
    action = _FORM.search(page.text)
    assert action is not None, page.text
    filled = {name: unescape(value) for name, value in _HIDDEN.findall(page.text)}
    place = urljoin(page.url, unescape(action[1]))
    return session.post(place, data={**filled, **fields}, timeout=30, allow_redirects=follow)


def sign_in(session: requests.Session, page: requests.Response, *, follow: bool = False) -> requests.Response:
    """Type name and password in."""
    names = {"username": os.environ["USER_NAME"], "password": os.environ["USER_PASSWORD"]}
    return send(session, page, follow=follow, **names)


def go(place: str) -> None:
    """Go where a client sends its user, sign in there, and take the answer back to the client, as a browser does."""
    with requests.Session() as session:
        answer = sign_in(session, session.get(place, timeout=30), follow=True)
        assert answer.status_code == 200, answer.text
        if _HIDDEN.search(answer.text):
            send(session, answer)


def let_in(place: str, code: str) -> None:
    """Let the device in that shows a code."""
    with requests.Session() as session:
        page = send(session, session.get(place, timeout=30), user_code=code)
        answer = send(session, sign_in(session, page), answer="yes")
        assert "You are signed in at the device" in answer.text, answer.text


def code_for(client_id: str, redirect_uri: str, scope: str) -> str:
    """Sign in to a web application, agree to what it asks, and give the code that it gets."""
    asked = {"client_id": client_id, "redirect_uri": redirect_uri, "scope": scope, "response_type": "code"}
    place = f"https://login.microsoftonline.com/{os.environ['TENANT']}/oauth2/v2.0/authorize?{urlencode(asked)}"
    with requests.Session() as session:
        answer = sign_in(session, session.get(place, timeout=30))
        if "Permissions requested" in answer.text:
            answer = send(session, answer, answer="accept")
        assert answer.status_code == 302, answer.text
        return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]


if __name__ == "__main__":
    if len(sys.argv) > 2:
        let_in(*sys.argv[1:])
    else:
        go(sys.argv[1])
