"""Writes docs/task.schema.json: `python -m mle_smith.package > docs/task.schema.json`."""

import sys

from mle_smith.package.manifest import schema

sys.stdout.write(schema())
