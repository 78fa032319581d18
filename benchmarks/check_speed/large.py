"""A package of any size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, TextIO, TypeAlias, get_args

import numpy as np
import pandas as pd

from mle_smith.metrics import metric_source
from mle_smith.package.layout import ID_COLUMN, TEST, TRAIN, PackagePaths

Shape: TypeAlias = Literal["wide", "thin", "text"]
"""Of its tables: forty numbers a row, one number a row, or some sentences a row."""
SHAPES: tuple[Shape, ...] = get_args(Shape)

_TARGET = "amount"
_BLOCK = 20_000
_WORDS = np.array([f"word{number}" for number in range(300)])

_DESCRIPTION = """\
# Foretell the amount

Predict `{target}` of each row of `test.csv`. Files: `train.csv`, `test.csv` without the target,
`sample_submission.csv`. A submission has the columns `id` and `{target}`, a number. Metric: root
mean squared error (`rmse`), lower is better.
"""


def write_large_package(folder: Path, megabytes: float, shape: Shape) -> PackagePaths:
    """Write a package of about so many megabytes, its test rows a quarter of its train rows.

    Rows repeat, under new ids, so that writing them takes seconds: what checks say of such data
    means nothing. Its prepare.py does nothing: check it without raw data.
    """
    paths = PackagePaths(folder)
    paths.public.mkdir(parents=True)
    paths.private.mkdir()
    rng = np.random.default_rng(0)
    block, rows = _BLOCKS[shape](rng), 0
    with (paths.public / TRAIN).open("w") as train:
        train.write(f"{','.join([ID_COLUMN, *block.columns])}\n")
        lines = _lines(block)
        while train.tell() < 0.78 * megabytes * 2**20:
            _write(train, lines, rows)
            rows += len(lines)
    block = _BLOCKS[shape](rng)
    inputs = block.drop(columns=_TARGET)
    parts = (
        (paths.public / TEST, inputs),
        (paths.answers, block[[_TARGET]]),
        (paths.sample_submission, block[[_TARGET]].assign(**{_TARGET: 0})),
    )
    for path, part in parts:
        lines = _lines(part)
        with path.open("w") as file:
            file.write(f"{','.join([ID_COLUMN, *part.columns])}\n")
            for start in range(rows, rows + rows // 4, len(lines)):
                _write(file, lines, start)
    paths.metric.write_text(metric_source("rmse", targets=[_TARGET], classes=()))
    paths.prepare.write_text('"""Stands for one."""\n\n\ndef prepare(raw, public, private): ...\n')
    for path in (paths.description, paths.public_description):
        path.write_text(_DESCRIPTION.format(target=_TARGET))
    return paths


def _lines(block: pd.DataFrame) -> list[str]:
    return block.to_csv(index=False, header=False).splitlines(keepends=True)


def _write(file: TextIO, lines: list[str], first: int) -> None:
    file.write("".join(f"{first + place},{line}" for place, line in enumerate(lines)))


def _wide(rng: np.random.Generator) -> pd.DataFrame:
    values = rng.normal(size=(_BLOCK, 40)).round(4)
    frame = pd.DataFrame(values, columns=[f"x{number}" for number in range(40)])
    return frame.assign(**{_TARGET: (values[:, :3].sum(axis=1) + rng.normal(size=_BLOCK)).round(3)})


def _thin(rng: np.random.Generator) -> pd.DataFrame:
    value = rng.integers(0, 1000, _BLOCK)
    return pd.DataFrame({"value": value, _TARGET: (value + rng.normal(0, 200, _BLOCK)).astype(int)})


def _text(rng: np.random.Generator) -> pd.DataFrame:
    places = rng.integers(0, len(_WORDS), (_BLOCK, 40))
    amount = ((places < 30).sum(axis=1) + rng.normal(size=_BLOCK)).round(3)
    return pd.DataFrame(
        {"text": [" ".join(words) for words in _WORDS[places].tolist()], _TARGET: amount}
    )


_BLOCKS: dict[Shape, Callable[[np.random.Generator], pd.DataFrame]] = {
    "wide": _wide,
    "thin": _thin,
    "text": _text,
}
