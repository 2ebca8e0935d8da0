"""
`strongroom doctor`: whether an instance and the machine it is on are as they should be, and what mends what is not.

Owns the checks: each looks at one thing (`look_*`, `try_*`), and judges what was seen in a function of values alone
(`judge_*`). Owns no repair: nothing is changed, installed or started, and a running service is not disturbed.
"""

from strongroom.cli.doctor.examination import examine
from strongroom.cli.doctor.finding import Finding, State

__all__ = ["Finding", "State", "examine"]
