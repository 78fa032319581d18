"""The cases about a sandbox's whole life, each of which must have a test somewhere.

Their tests need engines that break and processes that are killed, and stand in
`tests/live/test_sandbox_docker.py`. A test says which case it is of with
`@pytest.mark.attack("life-cycle", case, expected)`; the table tells of a case that has none.
"""

from __future__ import annotations

LIFE_CYCLE = {
    "the orchestrator is killed (containers)": (
        "the container ends by its own limit, or the next sandbox removes it with its folders"
    ),
    "clear up beside others": "containers of other deployments and of live owners stay",
    "the engine hangs up": "infra_error after one retry, never the code's failure",
    "the engine is stopped in the middle of a job": (
        "resumed or infra_error, never the code's failure"
    ),
    "there is no engine": "a clear error within two seconds",
    "the image is not there": "a clear error that names the next step; nothing is pulled",
    "twenty jobs at once": "twenty right results; no container, folder, mount or descriptor left",
}
