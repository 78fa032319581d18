"""What can go wrong outside a task: the caller's words, the data, or the machine.

A defect of a *task* is a `Finding` (a value), and something an agent can repair is text returned
to it. Only the rest is an exception, and all of it hangs on one tree:

    MLESmithError
      + UsageError            the call was wrong                          exit status 2
          + SourceError       a source cannot be read as data             exit status 2
          + PackageError      a folder is not a task package              exit status 2
      + RefusedError          the answer is no: nothing to make a task of exit status 1
      + MachineError          this machine could not do it                exit status 3
          + SandboxUnavailableError   no sandbox, no image, no daemon
          + ModelError        a language model did not answer
          + WaitingError      a person is asked for a decision, and the run goes on with it
          + BudgetError       the budget of a run is spent, and it can be resumed with more

Every message names the file (and the row or column, where there is one) and the next step.
"""

from __future__ import annotations


class MLESmithError(Exception):
    """Root of all errors that a user of MLE-Smith is expected to see.

    Attributes:
        code: a stable, lower-case identifier (`source.empty`), for programs.
        exit_status: what the command line exits with.
    """

    exit_status = 3

    def __init__(self, message: str, *, code: str = "error") -> None:
        super().__init__(message)
        self.code = code


class UsageError(MLESmithError):
    """The call cannot be carried out as it was made: a wrong path, option or argument."""

    exit_status = 2


class SourceError(UsageError):
    """A source is missing, unreadable, damaged, or unsafe to open."""


class PackageError(UsageError):
    """A folder that was given as a task package is not one."""


class RefusedError(MLESmithError):
    """The data were read, and no task can be made of them; the message says why."""

    exit_status = 1


class MachineError(MLESmithError):
    """The machine lacks something, or failed; the user's data and call are not at fault."""

    exit_status = 3


class SandboxUnavailableError(MachineError):
    """No sandbox can run here: no daemon, no image, or an isolation that cannot be set up."""


class ModelError(MachineError):
    """A language model could not be loaded or did not answer."""


class WaitingError(MachineError):
    """The run waits for a person's word on some of its tasks.

    Attributes:
        waiting: what each of them is shown as, by task id.
    """

    def __init__(self, message: str, *, waiting: dict[str, dict[str, object]]) -> None:
        super().__init__(message, code="review.waiting")
        self.waiting = waiting


class BudgetError(MachineError):
    """The run has spent what it was allowed to; it can be resumed with more."""
