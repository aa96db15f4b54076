"""Parse feeds in processes of their own, which are killed and replaced when a document takes them too long."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import queue
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from extractors.documents.pages import FoundFeed
from extractors.documents.rows import NOTHING
from extractors.documents.wire import ANSWER, QUESTION
from tocsin.config.settings import FetchSettings
from tocsin.errors import ParseError
from tocsin.model import Entry

_GRACE_S = 5.0
_START_S = 30.0


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """A feed as read. With rows of the last body given, `entries` are only those that are new or changed in it.

    `kept` are the indices of the given rows that still stand; `raws` the raw digest of each of `entries`, empty where
    they cannot be told apart; `frame` goes with them. `incomplete`: the document was cut short. `asked_s`: least
    seconds between polls that it asks for, None where only entries were parsed.
    """

    entries: tuple[Entry, ...]
    title: str = ""
    asked_s: float | None = None
    incomplete: bool = False
    warnings: tuple[str, ...] = ()
    raws: tuple[bytes, ...] = ()
    kept: tuple[int, ...] = ()
    frame: bytes = NOTHING


class Parser:
    """A pool of `settings.parsers` parser processes, each started when first needed. Bound to no event loop."""

    def __init__(self, settings: FetchSettings) -> None:
        self._settings = settings
        self._idle: queue.SimpleQueue[subprocess.Popen[bytes] | None] = queue.SimpleQueue()
        for _ in range(settings.parsers):
            self._idle.put(None)
        self._threads = ThreadPoolExecutor(settings.parsers, thread_name_prefix="parser")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the processes; those at work are waited for, which their limits bound."""
        self._threads.shutdown(cancel_futures=True)
        for _ in range(self._settings.parsers):
            process = self._idle.get()
            if process is not None:
                _end(process)

    async def parse(
        self, body: bytes, *, subject: str, content_type: str = "", url: str = "", seen: str = ""
    ) -> ParsedFeed:
        """The feed in `body`, which came from `url`; ParseError, naming `subject`, where it cannot be read.

        `seen` (`FeedState.entry_digests`) spares the parsing of entries that it stands for.
        """
        question = {
            "act": "parse",
            "content_type": content_type,
            "url": url,
            "max_entries": self._settings.max_entries,
            "seen": seen,
        }
        return _unpacked(await self._ask(subject, question, body))

    async def discover(self, page: bytes, *, url: str, subject: str) -> tuple[FoundFeed, ...]:
        """The feeds that the web page at `url` names."""
        answer = await self._ask(subject, {"act": "discover", "url": url}, page)
        return tuple(FoundFeed(*found) for found in answer["feeds"])

    async def _ask(self, subject: str, question: Mapping[str, Any], body: bytes) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._threads, self._exchange, question, body)
        if "error" in answer:
            raise ParseError(subject, answer["error"])
        return answer

    def _exchange(self, question: Mapping[str, Any], body: bytes) -> dict[str, Any]:
        """One question to one process; a process that fails is ended, and a new one takes its place next time."""
        process = self._idle.get()
        healthy = False
        try:
            if process is None or process.poll() is not None:
                process = self._start()
            answer = self._converse(process, question, body)
            healthy = answer is not None and not answer.get("over")
            return answer if answer is not None else {"error": self._death(process)}
        finally:
            if process is not None and not healthy:
                _end(process)
            self._idle.put(process if healthy else None)

    def _start(self) -> subprocess.Popen[bytes]:
        memory = self._settings.parse_memory_mb * 1_000_000
        code = f"import sys; sys.path[:] = {sys.path!r}; from extractors.documents.worker import main; main()"
        return subprocess.Popen(
            [sys.executable, "-I", "-c", code, str(memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
        )

    def _converse(
        self, process: subprocess.Popen[bytes], question: Mapping[str, Any], body: bytes
    ) -> dict[str, Any] | None:
        """The answer of `process`, None where it died or hangs."""
        assert process.stdin is not None
        assert process.stdout is not None
        limit_s = self._settings.parse_timeout.total_seconds()
        head = json.dumps({**question, "limit_s": limit_s}).encode()
        try:
            process.stdin.write(b"".join((QUESTION.pack(len(head), len(body)), head, body)))
            process.stdin.flush()
        except OSError:
            return None
        # It ends itself at the limit; this is for one that is stopped, or that a fault of its own keeps from that.
        ready, _, _ = select.select([process.stdout], [], [], limit_s + _START_S + _GRACE_S)
        length = process.stdout.read(ANSWER.size) if ready else b""
        if len(length) < ANSWER.size:
            return None
        data = process.stdout.read(ANSWER.unpack(length)[0])
        try:
            answer = json.loads(data)
        except ValueError:
            return None
        return answer if isinstance(answer, dict) else None

    def _death(self, process: subprocess.Popen[bytes]) -> str:
        """Why the process gave no answer, in words."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.5)
        if process.returncode in (None, -signal.SIGALRM):
            limit_s = self._settings.parse_timeout.total_seconds()
            return f"kept the parser busy for more than {limit_s:g} s (fetch.parse_timeout)"
        return f"made the parser process die ({_exit_words(process.returncode)})"


def _exit_words(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    process.wait()


def _unpacked(answer: Mapping[str, Any]) -> ParsedFeed:
    return ParsedFeed(
        entries=tuple(_entry(*fields) for fields in answer["entries"]),
        title=answer["title"],
        asked_s=answer["asked_s"],
        incomplete=answer["incomplete"],
        warnings=tuple(answer["warnings"]),
        raws=tuple(bytes.fromhex(raw) for raw in answer["raws"]),
        kept=tuple(answer["kept"]),
        frame=bytes.fromhex(answer["frame"]),
    )


def _entry(
    key: str,
    link: str,
    title: str,
    summary: str,
    published_s: float | None,
    digest: str,
    publisher: str,
    language: str,
) -> Entry:
    published = None if published_s is None else dt.datetime.fromtimestamp(published_s, dt.UTC)
    return Entry(key, link, title, summary, published, digest, publisher, language)
