"""Real receivers on loopback: an SMTP server and an HTTP server whose answers a test sets."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session


@dataclass
class Mailbox:
    """What an SMTP server took. `refuse` maps a recipient to the answer it gets at RCPT; `answer_data` replaces 250."""

    port: int = 0
    mails: list[tuple[tuple[str, ...], EmailMessage]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    answer_data: str = ""
    wait_s: float = 0.0

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        if self.answer_data:
            return self.answer_data
        self.raw.append(content)
        message = BytesParser(policy=policy.default).parsebytes(content)
        assert isinstance(message, EmailMessage)
        self.mails.append((tuple(envelope.rcpt_tos), message))
        if self.wait_s:
            await asyncio.sleep(self.wait_s)
        return "250 OK"


@contextmanager
def smtp_server(*, refuse_login: bool = False) -> Iterator[Mailbox]:
    """A running SMTP server; with `refuse_login` it asks for a login and refuses every one with 535."""
    box = Mailbox()

    def login(*_: object) -> AuthResult:
        return AuthResult(success=False, handled=False)

    options: dict[str, Any] = {"authenticator": login, "auth_require_tls": False} if refuse_login else {}
    controller = _Controller(box, hostname="127.0.0.1", port=0, server_hostname="localhost", **options)
    controller.start()
    box.port = controller.port
    try:
        yield box
    finally:
        controller.stop()


class _Controller(Controller):
    """Lets the system choose the port."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@dataclass
class Hooks:
    """What an HTTP server was sent; `status`, `body`, `headers` are its answer, `wait_s` how long it thinks first.

    `asked` are the paths of GET, `taken` the bodies that it answered with success. `hold` is called once the head of a
    request is here, and says whether to take the body. One that does not come whole, because its sender ended, is no
    request.
    """

    port: int = 0
    asked: list[str] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    taken: list[bytes] = field(default_factory=list)
    status: int = 200
    body: bytes = b'{"ok": true}'
    headers: dict[str, str] = field(default_factory=dict)
    wait_s: float = 0.0
    hang_up: bool = False
    hold: Callable[[], bool] | None = None

    def json(self, index: int = -1) -> Any:
        """Body of a request."""
        return json.loads(self.requests[index][2])


@contextmanager
def http_server() -> Iterator[Hooks]:
    """A running HTTP server."""
    hooks = Hooks()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hooks.asked.append(self.path)
            self.send_response(hooks.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self) -> None:
            if hooks.hold and not hooks.hold():
                self.close_connection = True
                return
            length, body = int(self.headers.get("Content-Length", 0)), b""
            with suppress(ConnectionResetError):
                body = self.rfile.read(length)
            if len(body) < length:
                self.close_connection = True
                return
            status = hooks.status
            hooks.requests.append((self.path, dict(self.headers.items()), body))
            if status < 300:
                hooks.taken.append(body)
            time.sleep(hooks.wait_s)
            if hooks.hang_up:
                self.close_connection = True
                return
            with suppress(BrokenPipeError, ConnectionResetError):
                self.send_response(status)
                for name, value in {"Content-Length": str(len(hooks.body)), **hooks.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(hooks.body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing to say."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hooks.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hooks
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
