"""What can go wrong when a model is asked, and what then happens: one table.

Every fault has one of four outcomes:

    retry    the same call again, after a pause that grows (or that the server asks for)
    repair   the model is told what was wrong with its reply, which costs it a step
    end      the agent's attempt ends with a finding; the task goes on as after any finding
    pause    the run stops where it is and can be resumed; nothing that was paid for is lost

Retries and repairs are bounded; `then` says what happens when they are used up.
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import NamedTuple

from langchain_core.messages import AIMessage


class Fault(StrEnum):
    """Everything that is told apart."""

    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    QUOTA = "quota"
    KEY_REFUSED = "key_refused"
    NO_SUCH_MODEL = "no_such_model"
    CONTEXT_TOO_LONG = "context_too_long"
    BAD_REQUEST = "bad_request"
    CONTENT_FILTER = "content_filter"
    TRUNCATED = "truncated"
    EMPTY = "empty"
    REFUSAL = "refusal"
    MALFORMED_CALL = "malformed_call"
    UNKNOWN_TOOL = "unknown_tool"
    SAME_CALL_AGAIN = "same_call_again"
    STOPPED_EARLY = "stopped_early"
    WRONG_FORM = "wrong_form"
    TASK_BUDGET = "task_budget"


class Outcome(StrEnum):
    """What a fault leads to."""

    RETRY = "retry"
    REPAIR = "repair"
    END = "end"
    PAUSE = "pause"


class Policy(NamedTuple):
    """What is done about a fault."""

    first: Outcome
    most: int
    """Retries of one call, or repairs in a row; 0 where there are none."""
    then: Outcome
    """When those are used up."""
    code: str
    """Of the finding that ends an attempt; empty where none does."""
    meaning: str


_RETRIES = 6
POLICIES: dict[Fault, Policy] = {
    Fault.RATE_LIMITED: Policy(
        Outcome.RETRY, _RETRIES, Outcome.PAUSE, "", "429; Retry-After is honoured up to a cap"
    ),
    Fault.SERVER_ERROR: Policy(Outcome.RETRY, _RETRIES, Outcome.PAUSE, "", "500, 502, 503, 529 …"),
    Fault.TIMEOUT: Policy(Outcome.RETRY, 3, Outcome.PAUSE, "", "no answer in time"),
    Fault.CONNECTION: Policy(
        Outcome.RETRY, _RETRIES, Outcome.PAUSE, "", "refused, or dropped before or in a reply"
    ),
    Fault.QUOTA: Policy(Outcome.PAUSE, 0, Outcome.PAUSE, "", "429 that says the credit is spent"),
    Fault.KEY_REFUSED: Policy(Outcome.PAUSE, 0, Outcome.PAUSE, "", "401 or 403"),
    Fault.NO_SUCH_MODEL: Policy(Outcome.PAUSE, 0, Outcome.PAUSE, "", "404"),
    Fault.CONTEXT_TOO_LONG: Policy(
        Outcome.RETRY, 3, Outcome.END, "F01", "400; each retry sends a conversation trimmed to half"
    ),
    Fault.BAD_REQUEST: Policy(Outcome.END, 0, Outcome.END, "F02", "another 4xx"),
    Fault.CONTENT_FILTER: Policy(
        Outcome.END, 0, Outcome.END, "F03", "the provider's filter struck"
    ),
    Fault.TRUNCATED: Policy(Outcome.REPAIR, 3, Outcome.END, "F04", "cut off at the output limit"),
    Fault.EMPTY: Policy(Outcome.REPAIR, 3, Outcome.END, "F05", "neither text nor a tool call"),
    Fault.REFUSAL: Policy(Outcome.REPAIR, 1, Outcome.END, "F06", "the model declines"),
    Fault.MALFORMED_CALL: Policy(
        Outcome.REPAIR, 4, Outcome.END, "F07", "a tool call whose arguments are no JSON object"
    ),
    Fault.UNKNOWN_TOOL: Policy(Outcome.REPAIR, 4, Outcome.END, "F08", "a tool that is not there"),
    Fault.SAME_CALL_AGAIN: Policy(
        Outcome.REPAIR, 2, Outcome.END, "F09", "the same call for the third time in a row"
    ),
    Fault.STOPPED_EARLY: Policy(
        Outcome.REPAIR, 2, Outcome.END, "S00", "text without a call before anything is handed in"
    ),
    Fault.WRONG_FORM: Policy(
        Outcome.REPAIR, 2, Outcome.END, "F10", "a review that does not have the form asked for"
    ),
    Fault.TASK_BUDGET: Policy(
        Outcome.END, 0, Outcome.END, "F11", "the task's own budget of money, tokens or time is used"
    ),
}
SAME_CALLS = 3
"""From this many identical calls in a row on, with nothing between them, a model loops."""


class Patience(NamedTuple):
    """How long the pauses between retries are."""

    base_s: float = 1.0
    """The first; each further one is twice as long."""
    cap_s: float = 60.0
    """The longest. A server that asks for more than this gets no further call: the run pauses."""


def fault_of(error: BaseException) -> Fault | None:
    """The fault behind an exception of a provider's client; None when it is none that we know.

    Clients of different providers share no class, but they do share names and `status_code`.
    """
    status = getattr(error, "status_code", None)
    # Some clients keep the code out of their words.
    words = f"{error} {getattr(error, 'code', '')} {getattr(error, 'body', '')}".casefold()
    if "context_length" in words or "maximum context length" in words or "context size" in words:
        return Fault.CONTEXT_TOO_LONG
    if "content_filter" in words or "content management policy" in words:
        return Fault.CONTENT_FILTER
    if isinstance(status, int):
        return _of_status(status, words)
    names = {kind.__name__ for kind in type(error).__mro__}
    if any("Timeout" in name for name in names):
        return Fault.TIMEOUT
    connection = ("ConnectionError", "ConnectError", "TransportError", "APIConnectionError")
    if names & set(connection):
        return Fault.CONNECTION
    if "RefusalError" in "".join(names):
        return Fault.REFUSAL
    if isinstance(error, ValueError) and "JSONDecodeError" in names:
        return Fault.CONNECTION  # a body or stream that broke off, or a proxy's page
    if "APIError" in names:
        return Fault.SERVER_ERROR  # an error event inside a stream carries no status
    return None


def _of_status(status: int, words: str) -> Fault:
    if status == 429:
        return Fault.QUOTA if "insufficient_quota" in words else Fault.RATE_LIMITED
    if status >= 500:
        return Fault.SERVER_ERROR
    known = {
        401: Fault.KEY_REFUSED,
        403: Fault.KEY_REFUSED,
        404: Fault.NO_SUCH_MODEL,
        408: Fault.TIMEOUT,
        409: Fault.SERVER_ERROR,
    }
    return known.get(status, Fault.BAD_REQUEST)


def retry_after(error: BaseException, now: float) -> float | None:
    """Seconds that the server asks to wait; None when it does not say."""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    said = headers.get("retry-after")
    if not said:
        return None
    try:
        return max(0.0, float(said))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - now)
    except (TypeError, ValueError):
        return None


def reply_fault(reply: AIMessage) -> Fault | None:
    """What is wrong with a reply as a whole; None when it can be acted upon.

    A reply that was cut off is acted upon where it holds whole tool calls before the cut.
    """
    if _ending(reply) == "content_filter":
        return Fault.CONTENT_FILTER
    if reply.tool_calls:
        return None
    if cut_off(reply):
        return Fault.TRUNCATED
    if reply.invalid_tool_calls:
        return None
    if _refuses(reply):
        return Fault.REFUSAL
    return None if reply.text.strip() else Fault.EMPTY


def cut_off(reply: AIMessage) -> bool:
    """Whether a reply ended at the limit of its length."""
    return _ending(reply) in {"length", "max_tokens", "max_output_tokens"}


def _ending(reply: AIMessage) -> str:
    about = reply.response_metadata
    incomplete = (about.get("incomplete_details") or {}).get("reason")
    return str(incomplete or about.get("finish_reason") or about.get("stop_reason") or "")


def _refuses(reply: AIMessage) -> bool:
    blocks = reply.content if isinstance(reply.content, list) else []
    said = any(isinstance(block, dict) and block.get("type") == "refusal" for block in blocks)
    return said or bool(reply.additional_kwargs.get("refusal")) or _ending(reply) == "refusal"
