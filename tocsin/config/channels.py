"""`config/channels.yaml`: where alerts go, as Apprise URLs whose secrets stand elsewhere. Every key: docs/channels.md.

A channel is one audience; each of its recipients is a delivery of its own, so that a bad address never makes the good
ones get a message twice. Whether Apprise can read a URL is checked in `alerts.channels`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import parse_qsl, quote, urlsplit

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from tocsin.config.apprise_files import addresses
from tocsin.config.bounds import Id, Names, listed
from tocsin.config.loader import Document, Loc, Strict, read_yaml, validate
from tocsin.config.secrets import NAMED, Secrets, blank
from tocsin.errors import Problem

Family = Literal["mail", "slack", "discord", "telegram", "chat", "webhook", "plain"]
"""How a service reads text: which characters are markup to it, and how much it takes."""

_FAMILIES: Mapping[str, Family] = {
    "mailto": "mail",
    "mailtos": "mail",
    "slack": "slack",
    "discord": "discord",
    "tgram": "telegram",
    "webhook": "webhook",
    "webhooks": "webhook",
    **dict.fromkeys(("mmost", "mmosts", "matrix", "matrixs", "workflow", "workflows", "rocket", "rockets"), "chat"),
    **dict.fromkeys(("msteams", "gchat", "webex", "wxteams", "zulip", "ryver", "flock", "lark", "feishu"), "chat"),
}
_OURS = {
    **dict.fromkeys(("optional", "retry", "wait"), "a delivery is retried by Tocsin until it is taken or given up"),
    **dict.fromkeys(("cto", "rto"), "set send.timeout in settings.yaml"),
    **dict.fromkeys(("format", "overflow", "emojis"), "text is shaped and cut by Tocsin for each kind of channel"),
    **dict.fromkeys(("cc", "bcc"), "each recipient is a delivery of its own; list them under `to`"),
}
_TELLING = re.compile(r"pass|pwd|token|secret|key|auth|sig", re.IGNORECASE)
_LOOKS_SECRET = re.compile(r"(?=[^.]*\d)(?=[^.]*[A-Za-z])[A-Za-z0-9_\-+=]{16,}")
_SHORTEST = 6
"""A part of an address that is shorter is no secret, and would blank out words of every message."""
_NAME_IT = "write ${NAME} there and set NAME in the environment, or file:path"


class _Raw(Strict):
    id: Id
    title: str = ""
    url: Annotated[tuple[str, ...], BeforeValidator(listed), Field(repr=False)] = ()
    to: Names = ()
    signing_key: Annotated[str, Field(repr=False)] = ""
    on_uncertain: Literal["resend", "hold"] = "resend"
    per_minute: Annotated[int, Field(ge=1, le=6000)] = 30
    alarms: bool = False
    reports: bool = False
    apprise: str = ""
    tags: Names = ()

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if bool(self.url) == bool(self.apprise):
            raise ValueError("`url` or `apprise` says where it goes; one of the two")
        if self.tags and not self.apprise:
            raise ValueError("`tags` chooses from an `apprise` file; leave it out with `url`")
        return self

    @model_validator(mode="after")
    def _to_is_for_mail(self) -> Self:
        if self.to and (len(self.url) != 1 or not self.url[0].startswith(("mailto", "file:", "${"))):
            raise ValueError("`to` lists addresses for one mailto URL; for other services give one URL a recipient")
        return self


class _File(Strict):
    channels: tuple[dict[str, Any], ...] = ()


class Channel(Strict):
    """A named audience. Shown and logged without its addresses: `recipients` and `secrets` hide what they hold."""

    id: str
    title: str
    family: Family
    recipients: tuple[SecretStr, ...]
    """One Apprise URL each, secrets filled in."""
    secrets: tuple[SecretStr, ...] = ()
    """What no log and no error may show."""
    signing_key: SecretStr | None = None
    """Key of the HMAC signature of a webhook."""
    on_uncertain: Literal["resend", "hold"] = "resend"
    """What to do with a delivery of which nobody knows whether it was taken: send again, or wait for a person."""
    per_minute: int = 30
    alarms: bool = False
    """Gets the alarms about Tocsin itself, such as another channel being dead."""
    reports: bool = False
    """Gets the report that `tocsin report --send` sends; only a channel of mails can."""


def family(scheme: str) -> Family:
    """The family of an Apprise schema; `plain` for those whose text has no markup, or that is not known."""
    return _FAMILIES.get(scheme.lower(), "plain")


def read_channels(
    folder: Path, problems: list[Problem], environ: Mapping[str, str], *, secrets: Path | None = None
) -> tuple[Channel, ...]:
    """The channels of `folder`/channels.yaml in their order; none where the file is absent.

    `secrets` is the folder that relative `file:` paths count from; by default `folder`.
    """
    path = folder / "channels.yaml"
    if not path.exists():
        return ()
    document = read_yaml(path, problems, root=folder.parent)
    file = validate(_File, document, problems) if document else None
    if document is None or file is None:
        return ()
    channels: list[Channel] = []
    for index in range(len(file.channels)):
        at = ("channels", index)
        raw = validate(_Raw, document, problems, at=at)
        channel = _resolve(raw, document, at, problems, Secrets(secrets or folder, environ)) if raw else None
        if channel is None:
            continue
        if channel.id in {other.id for other in channels}:
            problems.append(document.problem((*at, "id"), f"{channel.id!r} is the id of another channel too"))
        channels.append(channel)
    return tuple(channels)


def _resolve(raw: _Raw, document: Document, at: Loc, problems: list[Problem], secrets: Secrets) -> Channel | None:
    """The channel with its secrets filled in, None after adding what is wrong to `problems`."""
    before = len(problems)
    urls: list[str] = []
    hidden: list[str] = []
    for text in (*raw.url, *filter(None, [raw.signing_key])):
        is_url = text is not raw.signing_key
        key = "url" if is_url else "signing_key"
        try:
            value = secrets.fill(text, in_url=is_url)
            hidden += [value, *secrets.values(text)]
            if is_url:
                urls.append(value)
                _check(text, value)
            elif NAMED not in blank(text):
                raise ValueError(f"holds a secret; {_NAME_IT}")
        except ValueError as error:
            message, _, allowed = str(error).partition("; ")
            problems.append(document.problem((*at, key), message, allowed))
    if raw.reports and urls and family(urlsplit(urls[0]).scheme) != "mail":
        problems.append(document.problem((*at, "reports"), "is for a channel of mails", "a mailto URL"))
    if raw.apprise:
        try:
            urls += _from_apprise(raw, secrets.folder)
            hidden += [part for url in urls for part in (url, *_parts(url))]
        except ValueError as error:
            message, _, allowed = str(error).partition("; ")
            problems.append(document.problem((*at, "apprise"), message, allowed))
    if len(problems) > before:
        return None
    return Channel(
        id=raw.id,
        title=raw.title or raw.id,
        family=family(urlsplit(urls[0]).scheme),
        recipients=tuple(SecretStr(url) for url in _recipients(urls, raw.to)),
        secrets=tuple(SecretStr(value) for value in sorted(set(hidden), key=len, reverse=True)),
        signing_key=SecretStr(secrets.fill(raw.signing_key)) if raw.signing_key else None,
        on_uncertain=raw.on_uncertain,
        per_minute=raw.per_minute,
        alarms=raw.alarms,
        reports=raw.reports,
    )


def _from_apprise(raw: _Raw, folder: Path) -> list[str]:
    """The addresses of an Apprise configuration, which may hold their secrets literally."""
    urls = addresses(folder / raw.apprise, frozenset(raw.tags))
    for url in urls:
        _check(NAMED, url)
    families = sorted({family(urlsplit(url).scheme) for url in urls})
    if len(families) > 1:
        raise ValueError(
            f"names several kinds of service ({', '.join(families)}); a channel for each, chosen by `tags`"
        )
    return urls


def _parts(url: str) -> list[str]:
    """What of an address may be a secret: its login, a host that is none, parts of its path, values of its query."""
    parts = urlsplit(url)
    place = [part for part in re.split(r"[@:]", parts.netloc) if "." not in part]
    values = [*place, *parts.path.split("/"), *(value for _, value in parse_qsl(parts.query))]
    return [value for value in values if len(value) >= _SHORTEST]


def _recipients(urls: list[str], to: tuple[str, ...]) -> list[str]:
    if not to:
        return urls
    joint = "&" if "?" in urls[0] else "?"
    return [f"{urls[0]}{joint}to={quote(address, safe='@')}" for address in to]


def _check(text: str, url: str) -> None:
    """ValueError where `url` (written as `text`) is none, holds a literal secret or options that are not its own."""
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*://\S+", url, re.IGNORECASE):
        raise ValueError("is no Apprise URL; write service://…, see docs/channels.md")
    for key, _ in parse_qsl(urlsplit(url.replace("#", "%23")).query, keep_blank_values=True):
        if key.lower() in _OURS:
            raise ValueError(f"has the option {key}; {_OURS[key.lower()]}")
    shown = blank(text)
    scheme, _, rest = shown.partition("://")
    place, _, query = rest.partition("?")
    netloc, _, _ = place.partition("/")
    credentials, at, _ = netloc.rpartition("@")
    user, colon, password = (credentials if at else "").partition(":")
    if colon and password and NAMED not in password:
        raise ValueError(f"holds a password; {_NAME_IT}")
    parts = [part for part in re.split(r"[/:@]", place) if part and part[0] not in "#!"]
    if any(_LOOKS_SECRET.fullmatch(part) for part in parts if part != user or scheme not in ("mailto", "mailtos")):
        raise ValueError(f"holds what looks like a token; {_NAME_IT}")
    for key, value in parse_qsl(query):
        if NAMED not in value and (_TELLING.search(key) or _LOOKS_SECRET.fullmatch(value)):
            raise ValueError(f"holds a secret in {key}; {_NAME_IT}")
