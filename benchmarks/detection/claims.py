"""Programs that depend on chance, and pages and records that are not true: M6, M12, M13."""

from __future__ import annotations

import re

from benchmarks.detection.catalogue import Strength, plants
from benchmarks.detection.specimen import NotApplicableError, Specimen

_WRITING = "    sample = test[[ID]]"


def _before_writing(specimen: Specimen, code: str, imports: str = "") -> None:
    if _WRITING not in specimen.prepare:
        raise NotApplicableError("prepare.py is of an unknown form")
    changed = specimen.prepare.replace(_WRITING, f"{code}\n{_WRITING}", 1)
    specimen.prepare = changed.replace(
        "from pathlib import Path\n", f"{imports}from pathlib import Path\n", 1
    )


@plants("M12", "no seed", needs_raw=True)
def no_seed(specimen: Specimen, strength: Strength) -> None:
    """Rows are shuffled without a seed: train, one column's last digit, test."""
    code = strength.of(
        "    train = train.sample(frac=1)",
        "    train = train.iloc[np.random.permutation(len(train))]",
        "    rng = np.random.default_rng()\n    test = test.iloc[rng.permutation(len(test))]",
    )
    _before_writing(specimen, code)


@plants("M12", "order of a set", needs_raw=True)
def order_of_a_set(specimen: Specimen, strength: Strength) -> None:
    """Columns are written in the order of a set of their names, or rows by their hash."""
    code = strength.of(
        "    names = list({str(c) for c in INPUTS})\n    train = train[[ID, *names, *TARGETS]]\n    globals_inputs = names",
        "    train = train.iloc[sorted(range(len(train)), key=lambda k: hash(str(k)))]",
        "    test = test.iloc[sorted(range(len(test)), key=lambda k: hash(str(k)))]",
    )
    if strength is Strength.WEAK:
        if len([i for i in specimen.inputs]) < 3:
            raise NotApplicableError("too few inputs to have an order")
        _before_writing(specimen, "    names = list({str(c) for c in INPUTS})")
        specimen.prepare = specimen.prepare.replace("train[[ID, *INPUTS,", "train[[ID, *names,", 1)
        return
    _before_writing(specimen, code)


@plants("M12", "a clock", needs_raw=True)
def a_clock(specimen: Specimen, strength: Strength) -> None:
    """The seed is the time."""
    code = "    train = train.sample(frac=1, random_state=int(time.time_ns() % 2**31))"
    _before_writing(specimen, code, "import time\n")


def _metric_line(specimen: Specimen) -> str:
    found = re.search(r"^`\w+` \([^\n]*$", specimen.description, re.M)
    if found is None:
        raise NotApplicableError("the description is of an unknown form")
    return found[0]


@plants("M13", "rows")
def wrong_rows(specimen: Specimen, strength: Strength) -> None:
    """The number of rows of test.csv is off by one, by a fifth, tenfold."""
    specimen.correct_description()
    rows = len(specimen.test)
    wrong = strength.of(rows + 1, round(rows * 1.2) + 1, rows * 10)
    _swap(specimen, f"| `test.csv` | {rows:,} |", f"| `test.csv` | {wrong:,} |")


@plants("M13", "rows in a sentence")
def wrong_rows_in_words(specimen: Specimen, strength: Strength) -> None:
    """A sentence states a wrong number of rows (off by one, by a fifth, tenfold)."""
    rows = len(specimen.train)
    wrong = strength.of(rows - 1, round(rows * 0.8) - 1, rows * 10)
    specimen.description += f"\n`train.csv` contains {wrong} rows to learn from.\n"


@plants("M13", "columns")
def wrong_columns(specimen: Specimen, strength: Strength) -> None:
    """The number of columns of train.csv is off by three, doubled, tenfold."""
    specimen.correct_description()
    rows, many = len(specimen.train), len(specimen.train.columns)
    wrong = strength.of(many + 3, 2 * many + 1, 10 * many)
    _swap(specimen, f"| `train.csv` | {rows:,} | {many} |", f"| `train.csv` | {rows:,} | {wrong} |")


@plants("M13", "metric")
def wrong_metric(specimen: Specimen, strength: Strength) -> None:
    """Another metric is named."""
    line = _metric_line(specimen)
    names = ["mean_absolute_error", "quadratic_weighted_kappa", "accuracy", "rmse"]
    mine = specimen.manifest["metric"]["name"]
    other = next(n for n in names if n not in line and n != mine)
    _swap(
        specimen,
        line,
        f"`{other}`: {'higher' if specimen.manifest['metric']['higher_is_better'] else 'lower'} is better.",
    )


@plants("M13", "direction")
def wrong_direction(specimen: Specimen, strength: Strength) -> None:
    """The direction is the contrary."""
    one, other = "higher is better", "lower is better"
    if one not in specimen.description:
        one, other = other, one
    _swap(specimen, one, other)


@plants("M13", "a column that is not there")
def unknown_column(specimen: Specimen, strength: Strength) -> None:
    """The data dictionary has one, three, six columns that no file has."""
    marker = f"\n| `{specimen.target}` |"
    names = ["customer_rating", "soil_depth", "branch", "temperature_c", "is_member", "visits"]
    rows = "".join(f"\n| `{n}` | float | 0 | 0 to 9 | |" for n in names[: strength.of(1, 3, 6)])
    _swap(specimen, marker, rows + marker)


@plants("M13", "ranges")
def wrong_ranges(specimen: Specimen, strength: Strength) -> None:
    """The data dictionary has ranges of other data for one, three, all columns of numbers."""
    rows = list(
        re.finditer(
            r"^(\| `[^|]*` \| (?:float|integer) \| \d+ \| )(-?[\d.]+) to (-?[\d.]+) \|",
            specimen.description,
            re.M,
        )
    )
    rows = [
        row for row in rows if f"`{specimen.manifest['submission']['id_column']}`" not in row[1]
    ]
    if not rows:
        raise NotApplicableError("no column has a range")
    for number in specimen.rng.permutation(len(rows))[: strength.of(1, 3, len(rows))]:
        low, high = float(rows[number][2]), float(rows[number][3])
        away = high + 2 * (high - low) + 1
        wrong = f"{rows[number][1]}{away:g} to {away + 1:g} |"
        specimen.description = specimen.description.replace(rows[number][0], wrong, 1)


@plants("M6", "manifest")
def manifest_turned(specimen: Specimen, strength: Strength) -> None:
    """task.json alone has the other direction, from which programs rank."""
    told = specimen.manifest["metric"]
    told["higher_is_better"] = not told["higher_is_better"]


@plants("M13", "target")
def wrong_target(specimen: Specimen, strength: Strength) -> None:
    """The goal names another column (weak), or every mention of the target does."""
    other = "final_outcome"
    if strength is Strength.WEAK:
        _swap(specimen, f"Predict `{specimen.target}`", f"Predict `{other}`")
    else:
        specimen.description = specimen.description.replace(specimen.target, other)


@plants("M13", "a file that is not there")
def unknown_file(specimen: Specimen, strength: Strength) -> None:
    """One, two, three files are promised."""
    for name in ("stations.csv", "prices.csv", "labels_extra.csv")[: strength.of(1, 2, 3)]:
        specimen.description += f"\nFurther inputs are in `{name}`.\n"


@plants("M13", "format of a submission")
def wrong_format(specimen: Specimen, strength: Strength) -> None:
    """The columns of a submission are given other names."""
    first = next(c for c in specimen.sample.columns if c != "id")
    start = specimen.description.index("## Submission")
    head, tail = specimen.description[:start], specimen.description[start:]
    if first not in tail:
        raise NotApplicableError("the description is of an unknown form")
    specimen.description = head + tail.replace(first, "prediction_value")


def _swap(specimen: Specimen, one: str, other: str) -> None:
    if one not in specimen.description:
        raise NotApplicableError("the description is of an unknown form")
    specimen.description = specimen.description.replace(one, other, 1)
