"""The list of all routes to a secret."""

from __future__ import annotations

from tests.support.canary import files, kernel, processes, talking, traces
from tests.support.canary.kit import routes_of

ROUTES = [
    one for module in (files, processes, kernel, talking, traces) for one in routes_of(module)
]
