"""How well reports of one story are linked: pairwise F1 on the Galaxy clusters of 2014.

    python benchmarks/linking.py [--clusters ../shared/clusters/galaxy_wikinews_2014.jsonl] [--misses 0]

Detection runs on every article; judged are pairs of articles of one set, published within three days of each other, in
which the same type of trigger with the same modality was found: they should be in one event if, and only if, they are
of one story. A story there is broader than an event here (weeks of fighting are one story), so recall has a ceiling.
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
import json
import os
import platform
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from extractors.language import load_language
from extractors.linking import link
from extractors.triggers import Detector
from tocsin.config.folder import load
from tocsin.model import Article, Report

ROOT = Path(__file__).parents[1]
NEAR = dt.timedelta(days=3)


def article(number: int, row: dict[str, str]) -> Article | None:
    """The article of a row; None where it does not say when it was published."""
    if not row.get("published"):
        return None
    at = dt.datetime.fromisoformat(row["published"].replace("Z", "+00:00"))
    at = at if at.tzinfo else at.replace(tzinfo=dt.UTC)
    name = row["source"]
    link, summary = row.get("url") or "", row["summary"] or ""
    return Article(name, row["id"], link, row["title"], summary, at, at, "", name, id=number)


def reports(articles: Sequence[Article], detector: Detector) -> list[Report]:
    """What was detected in `articles`."""
    found = []
    for each, detection in zip(articles, detector.detect_many(articles), strict=True):
        for trigger in detection.triggers:
            numbered = replace(trigger, article=each.id, id=len(found) + 1)
            found.append(Report(numbered, each, family=each.publisher))
    return found


def pairs(found: Iterable[Report], story: dict[int, str]) -> list[tuple[bool, bool, Report, Report]]:
    """For each pair that is judged: whether it was linked, whether it should be, and the two reports."""
    links = link(list(found), [], now=dt.datetime.now(dt.UTC)).links
    event_of = {report.trigger.id: index for index, each in enumerate(links) for report in each.reports}
    kinds: dict[tuple[str, str], dict[int, list[Report]]] = defaultdict(lambda: defaultdict(list))
    for each in links:
        for report in each.reports:
            kinds[report.trigger.type, report.trigger.modality][report.article.id].append(report)
    judged = []
    for by_article in kinds.values():
        for one, two in itertools.combinations(sorted(by_article), 2):
            first, second = by_article[one], by_article[two]
            if abs(first[0].article.seen_at - second[0].article.seen_at) > NEAR:
                continue
            linked = bool({event_of[r.trigger.id] for r in first} & {event_of[r.trigger.id] for r in second})
            judged.append((linked, story[one] == story[two], first[0], second[0]))
    return judged


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = ROOT.parent / "shared/clusters/galaxy_wikinews_2014.jsonl"
    parser.add_argument("--clusters", type=Path, default=default)
    parser.add_argument("--misses", type=int, default=0, help="print so many pairs that were judged wrong")
    options = parser.parse_args()
    if not options.clusters.exists():
        sys.exit(f"{options.clusters} is not there; name the file with --clusters")
    config = load(ROOT / "config", os.environ)
    detector = Detector(config.rules, config.actors, load_language(""))
    rows = [json.loads(line) for line in options.clusters.read_text(encoding="utf-8").splitlines()]
    print(f"{platform.platform()}, Python {platform.python_version()}; {len(rows)} articles")
    print(f"{'set':18}{'articles':>9}{'linked':>8}{'of story':>10}{'both':>6}{'P':>8}{'R':>8}{'F1':>8}")
    total = [0, 0, 0]
    for name in sorted({row["set"] for row in rows}):
        mine = [(article(number, row), row) for number, row in enumerate(rows, 1) if row["set"] == name]
        chosen = [(each, row) for each, row in mine if each]
        judged = pairs(
            reports([each for each, _ in chosen], detector), {each.id: row["story_id"] for each, row in chosen}
        )
        counts = [
            sum(linked for linked, _, _, _ in judged),
            sum(same for _, same, _, _ in judged),
            sum(linked and same for linked, same, _, _ in judged),
        ]
        total = [a + b for a, b in zip(total, counts, strict=True)]
        print(f"{name:18}{len(chosen):>9}{show(counts)}")
        for linked, _, one, two in [each for each in judged if each[0] != each[1]][: options.misses]:
            print(f"  {'wrong' if linked else 'missed'} {one.trigger.type}: {one.article.title} | {two.article.title}")
    print(f"{'all':27}{show(total)}")
    precision, recall, f1 = scores(total)
    figures = {"precision": round(precision, 3), "recall": round(recall, 3), "f1": round(f1, 3)}
    print(json.dumps({"pairs": total[1], **figures}))


def scores(counts: Sequence[int]) -> tuple[float, float, float]:
    linked, same, both = counts
    precision, recall = both / linked if linked else 0.0, both / same if same else 0.0
    return precision, recall, 2 * precision * recall / (precision + recall) if both else 0.0


def show(counts: Sequence[int]) -> str:
    linked, same, both = counts
    precision, recall, f1 = scores(counts)
    return f"{linked:>8}{same:>10}{both:>6}{precision:>8.3f}{recall:>8.3f}{f1:>8.3f}"


if __name__ == "__main__":
    main()
