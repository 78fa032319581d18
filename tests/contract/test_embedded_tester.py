"""The solutions of the embedded test agent run on tables of every kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mle_smith.models.embedded.tester import simple, solution, understand
from mle_smith.package.tables import describe_folder
from mle_smith.sandbox.job import Job, Mount, Role
from tests.support.local import LocalSandbox

_DESCRIPTION = "Scored by `rmse`."


def _texts(kind: str, rows: int, generator: np.random.Generator) -> list[str]:
    if kind == "dates in words":
        days = pd.Timestamp("2001-01-01") + pd.to_timedelta(np.arange(rows), unit="D")
        return [f"{day:%b} {day.day} {day.year}" for day in days]
    return [" ".join(generator.choice(["low", "mid", "high"], size=9)) for _ in range(rows)]


@pytest.mark.parametrize("kind", ["dates in words", "few words"])
def test_texts_of_few_words(kind: str, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    public, out = tmp_path / "public", tmp_path / "out"
    public.mkdir()
    out.mkdir()
    frame = pd.DataFrame(
        {"id": range(200), "note": _texts(kind, 200, generator), "cost": generator.normal(size=200)}
    )
    frame[:150].to_csv(public / "train.csv", index=False)
    frame[150:].drop(columns="cost").to_csv(public / "test.csv", index=False)
    frame[150:][["id"]].assign(cost=0.0).to_csv(public / "sample_submission.csv", index=False)
    task = understand(_DESCRIPTION, describe_folder(public, top=200))
    assert (task.times or task.texts) == ["note"]
    job = Job(
        role=Role.SOLVE,
        code=solution(task, simple(task), seed=0),
        mounts=(Mount(source=public, target="/in/public"),),
        outputs=("submission.csv",),
    )
    result = LocalSandbox().run(job, out)
    assert result.exit_code == 0, result.stderr
    assert len(pd.read_csv(out / "submission.csv")) == 50
