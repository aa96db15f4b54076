"""Detection fanned out over other processes: those of a pool on this machine, or of a Dask cluster (`flows.cluster`).

Each piece of work carries the rules in force, so that whoever does it finds what this process would find.
"""

from __future__ import annotations

import atexit
import functools
import logging
import multiprocessing
import os
import pickle
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from extractors.triggers import Detection
from flows.detecting import Reader, Rulebook, known, made
from tocsin.config.folder import Config
from tocsin.model import Article

logger = logging.getLogger("tocsin.detect")

CHUNK = 100
"""Articles of one piece of work: some tenths of a second."""
ANSWER_S = 120.0
"""For a piece of work, also where its process has to load the language model first. A cluster may have no workers."""


class Answer(Protocol):
    """What will come back."""

    def result(self, timeout: float) -> bytes:
        """It, once it is there; whatever went wrong, and that nothing came for `timeout` seconds, is raised."""
        ...


Submit = Callable[[str, bytes, bytes], Answer]
"""Has `detect_packed` called by another process."""


@dataclass(frozen=True)
class FanOut:
    """A reader that has others read. What they do not do for whatever reason, and what is little, `here` does."""

    config: Config
    submit: Submit
    here: Callable[[], Reader]

    @functools.cached_property
    def _rules(self) -> tuple[str, bytes]:
        book = Rulebook.of(self.config)
        return book.digest(), _pack(book)

    def detect_many(self, items: Sequence[Article], /) -> Iterator[Detection]:
        """A detection for each article, in order, with the triggers and errors alone."""
        if len(items) < 2 * CHUNK:
            yield from self.here().detect_many(items)
            return
        chunks = [items[start : start + CHUNK] for start in range(0, len(items), CHUNK)]
        answers: list[Answer | None] = []
        for chunk in chunks:
            # Where one piece was refused, the next would be, perhaps after as long a wait.
            answers.append(self._ask(chunk) if None not in answers else None)
        patience_s = ANSWER_S
        for chunk, answer in zip(chunks, answers, strict=True):
            found = self._answered(answer, patience_s) if answer else None
            if found is None:
                patience_s = 0.0
                found = list(self.here().detect_many(chunk))
            yield from found

    def _ask(self, chunk: Sequence[Article]) -> Answer | None:
        try:
            return self.submit(*self._rules, _pack(list(chunk)))
        except Exception as error:  # whoever should have helped: this process can do it alone
            logger.error("detection cannot be handed on: %s: %s", type(error).__name__, error)
            return None

    def _answered(self, answer: Answer, patience_s: float) -> list[Detection] | None:
        try:
            found: list[Detection] = _unpack(answer.result(patience_s))
            return found
        except Exception as error:  # a helper that died, hung or disagrees on the rules: this process does it itself
            logger.error("detection was not done elsewhere: %s: %s", type(error).__name__, error)
            return None


def detect_packed(digest: str, rules: bytes, articles: bytes) -> bytes:
    """Runs elsewhere: the detections of packed articles by packed rules, packed."""
    detector = known(digest) or made(_unpack(rules))
    return _pack([_bare(each) for each in detector.detect_many(_unpack(articles))])


def _bare(detection: Detection) -> Detection:
    """What is stored of a detection. The rest hangs on parses; facts that cannot change cannot be pickled."""
    triggers = tuple(replace(each, facts=dict(each.facts)) for each in detection.triggers)
    return Detection(triggers, detection.skipped, detection.errors)


def _pack(value: object) -> bytes:
    return zlib.compress(pickle.dumps(value), 1)


def _unpack(packed: bytes) -> Any:
    return pickle.loads(zlib.decompress(packed))


@dataclass
class Pool:
    """Processes of this machine, each started when there is work for it, and ended with this process."""

    size: int
    _executor: ProcessPoolExecutor | None = field(default=None, init=False)

    def submit(self, digest: str, rules: bytes, articles: bytes) -> Answer:
        """Have one of them detect."""
        try:
            return self._running().submit(detect_packed, digest, rules, articles)
        except BrokenExecutor:
            # One was killed, which ends all of them.
            self._executor = None
            return self._running().submit(detect_packed, digest, rules, articles)

    def _running(self) -> ProcessPoolExecutor:
        if self._executor is None:
            context = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(self.size, mp_context=context, initializer=_end_with_parent)
            atexit.register(self.close)
        return self._executor

    def close(self) -> None:
        """End them, whatever they are doing."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None


def _end_with_parent() -> None:
    """A parent that is killed tells its children nothing, and they would wait for work for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()


@functools.cache
def pool(size: int) -> Pool:
    """The processes of this process, kept from sweep to sweep."""
    return Pool(size)
