"""The mail server of docs/operate.md, on loopback: `python mail_server.py CERTIFICATE KEY PASSWORD`, from port 587.

It takes mail only after STARTTLS and the login of `tocsin` with that password, prints the first one and ends; exit 1
where none came within two minutes.
"""

from __future__ import annotations

import ssl
import sys
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class First:
    """Prints what it takes."""

    def __init__(self) -> None:
        self.taken = threading.Event()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        print("To:", *envelope.rcpt_tos)  # noqa: T201 (its output is what is looked at)
        print(envelope.content.decode(), flush=True)  # noqa: T201
        self.taken.set()
        return "250 OK"


def main(certificate: str, key: str, password: str) -> int:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    known = LoginPassword(b"tocsin", password.encode())
    box = First()
    options = {"tls_context": context, "require_starttls": True, "auth_required": True}
    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=587,
        server_hostname="mail.example.org",
        authenticator=lambda _server, _session, _envelope, _mechanism, given: AuthResult(success=given == known),
        **options,
    )
    controller.start()
    print("listening", flush=True)  # noqa: T201
    return 0 if box.taken.wait(120) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
