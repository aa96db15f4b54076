"""Who is at the other end: sessions in a signed cookie, tokens for forms, passwords.

A session names its user and carries a stamp of the credential it was opened with, so that another password or token
ends it. Comparisons take the same time whatever is wrong.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from itsdangerous import BadData, URLSafeSerializer, URLSafeTimedSerializer

from tocsin.config.settings import WebSettings

LASTING_S = 14 * 86_400
"""A session ends after two weeks."""
TOKEN_USER = "token"
"""Name of whoever signed in by the token."""
MOST_FAILURES = 10
PER_S = 60.0
_HASHER = PasswordHasher()
_NOBODY = _HASHER.hash(secrets.token_urlsafe())
"""Verified for names that do not exist, so that they take as long as others."""
_ONE_AT_A_TIME = threading.Lock()
"""A password takes 64 MB to verify, which strangers may ask for."""


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that was here before; `who` is "" where nobody has to sign in."""

    id: str
    who: str = ""
    stamp: str = ""


@dataclass(frozen=True, slots=True)
class Signer:
    """Writes and reads what only this dashboard can have written."""

    key: str = field(repr=False)

    def seal(self, session: Session) -> str:
        """The value of the session's cookie."""
        return self._sessions.dumps([session.id, session.who, session.stamp])

    def open(self, cookie: str) -> Session | None:
        """The session of a cookie; None where it is forged, cut or too old."""
        try:
            return Session(*self._sessions.loads(cookie, max_age=LASTING_S))
        except (BadData, TypeError, ValueError):
            return None

    def form_token(self, session: Session) -> str:
        """What a form of this session carries."""
        return self._forms.dumps(session.id)

    def is_form_of(self, session: Session, token: str) -> bool:
        """Whether the form was shown in this session."""
        try:
            return hmac.compare_digest(str(self._forms.loads(token)), session.id)
        except BadData:
            return False

    @property
    def _sessions(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self.key, salt="tocsin.session", signer_kwargs=_SHA256)

    @property
    def _forms(self) -> URLSafeSerializer:
        return URLSafeSerializer(self.key, salt="tocsin.form", signer_kwargs=_SHA256)


_SHA256 = {"digest_method": hashlib.sha256}


def new_session(who: str = "", stamp: str = "") -> Session:
    """A session that no one else can have."""
    return Session(secrets.token_urlsafe(16), who, stamp)


def stamp_of(web: WebSettings, who: str) -> str:
    """Digest of the credential of `who`, "" where there is none (any more)."""
    credential = web.token if who == TOKEN_USER and web.token else web.users.get(who, "")
    return hashlib.sha256(f"stamp:{credential}".encode()).hexdigest()[:16] if credential else ""


def is_current(web: WebSettings, session: Session) -> bool:
    """Whether the session was opened with a credential that still holds."""
    stamp = stamp_of(web, session.who)
    return bool(stamp) and hmac.compare_digest(stamp, session.stamp)


def is_token(web: WebSettings, given: str) -> bool:
    """Whether `given` is the token."""
    return bool(web.token) and hmac.compare_digest(given.encode(), web.token.encode())


def signed_in(web: WebSettings, name: str, password: str) -> str:
    """The user that name and password belong to, "" for nobody; without a name the password may be the token."""
    if not name and is_token(web, password):
        return TOKEN_USER
    known = web.users.get(name, "")
    try:
        with _ONE_AT_A_TIME:
            _HASHER.verify(known or _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return ""
    return name if known else ""


@dataclass(slots=True)
class Tries:
    """Sign-ins of late that failed or are under way, over all who try. `now_s` is any clock that only goes forward."""

    at_s: deque[float] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, now_s: float) -> bool:
        """Whether somebody may try now; then it counts as failed until it has succeeded, so that no rush gets past."""
        with self._lock:
            while self.at_s and now_s - self.at_s[0] > PER_S:
                self.at_s.popleft()
            if len(self.at_s) >= MOST_FAILURES:
                return False
            self.at_s.append(now_s)
            return True

    def succeeded(self, began_s: float) -> None:
        """The one that began then did not fail."""
        with self._lock, suppress(ValueError):
            self.at_s.remove(began_s)
