"""`strongroom access-policies templates`: what an access policy for a purpose gives."""

from __future__ import annotations

import json

from strongroom.cli.outcome import Exit
from strongroom.core.access_policy_templates import TEMPLATES


def show_templates(*, as_json: bool) -> int:
    """Print every template: for people as options of `az keyvault set-policy`, for programs as ARM's permissions."""
    if as_json:
        print(json.dumps(dict(TEMPLATES), indent=2))
        return Exit.OK
    for name, categories in TEMPLATES.items():
        print(name)
        for category, words in categories.items():
            print(f"  --{category.removesuffix('s')}-permissions {' '.join(words)}")
    return Exit.OK
