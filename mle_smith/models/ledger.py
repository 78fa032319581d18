"""Every call of a run, in one SQLite file: what it cost, what is still allowed, and its reply.

A call is entered before it is made, with an estimate, and again when its reply is here. So the
budget holds for tasks that run side by side and for processes that were killed, and a resumed run
finds the replies that it has paid for. Calls that were under way when a process was killed count
at their estimate: the provider may have charged for them.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sqlite3
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from langchain_core.messages import AIMessage
from pydantic import Field

from mle_smith.models.exchange import Occasion, as_line, dump_reply, load_reply
from mle_smith.values import TimedLedgerRow, Value

_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
    key TEXT PRIMARY KEY, task TEXT, role TEXT, stage TEXT, model TEXT, digest TEXT,
    state TEXT, process TEXT, guess_tokens INTEGER, guess_cost REAL,
    input INTEGER DEFAULT 0, cached INTEGER DEFAULT 0, output INTEGER DEFAULT 0,
    reasoning INTEGER DEFAULT 0, cost REAL, hit INTEGER DEFAULT 0, seconds REAL DEFAULT 0,
    retries INTEGER DEFAULT 0, reply TEXT
);
CREATE TABLE IF NOT EXISTS spells (
    process TEXT, task TEXT, began REAL, seen REAL, PRIMARY KEY (process, task)
);
"""
_WAIT_S = 0.05


class Caps(Value):
    """What may be spent; None: as much as it takes."""

    cost: float | None = Field(default=None, ge=0)
    """Dollars."""
    tokens: int | None = Field(default=None, ge=0)
    """Read and written, together."""
    seconds: float | None = Field(default=None, ge=0)
    """Of wall time, while a process is at work."""


class Guess(NamedTuple):
    """What a call may use, before it is made."""

    tokens: int
    cost: float | None


class Paid(NamedTuple):
    """What a call really used."""

    usage: dict[str, Any] | None
    """LangChain's `usage_metadata`; None when the server did not say."""
    cost: float | None
    hit: bool
    """The reply came from the cache, and cost nothing."""
    seconds: float
    retries: int


class Spent(NamedTuple):
    """A sum over calls."""

    cost: float
    tokens: int
    seconds: float

    def over(self, caps: Caps, more: Guess) -> str:
        """Which cap the next call would break, in words; empty when none."""
        if caps.seconds is not None and self.seconds >= caps.seconds:
            return f"{self.seconds:.0f} s of {caps.seconds:.0f} s"
        if caps.tokens is not None and self.tokens + more.tokens > caps.tokens:
            return f"{self.tokens} of {caps.tokens} tokens, and the next call may use {more.tokens}"
        if caps.cost is not None and self.cost + (more.cost or 0) > caps.cost:
            return (
                f"${self.cost:.4f} of ${caps.cost:.4f}, and the next call may cost "
                f"${more.cost or 0:.4f}"
            )
        return ""


class Refusal(NamedTuple):
    """A call that the budget does not allow."""

    whose: Literal["run", "task"]
    why: str


class Ledger:
    """The calls of one run. Each use opens the file anew, so threads and processes may share it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as db:
            db.executescript(_SCHEMA)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self._path, timeout=60, isolation_level=None)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            yield db
        finally:
            db.close()

    def known(self, occasion: Occasion, digest: str) -> AIMessage | None:
        """The reply to this call, when the run has had it already."""
        with self._open() as db:
            row = db.execute(
                "SELECT reply FROM calls WHERE key = ? AND digest = ? AND state = 'done'",
                (occasion.key, digest),
            ).fetchone()
        return load_reply(json.loads(row[0])) if row else None

    def admit(
        self, occasion: Occasion, model: str, digest: str, guess: Guess, run: Caps, task: Caps
    ) -> Refusal | None:
        """Enter a call that is about to be made, unless the budget of run or task forbids it.

        Where other calls are under way and it is getting tight, it waits for them: their guesses
        may be too low, and a cap may be broken by one call at the most.
        """
        while True:
            with self._open() as db:
                db.execute("BEGIN IMMEDIATE")
                _see(db, occasion.task)
                refusal, others = self._judge(db, occasion, guess, run, task)
                if refusal is None:
                    db.execute(
                        "INSERT OR REPLACE INTO calls (key, task, role, stage, model, digest,"
                        " process, guess_tokens, guess_cost, state)"
                        " VALUES (?,?,?,?,?,?,?,?,?,'pending')",
                        (
                            occasion.key,
                            occasion.task,
                            occasion.role,
                            occasion.stage,
                            model,
                            digest,
                            _process(),
                            *guess,
                        ),
                    )
                db.execute("COMMIT")
            if refusal is None or not others:
                return refusal
            time.sleep(_WAIT_S)

    def _judge(
        self, db: sqlite3.Connection, occasion: Occasion, guess: Guess, run: Caps, task: Caps
    ) -> tuple[Refusal | None, bool]:
        """Why a call is refused, and whether calls under way may change that."""
        others = _flying(db, occasion.key)
        more = Guess(guess.tokens + 2 * others.tokens, (guess.cost or 0) + 2 * (others.cost or 0))
        total = self._sum(db, None, occasion.key)
        why = total.over(run, more)
        if why:
            return Refusal("run", why), others.tokens > 0
        why = self._sum(db, occasion.task, occasion.key).over(task, guess) if occasion.task else ""
        return (Refusal("task", why) if why else None), False

    def enter(self, occasion: Occasion, reply: AIMessage, paid: Paid) -> None:
        """The reply is here: what was guessed becomes what it was."""
        usage = paid.usage or {}
        row = (
            usage.get("input_tokens", 0),
            (usage.get("input_token_details") or {}).get("cache_read") or 0,
            usage.get("output_tokens", 0),
            (usage.get("output_token_details") or {}).get("reasoning") or 0,
            paid.cost,
            paid.hit,
            paid.seconds,
            paid.retries,
            as_line(dump_reply(reply)),
            occasion.key,
        )
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")
            db.execute(
                "UPDATE calls SET state='done', input=?, cached=?, output=?, reasoning=?, cost=?,"
                " hit=?, seconds=?, retries=?, reply=? WHERE key=?",
                row,
            )
            _see(db, occasion.task)
            db.execute("COMMIT")

    def drop(self, occasion: Occasion, retries: int, seconds: float) -> None:
        """The call failed, and was not charged for."""
        with self._open() as db:
            db.execute(
                "UPDATE calls SET state='failed', retries=?, seconds=?, cost=0 WHERE key=?",
                (retries, seconds, occasion.key),
            )

    def spent(self, task: str | None = None) -> Spent:
        """What the run, or one of its tasks, has used so far, calls under way at their guess."""
        with self._open() as db:
            return self._sum(db, task, "")

    def _sum(self, db: sqlite3.Connection, task: str | None, without: str) -> Spent:
        """Calls that are done, or were under way in a process that is gone."""
        mine = "AND task = :task" if task is not None else ""
        at = {"task": task, "without": without, "process": _process()}
        cost, tokens = db.execute(
            # A server that does not say what a call used leaves the guess standing.
            "SELECT TOTAL(COALESCE(cost, guess_cost)), TOTAL(CASE WHEN hit OR state = 'failed'"
            " THEN 0 WHEN input + output = 0 THEN guess_tokens ELSE input + output END) FROM calls"
            f" WHERE key != :without AND NOT (state = 'pending' AND process = :process) {mine}",
            at,
        ).fetchone()
        (seconds,) = db.execute(
            "SELECT TOTAL(seen - began) FROM spells WHERE task = :task", {"task": task or ""}
        ).fetchone()
        return Spent(cost, int(tokens), seconds)

    def rows(self, task: str | None = None) -> tuple[TimedLedgerRow, ...]:
        """Sums by task, role, stage and model; of one task when it is named."""
        with self._open() as db:
            found = db.execute(
                "SELECT task, role, stage, model, SUM(state = 'done' AND NOT hit), SUM(hit),"
                " SUM(state = 'failed'), SUM(input * NOT hit), SUM(cached * NOT hit),"
                " SUM(output * NOT hit), SUM(reasoning * NOT hit),"
                " CASE WHEN SUM(cost IS NULL AND state = 'done') THEN NULL ELSE TOTAL(cost) END,"
                " SUM(retries), TOTAL(seconds) FROM calls WHERE ? IS NULL OR task = ?"
                " GROUP BY task, role, stage, model ORDER BY task, role, stage, model",
                (task, task),
            ).fetchall()
        return tuple(
            TimedLedgerRow(**dict(zip(TimedLedgerRow.model_fields, row, strict=True)))
            for row in found
        )


def _process() -> str:
    """A name for this process that none before it has had.

    Its number may well be an earlier one's: in a container that is started anew it mostly is.
    """
    return _named(os.getpid())


@functools.cache
def _named(pid: int) -> str:
    return f"{pid}-{uuid.uuid4().hex[:12]}"


def _flying(db: sqlite3.Connection, without: str) -> Guess:
    """Calls of this process that are under way, at their guess."""
    tokens, cost = db.execute(
        "SELECT TOTAL(guess_tokens), TOTAL(guess_cost) FROM calls"
        " WHERE state = 'pending' AND process = ? AND key != ?",
        (_process(), without),
    ).fetchone()
    return Guess(int(tokens), cost)


def _see(db: sqlite3.Connection, task: str) -> None:
    """Note that this process is at work, on the run and on the task."""
    now = time.time()
    for name in {"", task}:
        db.execute(
            "INSERT INTO spells VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET seen = ?",
            (_process(), name, now, now, now),
        )
