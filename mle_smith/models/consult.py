"""The one way in which a role's model is asked: budget, recording, cache, call, retries, ledger."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel

from mle_smith.errors import BudgetError, UsageError
from mle_smith.models.context import fit, guess_tokens
from mle_smith.models.exchange import Exchange, Occasion, canonical, digest, dump_reply, said
from mle_smith.models.faults import Fault, Patience
from mle_smith.models.ledger import Caps, Guess, Ledger, Paid
from mle_smith.models.load import context_of, load_model
from mle_smith.models.prices import Price, PriceTable
from mle_smith.models.replies import Recording, ReplyCache, cache_key, default_cache
from mle_smith.models.retrying import Ended, RetriedCall
from mle_smith.models.roles import AgentRole
from mle_smith.models.spec import ModelSpec
from mle_smith.models.stream import whole
from mle_smith.package.layout import RunPaths
from mle_smith.values import Value

_REPLY_TOKENS = 4000
"""What a reply is guessed to take, before it is here."""


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


class Consultant:
    """Asks one model, for one role, on behalf of one run."""

    def __init__(self, name: str, terms: Terms, run: Path) -> None:
        """Nothing is loaded yet; `run` is the folder of the run's ledger."""
        self._name = name
        self._terms = terms
        self._spec = ModelSpec.parse(name)
        self._run = run

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
        call = RetriedCall(
            self._spec,
            self._invoker(cast("BaseChatModel", bound)),
            schemas,
            Patience(base_s=self._terms.retry_pause),
            seed=occasion.key,
        )
        reply = self._entered(call, sent, occasion, price)
        if isinstance(reply, AIMessage):
            self._keep(occasion, asked, canonical(schemas), reply)
            self._record(occasion, asked, reply)
        return reply

    def _invoker(self, chat: BaseChatModel) -> Callable[[list[BaseMessage]], AIMessage]:
        if self._spec.options.stream:
            return lambda sent: whole(chat.stream(sent))
        return lambda sent: chat.invoke(sent)

    def _entered(
        self, call: RetriedCall, sent: list[BaseMessage], occasion: Occasion, price: Price | None
    ) -> AIMessage | Ended:
        """Make the call; whatever comes of it stands in the ledger."""
        began = time.monotonic()
        reply: AIMessage | Ended | None = None
        try:
            reply = call.make(sent)
        finally:
            if not isinstance(reply, AIMessage):
                self._ledger.drop(occasion, call.retries, time.monotonic() - began)
        if isinstance(reply, AIMessage):
            usage = dict(reply.usage_metadata) if reply.usage_metadata else None
            cost = price.cost(usage) if price and usage else None
            seconds = time.monotonic() - began
            paid = Paid(usage, cost, hit=False, seconds=seconds, retries=call.retries)
            self._ledger.enter(occasion, reply, paid)
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
