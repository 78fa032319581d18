"""Runs in the sandbox: scores submissions with a task's metric.py, and writes `grades.json`.

It knows nothing of MLE-Smith. Its one argument is a JSON object (`Request` of package/grade.py);
`$MLE_IN/grade` holds metric.py, answers.csv and the submissions by number. Whatever metric.py
raises is its verdict on a submission, so this is the place that catches everything.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import math
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

METRIC_FILE = "metric.py"
NEEDED = ("HIGHER_IS_BETTER", "InvalidSubmissionError", "validate_submission", "evaluate")
NOT_GRADED = {"valid": False, "score": None, "error": "", "crashed": False, "resampled": ()}
LONGEST_MESSAGE = 600


class UnreadableError(ValueError):
    """A submission is not a CSV file within the bounds; the message says why."""


class MetricError(Exception):
    """metric.py broke its contract; the message says how."""


def main() -> None:
    """Grade everything the request names."""
    request = json.loads(sys.argv[1])
    folder = Path(os.environ["MLE_IN"]) / "grade"
    outcome: dict[str, Any] = {"higher_is_better": None, "error": "", "grades": []}
    answers = pd.read_csv(folder / "answers.csv", float_precision="round_trip", low_memory=False)
    try:
        metric = load_metric(folder / METRIC_FILE)
    except Exception as error:  # noqa: BLE001 - any failure to load is metric.py's fault
        outcome["error"] = crash_message(error, answers)
    else:
        outcome["higher_is_better"] = bool(metric.HIGHER_IS_BETTER)
        outcome["grades"] = grade_all(metric, answers, folder, request)
    result = Path(os.environ["MLE_OUT"]) / "grades.json"
    result.write_text(json.dumps(outcome, allow_nan=False), encoding="utf-8")


def load_metric(path: Path) -> ModuleType:
    """Import metric.py and check that it has what the format asks for."""
    spec = importlib.util.spec_from_file_location("metric", path)
    assert spec is not None
    assert spec.loader is not None
    metric = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(metric)
    absent = [name for name in NEEDED if not hasattr(metric, name)]
    if absent:
        raise MetricError(f"metric.py does not define {', '.join(absent)}")
    if not isinstance(metric.HIGHER_IS_BETTER, bool):
        raise MetricError("HIGHER_IS_BETTER in metric.py is neither True nor False")
    kind = metric.InvalidSubmissionError
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        raise MetricError("InvalidSubmissionError in metric.py is not an exception")
    return metric


def grade_all(
    metric: ModuleType, answers: pd.DataFrame, folder: Path, request: dict[str, Any]
) -> list[dict[str, Any]]:
    """Grade each submission, then the valid ones, or the best of each family, on resamples."""
    grades, tables = [], []
    turned = answers.sample(frac=1, random_state=request["seed"]).reset_index(drop=True)
    for number in range(request["submissions"]):
        truth = turned if number in request["reordered"] else answers
        grade, table = grade_one(metric, truth, folder / f"{number}.csv", request)
        grades.append(grade)
        tables.append(table)
    chosen = to_resample(metric, grades, request["families"])
    frames = [table for number in chosen if (table := tables[number]) is not None]
    scores = resample(metric, answers, frames, request)
    for place, number in enumerate(chosen):
        grades[number]["resampled"] = [row[place] for row in scores]
    return grades


def to_resample(
    metric: ModuleType, grades: list[dict[str, Any]], families: list[str] | None
) -> list[int]:
    """Numbers of the valid submissions; of those of one family only the first of the best."""
    valid = [number for number, grade in enumerate(grades) if grade["valid"]]
    if families is None:
        return valid
    sign = 1.0 if metric.HIGHER_IS_BETTER else -1.0
    best: dict[str, int] = {}
    for number in valid:
        name = families[number]
        score = sign * grades[number]["score"]
        if name and (name not in best or score > sign * grades[best[name]]["score"]):
            best[name] = number
    return sorted(best.values())


def grade_one(
    metric: ModuleType, answers: pd.DataFrame, path: Path, request: dict[str, Any]
) -> tuple[dict[str, Any], pd.DataFrame | None]:
    """Grade one file; also return its table when it is valid."""
    grade: dict[str, Any] = dict(NOT_GRADED)
    try:
        table = read_submission(path, len(answers), request)
        if request["columns"] is not None and request["id_column"] in answers:
            table = held_to_the_contract(table, answers, request)
        metric.validate_submission(table.copy(), answers.copy())
        grade["score"] = evaluate(metric, answers, table)
    except (UnreadableError, metric.InvalidSubmissionError) as error:
        return {**grade, "error": str(error)[:LONGEST_MESSAGE]}, None
    except Exception as error:  # noqa: BLE001 - any other exception is a crash of metric.py
        return {**grade, "error": crash_message(error, answers), "crashed": True}, None
    return {**grade, "valid": True}, table


def evaluate(metric: ModuleType, answers: pd.DataFrame, table: pd.DataFrame) -> float:
    """Score a table."""
    return finite(metric.evaluate(answers.copy(), table.copy()))


def finite(score: object) -> float:
    """Return the score as a float; anything but a finite number is a MetricError."""
    if isinstance(score, bool) or not isinstance(score, (int, float, np.integer, np.floating)):
        raise MetricError(f"evaluate() returned {type(score).__name__}, not a number")
    if not math.isfinite(score):
        raise MetricError(f"evaluate() returned {score}, not a finite number")
    return float(score)


def read_submission(path: Path, answer_rows: int, request: dict[str, Any]) -> pd.DataFrame:
    """Read a participant's CSV file with bounds on its lines, columns and rows."""
    most_rows = 2 * answer_rows + 1000
    check_lines(path, request["max_line"])
    try:
        header = read_header(path, request["max_line"])
        if len(header) > request["max_columns"]:
            raise UnreadableError(f"the file has {len(header)} columns, far more than needed")
        named = [name.strip() for name in header if name.strip()]
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            raise UnreadableError(f"the column {twice[0][:60]!r} occurs twice")
        table = read_table(path, most_rows + 1)
    except UnreadableError:
        raise
    except pd.errors.ParserWarning as error:
        raise UnreadableError("rows have more cells than the header has names") from error
    except (ValueError, OverflowError, csv.Error) as error:
        raise UnreadableError(f"the file cannot be read as CSV: {str(error)[:200]}") from error
    if len(table) > most_rows:
        raise UnreadableError(f"the file has more than {most_rows} rows; {answer_rows} are needed")
    return table


def read_table(path: Path, rows: int) -> pd.DataFrame:
    """Read the first rows; a ParserWarning is raised for rows that are longer than the header."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return pd.read_csv(
            path,
            nrows=rows,
            index_col=False,
            encoding="utf-8-sig",
            compression=None,
            float_precision="round_trip",
            low_memory=False,
        )


def held_to_the_contract(
    table: pd.DataFrame, answers: pd.DataFrame, request: dict[str, Any]
) -> pd.DataFrame:
    """Return the rows in the order of the answers, the columns in the order of the package.

    Whatever metric.py does, it is given an id and a filled, finite prediction for each answer, so
    that leaving rows out, handing them in twice or in another order gains nothing.
    """
    identity, columns = request["id_column"], request["columns"]
    table = table.rename(columns=lambda name: str(name).strip())
    lacking = [name for name in [identity, *columns] if name not in table.columns]
    if lacking:
        raise UnreadableError(f"the columns {lacking[:5]} are missing")
    if table[identity].isna().any():
        raise UnreadableError(f"column {identity!r}: an id is missing")
    given, wanted = id_keys(table[identity]), id_keys(answers[identity])
    if given.has_duplicates:
        raise UnreadableError(f"id {str(given[given.duplicated()][0])[:60]!r} occurs twice")
    places = given.get_indexer(wanted)
    if (places < 0).any() or len(given) != len(wanted):
        missing, unknown = int((places < 0).sum()), int((~given.isin(wanted)).sum())
        raise UnreadableError(
            f"{missing} ids of the test rows are missing, and {unknown} ids are none of theirs"
        )
    for name in columns:
        if table[name].isna().any():
            raise UnreadableError(f"column {name!r}: a prediction is missing")
        if table[name].dtype.kind == "f" and not np.isfinite(table[name]).all():
            raise UnreadableError(f"column {name!r}: a prediction is not finite")
    kept = table.iloc[places][[identity, *columns]].reset_index(drop=True)
    if not answers[identity].isna().any():
        kept[identity] = answers[identity].to_numpy()
    return kept


def check_lines(path: Path, longest: int) -> None:
    """Refuse binary files and endless lines before a parser sees them."""
    with path.open("rb") as file:
        while line := file.readline(longest + 1):
            if len(line) > longest:
                raise UnreadableError(f"a line is longer than {longest} bytes")
            if b"\0" in line:
                raise UnreadableError("the file is binary, not CSV text")


def read_header(path: Path, longest: int) -> list[str]:
    """Return the names of the columns as they stand in the file."""
    csv.field_size_limit(longest)
    with path.open(encoding="utf-8-sig", newline="") as file:
        return next(csv.reader(file), [])


def resample(
    metric: ModuleType, answers: pd.DataFrame, tables: list[pd.DataFrame], request: dict[str, Any]
) -> list[list[float]]:
    """Score all tables on the same bootstrap samples of rows; one list of scores a sample.

    A sample on which the metric is undefined for one table is left out for all.
    """
    if not request["resamples"] or not tables:
        return []
    try:
        scorers = [scorer(metric, answers, table, request["id_column"]) for table in tables]
    except Exception:  # noqa: BLE001 - rows without ids of their own cannot be drawn
        return []
    generator = np.random.default_rng(request["seed"])
    samples = []
    for _ in range(request["resamples"]):
        rows = generator.integers(0, len(answers), len(answers))
        try:
            samples.append([finite(score_rows(rows)) for score_rows in scorers])
        except Exception:  # noqa: BLE001 - undefined on this sample, say for want of a class
            continue
    return samples


def scorer(
    metric: ModuleType, answers: pd.DataFrame, table: pd.DataFrame, identity: str
) -> Callable[[Any], object]:
    """A function that scores a table on some rows of the answers.

    A metric.py that offers `aligned` and `score` saves the matching of ids each time; any other
    is given tables of those rows under new ids.
    """
    if hasattr(metric, "aligned") and hasattr(metric, "score"):
        truth, predicted = metric.aligned(answers.copy(), table.copy())
        if float(metric.score(truth, predicted)) == evaluate(metric, answers, table):
            return lambda rows: metric.score(truth[rows], predicted[rows])
    places = id_keys(table[identity]).get_indexer(id_keys(answers[identity]))
    if (places < 0).any():
        raise MetricError("a valid submission lacks an id of the answers")
    matched = table.iloc[places]

    def score_rows(rows: Any) -> object:
        fresh = {identity: np.arange(len(rows))}
        truth = answers.iloc[rows].assign(**fresh).reset_index(drop=True)
        return metric.evaluate(truth, matched.iloc[rows].assign(**fresh).reset_index(drop=True))

    return score_rows


def id_keys(values: pd.Series[Any]) -> pd.Index[Any]:
    """Return ids as text, so that 7, 7.0 and "7" are the same."""
    texts = values.astype(str).str.strip().str.replace(r"[.]0+$", "", regex=True)
    keys: pd.Index[Any] = pd.Index(texts.to_numpy(dtype=object), dtype=object)
    return keys


def crash_message(error: Exception, answers: pd.DataFrame) -> str:
    """Type, place and text of an exception, with everything that occurs in the answers blanked.

    A participant may see the message, and exceptions quote the values that they choke on.
    """
    text = str(error)[:LONGEST_MESSAGE]
    columns = [answers[name] for name in answers.columns[1:]]
    secrets = {str(value) for column in columns for value in column.dropna().unique()}
    for secret in sorted((s for s in secrets if s in text), key=lambda s: (-len(s), s)):
        text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "[...]", text)
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename).name == METRIC_FILE]
    place = f" (metric.py, line {lines[-1]})" if lines else ""
    return f"{type(error).__name__}{place}: {text}"


if __name__ == "__main__":
    main()
