"""Verdicts as examples for the rules they are about: what must fire and what must stay silent, as YAML to paste."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from tocsin.config.triggers import Rule
from tocsin.model import Article, Judgement, Modality, Trigger, Verdict

Judged = tuple[Verdict, Trigger, Article]


def proposals(judged: Iterable[Judged], rules: Sequence[Rule]) -> str:
    """One YAML document a rule, in order of rule; "" where there is nothing that `rules` do not have already.

    A true verdict asks for the trigger as it was, a false one for silence. A duplicate or stale one speaks of the
    alert, not of the words. A text that was judged both ways is left to its true half.
    """
    known = {rule.id: rule for rule in rules}
    by_rule: dict[str, list[Judged]] = {}
    for each in judged:
        if each[0].value in (Judgement.TRUE, Judgement.FALSE):
            by_rule.setdefault(each[1].rule, []).append(each)
    documents = [_document(id, known.get(id), by_rule[id]) for id in sorted(by_rule)]
    return "".join(filter(None, documents))


def _document(id: str, rule: Rule | None, judged: Sequence[Judged]) -> str:
    had = {text for example in (rule.examples.fires if rule else ()) for text in (example.text, example.title)}
    silenced = set(rule.examples.silent) if rule else set()
    fires = _unlike(had, (each for each in judged if each[0].value is Judgement.TRUE))
    true = {_text(*each[1:]) for each in judged if each[0].value is Judgement.TRUE}
    silent = _unlike(silenced | true | had, (each for each in judged if each[0].value is Judgement.FALSE))
    examples = CommentedMap()
    for key, chosen in (("fires", fires), ("silent", silent)):
        if chosen:
            examples[key] = _list(chosen)
    if not examples:
        return ""
    stream = io.StringIO()
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 10_000
    yaml.allow_unicode = True
    yaml.dump({"examples": examples}, stream)
    return f"--- # {rule.file if rule else f'{id}, which is no longer a rule'}\n{stream.getvalue()}"


def _unlike(had: set[str], judged: Iterable[Judged]) -> Mapping[str, Judged]:
    """The last judged of each text that is not in `had`."""
    return {_text(*each[1:]): each for each in judged if _text(*each[1:]) not in had}


def _text(trigger: Trigger, article: Article) -> str:
    return article.summary if trigger.evidence.field == "summary" else article.title


def _list(chosen: Mapping[str, Judged]) -> CommentedSeq:
    """The examples, each under a line that says who judged it, when and on what."""
    items = CommentedSeq()
    for text, (verdict, trigger, _) in chosen.items():
        items.append(_fires(text, trigger) if verdict.value is Judgement.TRUE else text)
        subject = f"alert {verdict.alert}" if verdict.alert else f"trigger {verdict.trigger}"
        note = " ".join(f"{verdict.who} on {subject}, {verdict.at:%Y-%m-%d}: {verdict.note}".split())
        items.yaml_set_comment_before_after_key(len(items) - 1, before=note.rstrip(":"), indent=4)
    return items


def _fires(text: str, trigger: Trigger) -> CommentedMap:
    example = CommentedMap(text=text)
    if trigger.modality is not Modality.HAPPENED:
        example["modality"] = trigger.modality.value
    for key, party in (("source", trigger.source), ("target", trigger.target)):
        if party:
            example[key] = party
    example.fa.set_flow_style()
    return example
