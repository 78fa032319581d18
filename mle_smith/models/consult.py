"""The one way in which a role's model is asked: budget, recording, cache, call, retries, ledger."""

from __future__ import annotations

import functools
import os
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel

from mle_smith.errors import BudgetError, ModelError, UsageError
from mle_smith.models.context import fit, guess_tokens
from mle_smith.models.exchange import Exchange, Occasion, canonical, digest, dump_reply, said
from mle_smith.models.faults import (
    POLICIES,
    Fault,
    Outcome,
    Patience,
    fault_of,
    retry_after,
)
from mle_smith.models.ledger import Caps, Guess, Ledger, Paid
from mle_smith.models.load import context_of, load_model
from mle_smith.models.prices import Price, PriceTable
from mle_smith.models.replies import Recording, ReplyCache, cache_key, default_cache
from mle_smith.models.roles import AgentRole
from mle_smith.models.spec import ModelSpec
from mle_smith.models.stream import whole
from mle_smith.package.layout import RunPaths
from mle_smith.values import Value

_REPLY_TOKENS = 4000
"""What a reply is guessed to take, before it is here."""
_SECRET = ("_KEY", "_TOKEN", "_SECRET", "_PASSWORD")


class Terms(Value):
    """What a run allows and keeps, apart from which models it asks."""

    run_caps: Caps = Caps()
    task_caps: Caps = Caps()
    prices: str = ""
    """The user's price file."""
    cache: str | None = ""
    """File of the reply cache; empty: the usual place; None: no cache."""
    record: str = ""
    replay: str = ""
    seed: int = 0
    retry_pause: float = 1.0
    """Seconds before the first retry."""


class Ended(NamedTuple):
    """No reply will come, and the attempt is over."""

    fault: Fault
    message: str


class Consultant:
    """Asks one model, for one role, on behalf of one run."""

    def __init__(
        self, name: str, terms: Terms, run: Path, pause: Callable[[float], None] = time.sleep
    ) -> None:
        """Nothing is loaded yet; `run` is the folder of the run's ledger."""
        self._name = name
        self._terms = terms
        self._spec = ModelSpec.parse(name)
        self._run = run
        self._pause = pause

    def ask(
        self,
        occasion: Occasion,
        messages: Sequence[BaseMessage],
        tools: Sequence[BaseTool | type[BaseModel]],
    ) -> AIMessage | Ended:
        """The model's reply to a conversation.

        A call that this run has made already is not made again.

        Raises:
            UsageError: there is a cap in dollars, and the model's price is not known.
            BudgetError: the run's budget does not allow the call.
            ModelError: the model cannot be loaded, or did not answer within the retries.
        """
        chat = self._load(occasion.role)
        schemas = [convert_to_openai_tool(tool) for tool in tools]
        sent = fit(messages, context_of(self._name, chat), schemas)
        asked = digest(said(sent))
        known = self._ledger.known(occasion, asked)
        if known is not None:
            return known
        kept = self._kept(occasion, asked, canonical(schemas))
        price = PriceTable.load(self._terms.prices).of(self._name)
        guess = self._guess(sent, schemas, price) if kept is None else Guess(0, 0.0)
        self._need_price(price)
        over = self._admit(occasion, asked, guess)
        if over is not None:
            return over
        if kept is not None:
            self._ledger.enter(occasion, kept, Paid(None, 0.0, hit=True, seconds=0.0, retries=0))
            self._record(occasion, asked, kept)
            return kept
        bound = chat.bind_tools(tools) if tools else chat
        call = _Call(self, cast("BaseChatModel", bound), occasion, schemas, price)
        reply = call.make(sent)
        if isinstance(reply, AIMessage):
            self._keep(occasion, asked, canonical(schemas), reply)
            self._record(occasion, asked, reply)
        return reply

    @functools.cached_property
    def _ledger(self) -> Ledger:
        return Ledger(RunPaths(self._run).ledger)

    def _load(self, role: AgentRole) -> BaseChatModel:
        asked = not self._terms.replay
        return load_model(self._name, role, seed=self._terms.seed, asked=asked)

    def ready(self, role: AgentRole) -> None:
        """Find out before any work is done whether the model can be asked at all.

        Raises:
            UsageError: the model's name, the price file or the recording is wrong, or there is a
                cap in dollars and the model's price is not known.
            ModelError: the model cannot be loaded.
        """
        self._load(role)
        if self._terms.replay:
            Recording(Path(self._terms.replay)).read()
        price = PriceTable.load(self._terms.prices).of(self._name)
        self._need_price(price)

    def _need_price(self, price: Price | None) -> None:
        capped = self._terms.run_caps.cost, self._terms.task_caps.cost
        if price is None and any(cap is not None for cap in capped) and not self._terms.replay:
            raise UsageError(
                f"there is a cap in dollars, but the price of {self._name.partition('?')[0]} is "
                "not known: give it with --prices FILE, or cap tokens instead",
                code="budget.price",
            )

    def _guess(
        self, sent: Sequence[BaseMessage], schemas: list[dict[str, object]], price: Price | None
    ) -> Guess:
        if self._spec.is_embedded:
            return Guess(0, 0.0)
        reply = self._spec.options.max_tokens or _REPLY_TOKENS
        read = guess_tokens(sent, schemas)
        usage = {"input_tokens": read, "output_tokens": reply}
        return Guess(read + reply, price.cost(usage) if price else None)

    def _admit(self, occasion: Occasion, asked: str, guess: Guess) -> Ended | None:
        run, task = self._terms.run_caps, self._terms.task_caps
        refusal = self._ledger.admit(occasion, self._name, asked, guess, run, task)
        if refusal is None:
            return None
        if refusal.whose == "task":
            return Ended(Fault.TASK_BUDGET, f"this task has used its budget: {refusal.why}")
        raise BudgetError(
            f"the run has used its budget: {refusal.why}. Go on with --resume and a higher cap "
            "(--max-cost, --max-tokens, --max-minutes); nothing is paid for twice",
            code="budget.run",
        )

    def _kept(self, occasion: Occasion, asked: str, tools: str) -> AIMessage | None:
        """A reply that need not be paid for."""
        if self._terms.replay:
            return Recording(Path(self._terms.replay)).reply(occasion, asked)
        cache = self._cache()
        return cache.get(self._key(occasion, asked, tools)) if cache else None

    def _keep(self, occasion: Occasion, asked: str, tools: str, reply: AIMessage) -> None:
        cache = self._cache()
        if cache:
            cache.put(self._key(occasion, asked, tools), reply)

    def _key(self, occasion: Occasion, asked: str, tools: str) -> str:
        return cache_key(self._name, asked, tools, self._terms.seed, occasion)

    def _cache(self) -> ReplyCache | None:
        """The cache; none for the embedded backbone, which is quicker than a look-up."""
        if self._terms.cache is None or self._spec.is_embedded:
            return None
        return ReplyCache(Path(self._terms.cache) if self._terms.cache else default_cache())

    def _record(self, occasion: Occasion, asked: str, reply: AIMessage) -> None:
        if self._terms.record:
            exchange = Exchange(
                occasion=occasion, model=self._name, digest=asked, reply=dump_reply(reply)
            )
            Recording(Path(self._terms.record)).add(exchange)


class _Call:
    """One call with its retries."""

    def __init__(
        self,
        by: Consultant,
        chat: BaseChatModel,
        occasion: Occasion,
        schemas: list[dict[str, object]],
        price: Price | None,
    ) -> None:
        self._by = by
        self._chat = chat
        self._occasion = occasion
        self._schemas = schemas
        self._price = price
        self._patience = Patience(base_s=by._terms.retry_pause)
        self._jitter = random.Random(occasion.key)
        self._faults: list[Fault] = []
        self._began = time.monotonic()

    def make(self, sent: list[BaseMessage]) -> AIMessage | Ended:
        """The reply, entered in the ledger; or the end of the attempt."""
        try:
            reply = self._persist(sent)
        except BaseException:
            self._give_up()
            raise
        if isinstance(reply, Ended):
            self._give_up()
            return reply
        usage = dict(reply.usage_metadata) if reply.usage_metadata else None
        cost = self._price.cost(usage) if self._price and usage else None
        seconds = time.monotonic() - self._began
        paid = Paid(usage, cost, hit=False, seconds=seconds, retries=len(self._faults))
        self._by._ledger.enter(self._occasion, reply, paid)
        return reply

    def _give_up(self) -> None:
        seconds = time.monotonic() - self._began
        self._by._ledger.drop(self._occasion, len(self._faults), seconds)

    def _persist(self, sent: list[BaseMessage]) -> AIMessage | Ended:
        while True:
            try:
                if self._by._spec.options.stream:
                    return whole(self._chat.stream(sent))
                return self._chat.invoke(sent)
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
        words = f"{fault}: {scrubbed(str(error))[:500]}"
        outcome = policy.first
        if outcome is Outcome.RETRY and self._faults.count(fault) >= policy.most:
            outcome = policy.then
        if outcome is Outcome.RETRY:
            asked = retry_after(error, time.time())
            if asked is None or asked <= self._patience.cap_s:
                self._faults.append(fault)
                if fault is not Fault.CONTEXT_TOO_LONG:
                    self._by._pause(self._wait(asked))
                return None
            outcome = Outcome.PAUSE
            words += f" (the server asks to wait {asked:.0f} s)"
        if outcome in {Outcome.END, Outcome.REPAIR}:
            return Ended(fault, words)
        raise ModelError(
            f"model {self._by._name} did not answer after {len(self._faults) + 1} tries: {words}. "
            "What was done is kept: --resume goes on with the run",
            code=f"model.{fault}",
        ) from None  # the client's own traceback may quote a key

    def _wait(self, asked: float | None) -> float:
        if asked is not None:
            return asked
        grown: float = self._patience.base_s * 2.0 ** (len(self._faults) - 1)
        return min(grown, self._patience.cap_s) * self._jitter.uniform(0.75, 1.25)


def scrubbed(text: str) -> str:
    """The text without any value of the environment that is a secret by its name."""
    for name, value in os.environ.items():
        if len(value) >= 6 and name.upper().endswith(_SECRET):
            text = text.replace(value, f"[{name}]")
    return text
