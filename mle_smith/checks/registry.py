"""All checks, in the order they are run.

To add a check, write a function with `@check(...)` in the module of its topic and put it into that
module's `CHECKS`; a new module goes into `_MODULES`. Then `python -m mle_smith.checks.document`
prints the new docs/checks.md (a test compares them).
"""

from __future__ import annotations

from mle_smith.checks import (
    copied_rows,
    data_dictionary,
    description,
    determinism,
    encodings,
    entities,
    fitted,
    found_answers,
    left_in_test,
    metadata,
    metric_contract,
    order,
    pairs,
    preparation,
    proxies,
    public_source,
    rebuild,
    sample_answers,
    shift,
    signal,
    source_code,
    structure,
    time_overlap,
)
from mle_smith.checks.check import Check

_MODULES = (
    structure,
    source_code,
    determinism,
    preparation,
    shift,
    rebuild,
    copied_rows,
    order,
    metadata,
    proxies,
    left_in_test,
    encodings,
    fitted,
    pairs,
    found_answers,
    sample_answers,
    entities,
    time_overlap,
    public_source,
    metric_contract,
    signal,
    description,
    data_dictionary,
)

CHECKS: tuple[Check, ...] = tuple(check for module in _MODULES for check in module.CHECKS)
