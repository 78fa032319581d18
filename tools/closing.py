"""Tools that change the record: after one of them, the rest of a reply's calls is not made.

They write the same fields, so two of them at once would be lost, and what comes after a hand-in
belongs to nobody.
"""

from __future__ import annotations

from tools.build import submit_draft, submit_package
from tools.propose import propose
from tools.solve import execute_code

CLOSING = frozenset(tool.name for tool in (propose, submit_draft, submit_package, execute_code))
