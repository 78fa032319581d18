"""One call to a model, with the retries that the table of faults allows."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from typing import NamedTuple

from langchain_core.messages import AIMessage, BaseMessage

from mle_smith.errors import ModelError
from mle_smith.models.context import fit, guess_tokens
from mle_smith.models.faults import (
    POLICIES,
    Fault,
    Outcome,
    Patience,
    fault_of,
    retry_after,
)
from mle_smith.models.spec import ModelSpec

_SECRET = ("_KEY", "_TOKEN", "_SECRET", "_PASSWORD")


class Ended(NamedTuple):
    """No reply will come, and the attempt is over."""

    fault: Fault
    message: str


class RetriedCall:
    """A call that is made until there is a reply, or no more sense in it."""

    def __init__(
        self,
        spec: ModelSpec,
        invoke: Callable[[list[BaseMessage]], AIMessage],
        schemas: list[dict[str, object]],
        patience: Patience,
        *,
        seed: str,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Nothing is asked yet.

        Args:
            spec: the model, for messages.
            invoke: asks it, and raises what its client raises.
            schemas: of its tools, which take their part of the context.
            patience: how long pauses are.
            seed: spreads the pauses of calls that fail together.
            pause: waits.
        """
        self._spec = spec
        self._invoke = invoke
        self._schemas = schemas
        self._patience = patience
        self._pause = pause
        self._jitter = random.Random(seed)
        self._faults: list[Fault] = []

    @property
    def retries(self) -> int:
        """How often the call was made again."""
        return len(self._faults)

    def make(self, sent: list[BaseMessage]) -> AIMessage | Ended:
        """The reply, or the end of the attempt.

        Raises:
            ModelError: the run has to pause: the provider does not answer, or not to us.
        """
        while True:
            try:
                return self._invoke(sent)
            except Exception as error:
                fault = fault_of(error)
                if fault is None:
                    raise
                ended = self._after(fault, error)
            if ended is not None:
                return ended
            if fault is Fault.CONTEXT_TOO_LONG:
                sent = fit(sent, guess_tokens(sent, self._schemas) // 2, self._schemas)

    def _after(self, fault: Fault, error: Exception) -> Ended | None:
        """Pause before the next try; or say that there is none."""
        policy = POLICIES[fault]
        words = f"{fault}: {self._scrubbed(str(error))[:500]}"
        outcome = policy.first
        if outcome is Outcome.RETRY and self._faults.count(fault) >= policy.most:
            outcome = policy.then
        if outcome is Outcome.RETRY:
            asked = retry_after(error, time.time())
            if asked is None or asked <= self._patience.cap_s:
                self._faults.append(fault)
                if fault is not Fault.CONTEXT_TOO_LONG:
                    self._pause(self._wait(asked))
                return None
            outcome = Outcome.PAUSE
            words += f" (the server asks to wait {asked:.0f} s)"
        if outcome in {Outcome.END, Outcome.REPAIR}:
            return Ended(fault, words)
        raise ModelError(
            f"model {self._spec.name} did not answer after {self.retries + 1} tries: {words}. "
            "What was done is kept: --resume goes on with the run",
            code=f"model.{fault}",
        ) from None  # the client's own traceback may quote a key

    def _wait(self, asked: float | None) -> float:
        if asked is not None:
            return asked
        grown: float = self._patience.base_s * 2.0 ** (self.retries - 1)
        return min(grown, self._patience.cap_s) * self._jitter.uniform(0.75, 1.25)

    def _scrubbed(self, text: str) -> str:
        """The text without the model's key, or any value of the environment named as a secret."""
        for name, value in os.environ.items():
            secret = name.upper().endswith(_SECRET) or name == self._spec.options.key_env
            if secret and len(value) >= 6:
                text = text.replace(value, f"[{name}]")
        return text
