"""Replies that outlive a run: the cache that makes a rerun free, and recordings.

langchain-community has an SQLite cache too. It keeps each prompt whole as part of its key, revives
objects from what it stored, and knows no attempt: a second attempt with the same prompt would get
the reply that made the first one fail. Sixty lines of sqlite3 do better.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from langchain_core.messages import AIMessage
from pydantic import ValidationError

from mle_smith.errors import ModelError, UsageError
from mle_smith.models.exchange import Exchange, Occasion, as_line, canonical, dump_reply, load_reply


def default_cache() -> Path:
    """Where replies are kept unless the user says otherwise."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "mle-smith" / "replies.sqlite"


class ReplyCache:
    """Replies by model, question, seed, task and attempt, in one SQLite file for all runs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as db:
            db.execute("CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply TEXT)")

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self._path, timeout=60, isolation_level=None)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            yield db
        finally:
            db.close()

    def get(self, key: str) -> AIMessage | None:
        """The reply under a key."""
        with self._open() as db:
            row = db.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
        return load_reply(json.loads(row[0])) if row else None

    def put(self, key: str, reply: AIMessage) -> None:
        """Keep a reply."""
        with self._open() as db:
            db.execute(
                "INSERT OR REPLACE INTO replies VALUES (?, ?)",
                (key, as_line(dump_reply(reply))),
            )


def cache_key(model: str, digest: str, tools: str, seed: int, occasion: Occasion) -> str:
    """Under what a reply is kept: all that the model was told, and which sample of it this is."""
    parts = [
        model,
        digest,
        tools,
        seed,
        occasion.task,
        occasion.role,
        occasion.attempt,
        occasion.seat,
    ]
    return hashlib.sha256(canonical(parts).encode()).hexdigest()


class Recording:
    """A file of exchanges, one JSON object a line, that can be written to and replayed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, exchange: Exchange) -> None:
        """Append an exchange; one write, so that tasks side by side do not mix their lines."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        line = as_line(exchange.model_dump(mode="json")) + "\n"
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, line.encode())
        finally:
            os.close(handle)

    def read(self) -> list[Exchange]:
        """All exchanges.

        Raises:
            UsageError: the file cannot be read, or is no recording.
        """
        try:
            lines = self._path.read_text().splitlines()
            return [Exchange.model_validate_json(line) for line in lines]
        except (OSError, ValidationError) as error:
            raise UsageError(
                f"{self._path} is no recording: {error}; forge with --record FILE makes one",
                code="replay.file",
            ) from error

    def reply(self, occasion: Occasion, digest: str) -> AIMessage:
        """The recorded reply to a question.

        Raises:
            ModelError: the recording holds none.
        """
        same = [exchange for exchange in self.read() if exchange.digest == digest]
        same.sort(key=lambda exchange: exchange.occasion != occasion)
        if not same:
            raise ModelError(
                f"the recording {self._path} has no reply for {occasion.key}: the data, the "
                "settings or this program are not what they were when it was made",
                code="replay.miss",
            )
        return load_reply(same[0].reply)
