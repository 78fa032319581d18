"""The pages for people: the report of a task, and the index of a run.

`write_report(folder, report)` writes report.json and report.html; `run_page(summary)` is the
index.html of a run. Both pages need no network and no script, and depend on nothing but what they
are given, so that the same facts give the same bytes.
"""

from mle_smith.report.of_check import report_of_check
from mle_smith.report.page import report_page, write_report
from mle_smith.report.records import check_records, omissions, questions
from mle_smith.report.report import Question, Report
from mle_smith.report.run_page import run_page

__all__ = [
    "Question",
    "Report",
    "check_records",
    "omissions",
    "questions",
    "report_of_check",
    "report_page",
    "run_page",
    "write_report",
]
