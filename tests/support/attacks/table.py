"""All attacks, each with its group: what `tests/contract/test_sandbox_attacks.py` carries out."""

from __future__ import annotations

from tests.support.attacks import collection, files, network, output, resources, results, rights
from tests.support.attacks.case import Attack

TABLE: list[tuple[str, Attack]] = [
    (topic.__name__.rpartition(".")[2], attack)
    for topic in (resources, output, files, network, rights, collection, results)
    for attack in topic.ATTACKS
]
