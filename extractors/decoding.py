"""Content codings of HTTP (gzip, deflate, br, zstd) undone piece by piece, with a limit on what may come out.

A megabyte on the wire can decode to a gigabyte, so the limit is on decoded bytes, at every layer, while they come.
"""

from __future__ import annotations

import sys
import zlib
from typing import Protocol

import brotli

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ACCEPTED = "gzip, deflate, br, zstd"
GZIP_MAGIC = b"\x1f\x8b"
MAX_LAYERS = 3
_PIECE = 262_144
_ZSTD_WINDOW_LOG = 23  # 8 MiB, all that RFC 9659 lets a server use


class BadCoding(ValueError):
    """The body is not what its coding says: cut, corrupt or of an unknown coding."""


class TooLarge(ValueError):
    """More decoded bytes than the limit."""


class _Layer(Protocol):
    def feed(self, data: bytes, room: int) -> bytes:
        """What `data` decodes to; TooLarge rather than more than `room` bytes."""

    def whole(self) -> bool:
        """Whether the stream has reached its own end."""


class _Zlib:
    def __init__(self, wbits: int) -> None:
        self._wbits = wbits
        self._stream = zlib.decompressobj(wbits)
        self._started = False
        self._members = 0
        self._over = False

    def feed(self, data: bytes, room: int) -> bytes:
        out = bytearray()
        while data and not self._over:
            try:
                piece = self._stream.decompress(data, room - len(out) + 1)
            except zlib.error as error:
                self._put_up_with(error)
                continue
            out += piece
            self._started = self._started or bool(piece)
            if len(out) > room:
                raise TooLarge
            data = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail
            if self._stream.eof and self._wbits < 16:
                break  # only gzip has members that follow each other
            if self._stream.eof and data:
                self._stream, self._started, self._members = zlib.decompressobj(self._wbits), False, self._members + 1
        return bytes(out)

    def _put_up_with(self, error: zlib.error) -> None:
        """Bytes behind the last whole member are padding; any other error raises."""
        if self._started or not self._members:
            raise error
        self._over = True

    def whole(self) -> bool:
        return self._over or self._stream.eof or (self._members > 0 and not self._started)


class _Deflate:
    """The zlib format, or without its wrapper, as some servers send it."""

    def __init__(self) -> None:
        self._head = b""
        self._inner: _Zlib | None = None

    def feed(self, data: bytes, room: int) -> bytes:
        if self._inner is None:
            self._head += data
            if len(self._head) < 2:
                return b""
            wrapped = self._head[0] & 0x0F == 8 and int.from_bytes(self._head[:2], "big") % 31 == 0
            self._inner = _Zlib(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
            data = self._head
        return self._inner.feed(data, room)

    def whole(self) -> bool:
        return self._inner is not None and self._inner.whole()


class _Brotli:
    def __init__(self) -> None:
        self._stream = brotli.Decompressor()

    def feed(self, data: bytes, room: int) -> bytes:
        out = bytearray()
        while True:
            piece = self._stream.process(data, output_buffer_limit=_PIECE)
            out += piece
            if len(out) > room:
                raise TooLarge
            if self._stream.is_finished() or (len(piece) < _PIECE and self._stream.can_accept_more_data()):
                return bytes(out)
            data = b""

    def whole(self) -> bool:
        return bool(self._stream.is_finished())


class _Zstd:
    def __init__(self) -> None:
        self._options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
        self._stream = zstd.ZstdDecompressor(options=self._options)

    def feed(self, data: bytes, room: int) -> bytes:
        out = bytearray()
        while True:
            if self._stream.eof:
                if not data:
                    return bytes(out)
                self._stream = zstd.ZstdDecompressor(options=self._options)
            out += self._stream.decompress(data, max_length=_PIECE)
            if len(out) > room:
                raise TooLarge
            if self._stream.eof:
                data = self._stream.unused_data
            elif self._stream.needs_input:
                return bytes(out)
            else:
                data = b""

    def whole(self) -> bool:
        return self._stream.eof


def _layer(coding: str) -> _Layer | None:
    match coding:
        case "gzip" | "x-gzip":
            return _Zlib(16 + zlib.MAX_WBITS)
        case "deflate":
            return _Deflate()
        case "br":
            return _Brotli()
        case "zstd":
            return _Zstd()
        case "identity" | "":
            return None
        case _:
            raise BadCoding("has an unknown content coding")


class Decoder:
    """Decodes one body under the `codings` of its Content-Encoding header, to at most `limit` bytes in all.

    Feed it pieces; then `finish`, which raises BadCoding where the stream was cut.
    """

    def __init__(self, codings: str, limit: int) -> None:
        names = [name.strip().lower() for name in codings.split(",")]
        self._layers = [layer for layer in map(_layer, reversed(names)) if layer is not None]
        if len(self._layers) > MAX_LAYERS:
            raise BadCoding(f"has {len(self._layers)} content codings on top of each other")
        self._room = [limit] * (len(self._layers) + 1)
        self._fed = False

    def feed(self, data: bytes) -> bytes:
        """The decoded bytes that `data` brings."""
        self._fed = self._fed or bool(data)
        for index, layer in enumerate(self._layers):
            try:
                data = layer.feed(data, self._room[index])
            except (zlib.error, brotli.error, zstd.ZstdError):
                raise BadCoding("has a corrupt compressed body") from None
            self._room[index] -= len(data)
            if not data:
                return b""
        if not self._layers:
            self._room[0] -= len(data)
            if self._room[0] < 0:
                raise TooLarge
        return data

    def finish(self) -> None:
        """BadCoding unless every layer has reached its end."""
        if self._fed and not all(layer.whole() for layer in self._layers):
            raise BadCoding("has a compressed body that was cut short")


def decode(body: bytes, codings: str, limit: int) -> bytes:
    """`body` decoded in one go."""
    decoder = Decoder(codings, limit)
    decoded = decoder.feed(body)
    decoder.finish()
    return decoded
