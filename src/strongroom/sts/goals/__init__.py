"""What a person can be signing in for. A goal more is a row more."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.sts.goals import account, authorization, device
from strongroom.sts.walk import Goal

GOALS: Mapping[str, Goal] = {
    authorization.AUTHORIZATION: authorization.GOAL,
    device.DEVICE: device.GOAL,
    account.NEW_PASSWORD: account.NEW_PASSWORD_GOAL,
    account.SECURITY_INFO: account.SECURITY_INFO_GOAL,
}
