"""Every error that Tocsin raises on purpose.

    TocsinError
    ├── ConfigError      a YAML file says something that is not allowed (carries every problem found)
    ├── SetupError       the machine lacks something: a model, a database that is too new, a port
    ├── FetchError       a feed could not be fetched (`retry` says whether another try makes sense)
    ├── ParseError       a body was fetched, but is not a feed that can be read
    ├── StoreError       the database refused
    │   └── LeaseError   somebody else took over what this process was doing
    └── SendError        a channel did not take a message (`retry` likewise)

A message reads `what: subject: cause`; the parts are attributes too. A class stands here only because something
catches it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class TocsinError(Exception):
    """Base of all errors raised on purpose.

    `what` names the failed act, `subject` the feed, file, channel … it failed on, `cause` the reason in words.
    `retry` says whether trying again later makes sense without anybody changing something first.
    """

    retry = False

    def __init__(self, what: str, *, subject: str, cause: str, retry: bool | None = None) -> None:
        super().__init__(f"{what}: {subject}: {cause}")
        self.what = what
        self.subject = subject
        self.cause = cause
        if retry is not None:
            self.retry = retry


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong in one config file, at one line and key."""

    file: str
    line: int
    key: str
    message: str
    allowed: str = ""

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}: {self.key}: {self.message}"
        return f"{text}; {self.allowed}" if self.allowed else text


class ConfigError(TocsinError):
    """One or more config files are wrong; `problems` holds every problem of the run, sorted by file and line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("config is wrong", subject=self.problems[0].file, cause="\n".join(map(str, self.problems)))

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


class SetupError(TocsinError):
    """The machine or its state must be changed first; `cause` ends with the command that mends it."""


class FetchError(TocsinError):
    """A feed gave no usable answer.

    `status` is the HTTP status where there was one; `retry_after_s` what the server asked for, capped. `reached` is
    false where no server answered at all, as when the network is down.
    """

    retry = True

    def __init__(
        self,
        subject: str,
        cause: str,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
        retry: bool | None = None,
        reached: bool = True,
    ) -> None:
        super().__init__("fetch failed", subject=subject, cause=cause, retry=retry)
        self.status = status
        self.retry_after_s = retry_after_s
        self.reached = reached


class ParseError(TocsinError):
    """A body is no readable feed: HTML, random bytes, a document that burns the parser's limits."""

    retry = True

    def __init__(self, subject: str, cause: str) -> None:
        super().__init__("not a readable feed", subject=subject, cause=cause)


class StoreError(TocsinError):
    """The database refused an operation; `retry` is true for locks, lost connections and a full disk."""


class LeaseError(StoreError):
    """The lease under which something was to be written is somebody else's now; nothing was written."""

    def __init__(self, name: str) -> None:
        super().__init__("nothing was written", subject=name, cause="another process took the lease over")


class SendError(TocsinError):
    """A channel did not take a message.

    `retry_after_s` is what the service asked for, where it did. `uncertain`: the message was handed over whole, and the
    answer stayed out, so that it may have been taken.
    """

    def __init__(
        self, subject: str, cause: str, *, retry: bool, retry_after_s: float | None = None, uncertain: bool = False
    ) -> None:
        super().__init__("send failed", subject=subject, cause=cause, retry=retry)
        self.retry_after_s = retry_after_s
        self.uncertain = uncertain
