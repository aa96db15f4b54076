"""An HTTP server on loopback that answers each path with whatever bytes a test wants, well-formed or not."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp.abc import AbstractResolver, ResolveResult


@dataclass(frozen=True)
class Request:
    """One request as it came in."""

    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Streamed:
    """An answer written piece by piece; the connection is closed after it."""

    write: Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


Answer = bytes | Streamed | Callable[[Request], bytes]


@dataclass
class Server:
    """What it was asked; answers by path, changeable at any time."""

    port: int
    answers: dict[str, Answer]
    requests: list[Request] = field(default_factory=list)
    open_now: int = 0
    most_open: int = 0

    def url(self, path: str, *, host: str = "127.0.0.1") -> str:
        """The address of `path`."""
        return f"http://{host}:{self.port}{path}"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if ": " in line)
        request = Request(head[0].split(" ")[1], headers)
        self.requests.append(request)
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        try:
            answer = self.answers.get(request.path, http(b"no such path", status=404))
            if isinstance(answer, Streamed):
                await answer.write(request, writer)
                return False
            whole = answer if isinstance(answer, bytes) else answer(request)
            writer.write(whole)
            await writer.drain()
            return b"Connection: close" not in whole[:2000]
        finally:
            self.open_now -= 1


@asynccontextmanager
async def serving(answers: Mapping[str, Answer]) -> AsyncIterator[Server]:
    """A server of `answers` on a free port of 127.0.0.1."""
    result = Server(0, dict(answers))
    server = await asyncio.start_server(result.handle, "127.0.0.1", 0, limit=2**20)
    result.port = server.sockets[0].getsockname()[1]
    try:
        yield result
    finally:
        server.close()


def http(body: bytes, *headers: str, status: int = 200, reason: str = "X") -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status} {reason}", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def moved(location: str, status: int = 302) -> bytes:
    """A redirect."""
    return http(b"", f"Location: {location}", status=status)


class Names(AbstractResolver):
    """A resolver that knows the names it was given, counts look-ups and never asks anybody."""

    def __init__(self, names: Mapping[str, list[str]]) -> None:
        self.names = dict(names)
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked.append(host)
        if host not in self.names:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self.names[host]
        ]

    async def close(self) -> None:
        pass
