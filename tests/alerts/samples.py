"""Events, alerts and config objects to judge, with defaults for all that a test does not care about."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from alerts.evidence import Evidence as Shown
from tocsin.config.channels import Channel, family
from tocsin.config.thresholds import KINDS, Threshold
from tocsin.config.watches import Watch
from tocsin.model import Alert, Article, Event, Evidence, Modality, Trigger

T0 = dt.datetime(2026, 11, 2, 6, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)


def event(id: int = 1, *, hours_ago: float = 1, **values: Any) -> Event:
    """A missile test by North Korea, reported by one publisher, `hours_ago` before `T0`."""
    started = T0 - hours_ago * HOUR
    defaults: dict[str, Any] = {
        "type": "missile_test",
        "modality": Modality.HAPPENED,
        "source": "KP",
        "target": None,
        "started_at": started,
        "changed_at": started,
        "title": "North Korea fires missile into sea",
        "severity": 6.0,
        "families": frozenset({"Daily"}),
        "articles": (id * 10,),
    }
    return Event(**(defaults | values), id=id)


def threshold(type: str = "event", **values: Any) -> Threshold:
    """A threshold as config has it."""
    return KINDS[type].model_validate({"id": "t", "title": "A title", "type": type, **values})


def watch(*thresholds: Threshold, **values: Any) -> Watch:
    """A watch of these thresholds that notifies the channel `desk`."""
    defaults = {"id": "w", "title": "A watch", "notify": ["desk"]}
    return Watch.model_validate({**defaults, **values, "thresholds": thresholds or (threshold(),)})


def channel(id: str = "desk", *urls: str, secrets: tuple[str, ...] = (), **values: Any) -> Channel:
    """A channel with these addresses."""
    urls = urls or ("json://127.0.0.1:9/",)
    return Channel(
        id=id,
        title=id,
        family=family(urls[0].partition(":")[0]),
        recipients=tuple(map(SecretStr, urls)),
        secrets=tuple(map(SecretStr, secrets)),
        **values,
    )


def alert(id: str = "a1", *, hours_ago: float = 0, **values: Any) -> Alert:
    """An open alert of the threshold `t` of the watch `w`."""
    defaults: dict[str, Any] = {
        "watch": "w",
        "threshold": "t",
        "threshold_version": "v1",
        "group": "",
        "window": "1",
        "fired_at": T0 - hours_ago * HOUR,
        "reason": "missile_test happened, 1 independent publisher",
        "events": (1,),
        "severity": 6.0,
        "title": "North Korea fires a missile",
    }
    return Alert(id=id, **(defaults | values))


def report(title: str, *, hit: str, link: str = "https://daily.example/1", **values: Any) -> tuple[Trigger, Article]:
    """An article with a trigger on the words `hit` of its title."""
    start = title.index(hit)
    article = Article(
        feed="daily",
        key="1",
        link=link,
        title=title,
        summary="",
        published=T0,
        first_seen=T0,
        digest="",
        publisher=values.pop("publisher", "Daily"),
        id=10,
    )
    evidence = Evidence("title", start, start + len(hit), hit)
    trigger = Trigger(
        "missile_test", Modality.HAPPENED, "KP", None, None, "missile_test", "abc123", evidence, article=10, id=1
    )
    return trigger, article


def shown(title: str = "North Korea fires missile into sea", **values: Any) -> Shown:
    """Evidence of one event with one report of that title."""
    hit = values.pop("hit", title.split()[0])
    return Shown([event(title=title)], {1: [report(title, hit=hit, **values)]})


def config_folder(path: Path, **files: str) -> Path:
    """A config folder in `path` with these files: `channels="…"`, `watches__korea="…"`."""
    folder = path / "config"
    for name, text in files.items():
        file = folder / (name.replace("__", "/") + ".yaml")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder
