"""Submissions that a participant writes to break whoever grades them."""

from __future__ import annotations

from typing import NamedTuple


class HostileSubmission(NamedTuple):
    """A file that a participant's program writes; it is graded as invalid, and nothing breaks."""

    name: str
    content: str
    """An expression of Python that gives the file's bytes."""
    reason: str
    """A regular expression that the reason given to the participant matches."""


_HEADER = 'b"id,yield\\n"'

SUBMISSIONS = (
    HostileSubmission(
        "a gzip bomb named .csv", "gzip.compress(bytes(2**26))", "binary|cannot be read"
    ),
    HostileSubmission("a CSV of a million columns", 'b"c," * 10**6 + b"c\\n"', "longer than"),
    HostileSubmission("a CSV of one endless line", f'{_HEADER} + b"9" * 2**24', "longer than"),
    HostileSubmission("a CSV of a million rows", f'{_HEADER} + b"1,2\\n" * 10**6', "more than"),
    HostileSubmission("NaN for every answer", f"{_HEADER} + rows('nan')", "not a number"),
    HostileSubmission("infinity for every answer", f"{_HEADER} + rows('inf')", "not a number"),
    HostileSubmission("numbers beyond all bounds", f"{_HEADER} + rows('1e400')", "not a number"),
    HostileSubmission("a pickle", "pickle.dumps(Trap())", "binary|cannot be read"),
    HostileSubmission("a spreadsheet's formula", f"{_HEADER} + rows('=1+1')", "not a number"),
    HostileSubmission("bytes that are no text", f"{_HEADER} + bytes(range(256))", "binary|cannot"),
    HostileSubmission("an open quote", f"""{_HEADER} + b'"1,2\\n'""", "cannot be read"),
    HostileSubmission("nothing", 'b""', "cannot be read|empty"),
)

PROGRAM = """
import gzip, os, pickle
class Trap:
    def __reduce__(self): return os.system, ("touch $HOME/unpickled",)
with open(os.environ["MLE_IN"] + "/public/sample_submission.csv") as file:
    ids = [line.split(",")[0] for line in file.readlines()[1:]]
def rows(value): return "".join(f"{one},{value}\\n" for one in ids).encode()
os.chdir(os.environ["MLE_OUT"])
contents = [%s]
for number, content in enumerate(contents):
    with open(f"{number}.csv", "wb") as file: file.write(content)
"""


def program() -> str:
    """The participant's program: writes each submission as `<number>.csv`."""
    return PROGRAM % ", ".join(f"({one.content})" for one in SUBMISSIONS)
