"""The steps of signing in, in their order: the first that is due is shown. A step more is a row more."""

from __future__ import annotations

from strongroom.sts.steps.account import ACCOUNT
from strongroom.sts.steps.consent import CONSENT
from strongroom.sts.steps.device import DEVICE
from strongroom.sts.steps.new_password import NEW_PASSWORD
from strongroom.sts.steps.password import PASSWORD_STEP
from strongroom.sts.steps.provider import PROVIDER
from strongroom.sts.steps.second_factor import SECOND_FACTOR
from strongroom.sts.steps.security_info import REGISTRATION, REMOVAL, SECURITY_INFO
from strongroom.sts.steps.set_up import SET_UP_APP, SET_UP_KEY
from strongroom.sts.walk import Step

STEPS: tuple[Step, ...] = (
    ACCOUNT,
    PROVIDER,
    PASSWORD_STEP,
    # Before anything of the person's is told or changed.
    SECOND_FACTOR,
    SET_UP_APP,
    SET_UP_KEY,
    REMOVAL,
    REGISTRATION,
    NEW_PASSWORD,
    SECURITY_INFO,
    CONSENT,
    DEVICE,
)
