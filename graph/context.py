"""The context schema: what Studio shows as a form and the command line fills from its options."""

from __future__ import annotations

from mle_smith.settings import Settings


class ForgeContext(Settings):
    """Runtime settings of a run; every field has a default, so none needs to be given."""
