"""The parser process: reads requests from standard input, answers on standard output, can be killed at any time.

Feeds are written by strangers, and a few bytes can burn a minute or a gigabyte inside a parser. So it happens here,
with a wall limit set on itself before each document, a memory limit, and no way to open a file or a socket: after the
start it may have no more file descriptors than it has, and make no system call but those of `confinement`.
"""

from __future__ import annotations

import encodings
import gc
import importlib
import json
import pkgutil
import resource
import signal
import sys
from typing import Any, BinaryIO

from extractors.documents.confinement import confine
from extractors.documents.document import Reading, Unreadable, read
from extractors.documents.pages import feeds_of_page
from extractors.documents.rows import unpack
from extractors.documents.wire import ANSWER, QUESTION


def main() -> None:
    """Serve until standard input ends."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    lock_in(int(sys.argv[1]))
    while head := requests.read(QUESTION.size):
        lengths = QUESTION.unpack(head)
        question = json.loads(requests.read(lengths[0]))
        body = requests.read(lengths[1])
        signal.setitimer(signal.ITIMER_REAL, question["limit_s"])
        answer = _answer(question, body)
        signal.setitimer(signal.ITIMER_REAL, 0)
        _send(answers, answer)


def lock_in(memory_bytes: int) -> None:
    """Load all that reading may need, then give up everything else."""
    for module in pkgutil.iter_modules(encodings.__path__):
        if module.name not in ("mbcs", "oem"):  # of Windows only
            importlib.import_module(f"encodings.{module.name}")
    for kind in ("_strptime", "html.entities", "stringprep", "dateutil.tz", "xml.sax.expatreader"):
        importlib.import_module(kind)
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)  # a document is many objects that live for as long as it takes
    # Nothing can be loaded from now on: looking for more would meet the limit on files, not "no such module".
    sys.path.clear()
    encodings.__path__.clear()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    confine()


def _answer(question: dict[str, Any], body: bytes) -> dict[str, Any]:
    try:
        if question["act"] == "discover":
            return {"feeds": [[feed.url, feed.title] for feed in feeds_of_page(body, question["url"])]}
        reading = read(
            body,
            content_type=question["content_type"],
            url=question["url"],
            max_entries=question["max_entries"],
            seen=unpack(question["seen"]),
        )
        return _packed(reading)
    except Unreadable as error:
        return {"error": str(error)}
    except MemoryError:
        return {"error": "needs too much memory to parse (fetch.parse_memory_mb)", "over": True}
    except RecursionError:
        return {"error": "is nested too deep"}
    except Exception as error:  # whatever a parser raises on what a stranger wrote says one thing: unreadable
        return {"error": f"cannot be read ({type(error).__name__} in the parser)"}


def _packed(reading: Reading) -> dict[str, Any]:
    entries = [
        [
            entry.key,
            entry.link,
            entry.title,
            entry.summary,
            entry.published.timestamp() if entry.published else None,
            entry.digest,
            entry.publisher,
            entry.language,
        ]
        for entry in reading.entries
    ]
    return {
        "title": reading.title,
        "entries": entries,
        "raws": [raw.hex() for raw in reading.raws],
        "kept": reading.kept,
        "frame": reading.frame.hex(),
        "asked_s": reading.asked_s,
        "incomplete": reading.incomplete,
        "warnings": reading.warnings,
    }


def _send(stream: BinaryIO, answer: dict[str, Any]) -> None:
    data = json.dumps(answer, ensure_ascii=False).encode()
    stream.write(ANSWER.pack(len(data)) + data)
    stream.flush()
