"""The table of faults, for docs/models.md; `make golden` writes it."""

from __future__ import annotations

from mle_smith.models.faults import POLICIES, Outcome, Policy

_THEN = {
    Outcome.PAUSE: "the run pauses; `--resume` goes on",
    Outcome.END: "the attempt ends with finding {code}",
    Outcome.RETRY: "",
    Outcome.REPAIR: "",
}


def faults_table() -> str:
    """A Markdown table: fault, what is done, and what then."""
    lines = ["| fault | meaning | at first | then |", "|---|---|---|---|"]
    for fault, policy in POLICIES.items():
        then = _THEN[policy.then].format(code=policy.code)
        lines.append(f"| `{fault}` | {policy.meaning} | {_first(policy)} | {then} |")
    return "\n".join(lines)


def _first(policy: Policy) -> str:
    if policy.first is Outcome.RETRY:
        return f"retried, up to {policy.most} times"
    if policy.first is Outcome.REPAIR:
        times = "once" if policy.most == 1 else f"up to {policy.most} times in a row"
        return f"shown to the model, {times}"
    return ""
