"""The link in a message by which its reader says whether the alert was right, without signing in. Pure.

The link carries what may be judged, on whose behalf and until when, signed with `web.secret` (HMAC-SHA256 over a key
derived for this purpose alone, by itsdangerous). Mail scanners and chat previews follow every link, so that whoever
serves it must show a form on GET and write the verdict on POST only.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass

from itsdangerous import BadData, URLSafeSerializer

from tocsin.model import Alert, AlertKind

PATH = "/verdict/"
"""Where the dashboard serves it, below `web.address`; the token follows."""
LASTING = dt.timedelta(days=30)
"""How long after an alert its link is good."""


@dataclass(frozen=True, slots=True)
class VerdictLink:
    """Whoever holds it may judge `alert` until then; the verdict is kept as given by `who` (a recipient: `mail/0`)."""

    alert: str
    who: str
    until: dt.datetime


def verdict_link(alert: Alert, who: str, *, address: str, secret: str) -> str:
    """The address below `address` under which `who` can judge `alert`, or the alert that it is about.

    "" where one of these is empty, and for alarms. The same alert and reader give the same link.
    """
    if not address or not secret or not who or alert.kind is AlertKind.ALARM:
        return ""
    subject = alert.about[0] if alert.about else alert.id
    token = _signer(secret).dumps([subject, who, int((alert.fired_at + LASTING).timestamp())])
    return f"{address.rstrip('/')}{PATH}{token}"


def read_verdict_link(token: str, secret: str, now: dt.datetime) -> VerdictLink:
    """What `token` allows; ValueError, in words for its holder, where it was not signed by us or is over."""
    try:
        if not secret:
            raise BadData("there is no key")
        alert, who, until_s = _signer(secret).loads(token)
    except (BadData, ValueError) as error:
        raise ValueError("this link is not one of ours, or was cut short on its way") from error
    until = dt.datetime.fromtimestamp(until_s, dt.UTC)
    if now >= until:
        raise ValueError(f"this link was good until {until:%Y-%m-%d %H:%M} UTC")
    return VerdictLink(alert, who, until)


def _signer(secret: str) -> URLSafeSerializer:
    return URLSafeSerializer(secret, salt="tocsin.verdict", signer_kwargs={"digest_method": hashlib.sha256})
