"""Every function that does not depend on where an expression stands."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.core.templates.collection_functions import COLLECTION_FUNCTIONS
from strongroom.core.templates.date_functions import DATE_FUNCTIONS
from strongroom.core.templates.evaluation import Form, Function
from strongroom.core.templates.number_functions import NUMBER_FUNCTIONS
from strongroom.core.templates.text_functions import TEXT_FUNCTIONS

FUNCTIONS: Mapping[str, Function | Form] = {
    **TEXT_FUNCTIONS,
    **NUMBER_FUNCTIONS,
    **COLLECTION_FUNCTIONS,
    **DATE_FUNCTIONS,
}
