"""What other public tables say of the rows by their ids: columns like those of train and test."""

from __future__ import annotations

from collections.abc import Iterator

from mle_smith.checks.features import Feature, plain
from mle_smith.checks.subject import Subject

_MOST_TABLES = 20
_MOST_COLUMNS = 30
_KNOWN = 0.3
"""Part of the rows of either side that a table has to know."""


def columns_beside(subject: Subject) -> Iterator[Feature]:
    """The columns of tables with the ids of rows of both sides, stacked like the inputs."""
    if subject.id_column not in subject.train or not subject.side_files.tables:
        return
    ids, cut = subject.ids, len(subject.train_rows)
    tables = sorted(subject.side_files.tables, key=lambda table: -len(table.frame))
    for table in tables[:_MOST_TABLES]:
        for key in table.frame.columns[:_MOST_COLUMNS]:
            names = plain(table.frame[key].astype(str))
            known = ids.isin(names)
            if not names.is_unique or min(known[:cut].mean(), known[cut:].mean()) < _KNOWN:
                continue
            rows = table.frame.set_axis(names).reindex(ids).reset_index(drop=True)
            for column in rows.columns.drop(key)[:_MOST_COLUMNS]:
                yield Feature(f"{table.name}: {column}", rows[column], cut)
            break
