"""Descriptions: what is left out or not true is caught, true ones pass."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mle_smith.checks import Layer, Subject
from mle_smith.checks.described_metric import metric_findings
from mle_smith.metrics import METRICS
from tests.support.checked import errors
from tests.support.packages import Example, Kind, change
from tests.support.tasks import make_task

WriteExample = Callable[[Kind], Example]


def in_description(*olds_and_news: str) -> Callable[[Example], object]:
    """Replaces a first text by a second one, a third by a fourth, and so on."""

    def spoil(package: Example) -> None:
        for old, new in zip(olds_and_news[::2], olds_and_news[1::2], strict=True):
            change(package.paths.description, old, new)
        shutil.copyfile(package.paths.description, package.paths.public_description)

    return spoil


def with_table(row: str, head: str = "column") -> Callable[[Example], object]:
    table = f"| {head} | values | type |\n|---|---|---|\n| {row} |"
    return in_description("## Metric", f"{table}\n\n## Metric")


def added(said: str) -> Callable[[Example], object]:
    return in_description("## Metric", f"{said}\n\n## Metric")


DESCRIPTION: dict[str, tuple[str, Callable[[Example], object]]] = {
    "other copy": ("D01", lambda e: e.paths.public_description.write_text("later")),
    "file unnamed": ("D02", in_description("`sample_submission.csv`", "a sample")),
    "target unnamed": ("D02", in_description("outcome", "result")),
    "metric unnamed": ("D03", in_description("ROC AUC (`roc_auc`)", "The score")),
    "direction turned": ("D03", in_description("Higher is better", "Lower is better")),
    "contrary direction": ("D03", in_description("## Goal", "The lowest score wins.\n\n## Goal")),
    "another metric": (
        "D03",
        in_description("## Goal", "Submissions are ranked by classification accuracy.\n\n## Goal"),
    ),
    "formula of another metric": (
        "D03",
        in_description("the share of pairs of a positive", METRICS["log_loss"].formula),
    ),
    "wrong classes": ("D04", in_description("## Goal", "One of five classes.\n\n## Goal")),
    "labels for probabilities": (
        "D08",
        in_description("is the probability, 0 to 1, of the class", "is the label, like"),
    ),
    "probability of another class": (
        "D08",
        in_description("of the class `yes`", "of the class `no`"),
    ),
    "another key": ("D07", in_description("one row for each row of", "one row for each `case` of")),
    "wrong rows": ("D04", in_description("80 rows", "81 rows")),
    "swapped rows": ("D04", in_description("`test.csv`: 80 rows", "`test.csv`: 240 rows")),
    "another column of a submission": (
        "D07",
        in_description("`id` and `outcome`", "`id` and `prediction`"),
    ),
    "another target": ("D07", in_description("Predict `outcome`", "Predict `weight`")),
    "example of another task": (
        "D07",
        in_description(
            "class `yes`.", "class `yes`:\n\n    file,label\n    1.png,cat\n    2.png,dog\n"
        ),
    ),
    "no word on submissions": (
        "D02",
        in_description("## Submission\n\nA CSV file with", "The sample has"),
    ),
    "file without header": (
        "D02",
        in_description("A CSV file with", "A text file without a header line, with"),
    ),
    "file of another kind": ("D02", in_description("A CSV file with", "A JSON file with")),
    "range of another target": ("D09", with_table("`batch` | 0 to 0.5 | number")),
    "gaps denied": ("D09", added("No value is missing.")),
    "gaps denied of a column": ("D09", added("There are no missing values in `width`.")),
    "gaps counted": ("D09", added("| column | missing |\n|---|---|\n| `width` | 0 |")),
    "gaps as a share": ("D09", added("| column | missing |\n|---|---|\n| `width` | 40 % |")),
    "share of a class": (
        "D04",
        in_description("## Files", "90 % of the rows are `yes`.\n\n## Files"),
    ),
    "range of other data": ("D09", with_table("`length` | 0 to 1 | number")),
    "type of other data": ("D09", with_table("`place` | north, south, west | float")),
    "column left out": (
        "D09",
        in_description("| `batch` | number of the batch, 1 to 4 |\n", "", ", `batch`", ""),
    ),
    "later rows": (
        "D10",
        in_description(
            "## Files", "The rows are later than the train rows by `weight`.\n\n## Files"
        ),
    ),
    "groups apart": (
        "D10",
        in_description("## Files", "Rows of one `place` are all on one side.\n\n## Files"),
    ),
    "promised archive": ("D05", with_table("`images.zip` | many | pictures", head="file")),
    "unknown file": ("D05", in_description("`train.csv`", "`training.csv` and `train.csv`")),
    "private file": ("D06", in_description("## Goal", "## test_answer.csv has the answers")),
    "path": ("D06", in_description("## Goal", "## Files are in /home/ann/data")),
}


@pytest.mark.parametrize("name", DESCRIPTION)
def test_false_descriptions_are_caught(name: str, example: WriteExample) -> None:
    code, spoil = DESCRIPTION[name]
    package = example("binary")
    spoil(package)
    also = {"D07"} if name == "target unnamed" else set()  # another column is named in its place
    assert errors(Subject(package.paths.root), Layer.DESCRIPTION) == {code} | also


TRUE = {
    "gaps of another column": added("There are no missing values in `length`."),
    "gaps of a submission": added("A prediction must have no missing values."),
    "counted gaps": added("| column | missing |\n|---|---|\n| `length` | 0 |"),
    "another form denied": in_description("A CSV file", "Hand in no JSON file. A CSV file"),
    "range": with_table("`length` | 0 to 1,000 | number"),
    "codes": with_table("`batch` | 1 to 4 | text"),
    "types": with_table("`place` | north, south, west | string"),
    "another split": in_description("## Files", "No rows of one `outcome` are apart.\n\n## Files"),
    "example": in_description("class `yes`.", "class `yes`:\n\n    id,outcome\n    149,0.5\n"),
    "rows of an example": in_description(
        "class `yes`.", "class `yes`:\n\n    149,0.5\n    220,0.5\n"
    ),
}


@pytest.mark.parametrize("name", TRUE)
def test_true_descriptions_pass(name: str, example: WriteExample) -> None:
    package = example("binary")
    TRUE[name](package)
    assert errors(Subject(package.paths.root), Layer.DESCRIPTION) == set()


@pytest.mark.parametrize(
    ("positive", "found"),
    [("Yes", set()), ("No", {"D08"}), ("no", {"D08"})],
)
def test_classes_are_called_as_they_are_written(
    positive: str, found: set[str], example: WriteExample
) -> None:
    """Whatever their case, and though one of them is a denial."""
    package = example("binary")
    capital = positive.istitle()
    for path in (p for p in package.paths.root.rglob("*") if p.is_file() and capital):
        path.write_text(re.sub(r"\b(yes|no)\b", lambda m: m[1].title(), path.read_text()))
    name = "Yes" if capital else "yes"
    in_description(f"of the class `{name}`", f"of the class `{positive}`")(package)
    assert errors(Subject(package.paths.root), Layer.DESCRIPTION) == found


@pytest.mark.parametrize("metric", sorted(METRICS))
def test_a_metric_that_is_described_truly(metric: str, tmp_path: Path) -> None:
    """With sentences about other metrics in between."""
    spec = METRICS[metric]
    task = make_task("binary" if spec.task_types[0].is_classification else "regression")
    task.formulation = task.formulation.model_copy(update={"metric": metric})
    subject = task.write(tmp_path / "task")
    better, other = ("higher", "lower") if spec.higher_is_better else ("lower", "higher")
    text = (
        f"## Goal\n\nPredict it.\n\n## Metric\n\nSubmissions are scored by {spec.title}: {better} "
        f"is better.\n\n    {spec.formula}\n\nA high accuracy makes no good score, and there is "
        "no log loss. The best constant has an F1 of 0.4, and an accuracy of 0.61.\n\n"
        f"| `score` | a mark by hand: {other} is better |"
    )
    assert list(metric_findings(subject, text)) == []
