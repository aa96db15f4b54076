"""`tocsin explain`: why a text gives the triggers that it gives, or why not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text as Line

from extractors.language import drawing, load_language
from extractors.triggers import Detector, Explained, Explanation, Text
from tocsin.cli.context import Json, configuration, err, opened, out, print_json
from tocsin.cli.detection import trigger_json
from tocsin.config.folder import Config


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command()(explain)


def explain(
    text: Annotated[str, typer.Argument(help="A text, or the id of an article in the store.")],
    *,
    summary: Annotated[str, typer.Option(help="Summary that goes with the text as its title.")] = "",
    why_not: Annotated[str, typer.Option(help="Only why no trigger of this type came out.")] = "",
    html: Annotated[Path | None, typer.Option(help="Write the parse, drawn by displaCy, to this file.")] = None,
    as_json: Json = False,
) -> None:
    """Candidates, parse, every rule tried, what matched, what spoke against it, modality cues, actors and aliases."""
    config = configuration()
    types = {rule.type for rule in config.rules}
    if why_not and why_not not in types:
        err.print(f"tocsin: no trigger type {why_not!r}; there are {', '.join(sorted(types))}", markup=False)
        raise typer.Exit(2)
    settings = config.settings.detect
    detector = Detector(config.rules, config.actors, load_language(settings.model), max_chars=settings.max_chars)
    explanation = detector.explain(_item(config, text, summary))
    if html is not None:
        html.write_text(_drawn(explanation), encoding="utf-8")
    if as_json:
        print_json(_json(explanation, why_not))
        return
    for line in _why_not(explanation, why_not) if why_not else _lines(explanation):
        out.print(line)
    if html is not None:
        out.print(Line(f"parse drawn in {html}"))


def _item(config: Config, text: str, summary: str) -> Text:
    if not text.isdigit():
        return Text(text, summary)
    with opened(config) as store:
        article = store.articles.get(int(text))
    if article is None:
        err.print(f"tocsin: no article {text} in the store", markup=False)
        raise typer.Exit(2)
    return Text(article.title, article.summary, article.published)


def _why_not(explanation: Explanation, kind: str) -> Iterator[Line]:
    reasons = explanation.why_not(kind)
    if not reasons:
        yield Line(f"{kind} came out as happened")
    for reason in reasons:
        yield Line(f"- {reason}")


def _lines(explanation: Explanation) -> Iterator[Line]:
    detection = explanation.detection
    if detection.skipped:
        yield Line(f"not read: {detection.skipped}", style="yellow")
    if explanation.hopeless:
        yield Line("second opinion: at first sight no act can be in it, so no rule of its types speaks", style="yellow")
    for segment in explanation.segments:
        yield from _segment(segment)
    for finding in detection.findings:
        candidate = finding.candidate
        source, target = (party.code if party else "–" for party in (candidate.source, candidate.target))
        act = candidate.tree.text(range(candidate.act.start, candidate.act.end))
        yield Line(
            f"candidate {candidate.rule.id} [{candidate.frame.name}] “{act}” {source} → {target}: "
            f"{finding.verdict.modality} ({finding.verdict.why}), confidence {finding.confidence:.2f}"
        )
    for opinion in detection.opinions:
        yield Line(f"second opinion on {opinion.kind}: {opinion.probability:.2f}")
    for trigger in detection.triggers:
        parties = f"{trigger.source or '–'} → {trigger.target or '–'}"
        line = Line(f"TRIGGER {trigger.type} {trigger.modality} {parties} ", style="bold green")
        yield line.append(f"“{trigger.evidence.text}” {trigger.confidence:.2f} {trigger.rule}@{trigger.version}")
    if not detection.triggers:
        yield Line("no trigger", style="bold")
    for error in detection.errors:
        yield Line(f"error: {error}", style="red")


def _segment(segment: Explained) -> Iterator[Line]:
    tree = segment.tree
    yield Line(f"{tree.field}: {tree.text(range(len(tree)))}", style="bold")
    for index, word in enumerate(tree.words):
        head = tree.words[tree.heads[index]] if tree.heads[index] != index else "–"
        yield Line(f"    {word:20} {tree.tags[index]:6} {tree.deps[index]:10} ← {head}", style="dim")
    for mention in segment.mentions:
        words = tree.text(range(mention.start, mention.end))
        yield Line(f"  actor {mention.code}: “{words}” ({mention.kind}: {mention.alias})")
    yield Line(f"  gate lets in: {', '.join(sorted(segment.gate)) or 'nothing'}")
    for attempt in segment.attempts:
        act = tree.text(range(attempt.act.start, attempt.act.end))
        verdict = "matches" if attempt.candidate else attempt.reason
        yield Line(f"  {attempt.frame.rule.id} [{attempt.frame.frame.name}] “{act}”: {verdict}")


def _json(explanation: Explanation, why_not: str) -> dict[str, Any]:
    detection = explanation.detection
    answer: dict[str, Any] = {
        "triggers": [trigger_json(trigger) for trigger in detection.triggers],
        "skipped": detection.skipped or None,
        "hopeless": sorted(explanation.hopeless),
        "segments": [_segment_json(segment) for segment in explanation.segments],
        "candidates": [
            {
                "rule": finding.candidate.rule.id,
                "frame": finding.candidate.frame.name,
                "modality": finding.verdict.modality.value,
                "cues": [cue.why for cue in finding.verdict.cues],
                "source": finding.candidate.source.code if finding.candidate.source else None,
                "target": finding.candidate.target.code if finding.candidate.target else None,
                "confidence": finding.confidence,
            }
            for finding in detection.findings
        ],
        "opinions": [{"type": each.kind, "probability": each.probability} for each in detection.opinions],
        "errors": list(detection.errors),
    }
    if why_not:
        answer["why_not"] = {"type": why_not, "reasons": explanation.why_not(why_not)}
    return answer


def _segment_json(segment: Explained) -> dict[str, Any]:
    tree = segment.tree
    return {
        "field": tree.field,
        "tokens": [
            {"text": word, "tag": tree.tags[index], "dep": tree.deps[index], "head": tree.heads[index]}
            for index, word in enumerate(tree.words)
        ],
        "actors": [
            {"code": each.code, "start": each.start, "end": each.end, "kind": each.kind, "alias": each.alias}
            for each in segment.mentions
        ],
        "gate": sorted(segment.gate),
        "attempts": [
            {
                "rule": attempt.frame.rule.id,
                "frame": attempt.frame.frame.name,
                "act": tree.text(range(attempt.act.start, attempt.act.end)),
                "matched": attempt.candidate is not None,
                "reason": attempt.reason,
            }
            for attempt in segment.attempts
        ],
    }


def _drawn(explanation: Explanation) -> str:
    """The parses as an HTML page, actors and matched acts named at their words."""
    marked: list[dict[int, str]] = []
    for segment in explanation.segments:
        labels = {index: each.code for each in segment.mentions for index in range(each.start, each.end)}
        for attempt in segment.attempts:
            if attempt.candidate is not None:
                labels[attempt.act.root] = attempt.frame.rule.type
        marked.append(labels)
    return drawing([segment.tree for segment in explanation.segments], marked)
