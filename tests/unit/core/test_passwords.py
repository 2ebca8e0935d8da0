"""What a new password has to be, and how long it lasts."""

from __future__ import annotations

import pytest

from strongroom.core.errors import Invalid
from strongroom.core.identity import Tenant, User
from strongroom.core.limits import PASSWORD_CHARS, PASSWORD_MIN_CHARS
from strongroom.core.passwords import judge_password, names_of, password_expires
from strongroom.core.sessions import SignInSettings

TENANT = Tenant("t", "Example & Sons", ("fabrikam.example", "other.example"), 0)
NAMES = names_of(TENANT, "josephine@fabrikam.example", "Jo", "Winterbottom", None)
DAY_S = 86_400


def refusal(text: str, *names: str) -> str:
    """Refuse a password, and give the sentence."""
    with pytest.raises(Invalid) as refused:
        judge_password(text, names)
    assert not text or text not in refused.value.message
    return refused.value.message


@pytest.mark.parametrize("text", ["", "Ab1-Ab1", "x" * 255 + "A1"])
def test_the_length(text: str) -> None:
    """8 to 256 characters; the rule is told, and nothing of the password."""
    assert f"{PASSWORD_MIN_CHARS} to {PASSWORD_CHARS} characters" in refusal(text)


@pytest.mark.parametrize("text", ["alllowercase", "ALLUPPER123", "lower-case-only"])
def test_the_kinds(text: str) -> None:
    """Three kinds of characters out of four."""
    assert "three of these" in refusal(text)


@pytest.mark.parametrize(
    "text",
    ["lower-UPPER", "lowerUPPER1", "lower-42", "UPPER-42", "Rk4-x1Zq", "Ab1-" + "kV" * 126, "An-invented-password-1"],
)
def test_a_complying_password_is_taken(text: str) -> None:
    """Any three kinds will do, at both ends of the length; a guessable word does no harm in what is long besides."""
    judge_password(text, NAMES)


@pytest.mark.parametrize(
    "text",
    ["Password1!", "P@ssw0rd123", "Welcome1234", "Qwerty-123", "Abc-12345", "aaaaaaaa1A", "$tr0ngr00m1", "Adm1n-4321"],
)
def test_what_anybody_would_guess(text: str) -> None:
    """A word of the list, a run along the keyboard or a repetition counts as one character, look-alikes or not."""
    assert "easy to guess" in refusal(text)


@pytest.mark.parametrize(
    "text", ["Josephine-73k", "x1-j0sephin3", "93-winterBOTTOM", "Fabrikam-93kz", "9-Example & Sons"]
)
def test_names(text: str) -> None:
    """Neither the user's names nor the tenant's, whatever their case and look-alikes."""
    assert "a name of the user or of the organization" in refusal(text, *NAMES)


def test_a_short_name_is_not_looked_for() -> None:
    """As Entra has it: three characters are in too many words."""
    judge_password("Jo-loves-42", NAMES)


class TestExpiry:
    """How long a password lasts."""

    user = User("u", "t", "u@fabrikam.example", "U", 0)

    def test_for_ever_until_the_tenant_says_else(self) -> None:
        """Entra's default of today."""
        assert password_expires(None, self.user, 10) is None
        assert password_expires(SignInSettings("t", "t"), self.user, 10) is None

    def test_so_many_days(self) -> None:
        """From when it is set."""
        assert password_expires(SignInSettings("t", "t", password_days=90), self.user, 10) == 10 + 90 * DAY_S

    def test_a_user_may_be_exempt(self) -> None:
        """`DisablePasswordExpiration`."""
        exempt = User("u", "t", "u@fabrikam.example", "U", 0, password_never_expires=True)
        assert password_expires(SignInSettings("t", "t", password_days=90), exempt, 10) is None
