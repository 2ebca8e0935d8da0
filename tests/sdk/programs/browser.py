"""A browser as far as the sign-in pages need one: fills the forms in, and sends what the answer says to send."""

import os
import re
import sys
from html import unescape
from urllib.parse import urljoin

import requests

FORM = re.compile(r'<form method="post" action="([^"]+)"')
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


def send(session: requests.Session, page: requests.Response, **fields: str) -> requests.Response:
    """Send a page's form."""
    action = FORM.search(page.text)
    assert action is not None, page.text
    filled = {name: unescape(value) for name, value in HIDDEN.findall(page.text)}
    return session.post(urljoin(page.url, unescape(action[1])), data={**filled, **fields}, timeout=30)


with requests.Session() as session:
    page = session.get(sys.argv[1], timeout=30)
    if len(sys.argv) > 2:
        page = send(session, page, user_code=sys.argv[2])
    answer = send(session, page, username=os.environ["USER_NAME"], password=os.environ["USER_PASSWORD"])
    if "Let the device in?" in answer.text:
        answer = send(session, answer, answer="yes")
    assert answer.status_code == 200, answer.text
    if HIDDEN.search(answer.text):
        send(session, answer)
