"""The domain library of MLE-Smith: data, packages, checks, metrics, sandboxes and models.

It knows no graph: nothing here imports `graph`, `nodes`, `tools` or `cli`.
"""

__version__ = "0.1.0"
