"""How fast detection is, and that the gate changes nothing.

    python benchmarks/detect_speed.py [ITEMS.jsonl] [--limit N]

Compares, in one run and in CPU time of this process, detection with the shipped rules against parsing every item with
the whole model, and measures the gate alone on texts that it turns away, at about 3,000 literals. ITEMS defaults to
the wire news of 2004 beside the repository. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import time
from pathlib import Path

from extractors.forms import fold
from extractors.gate import Gate
from extractors.language import load_language
from extractors.rules import compile_rule
from extractors.second_opinion.models import load_second_opinion
from extractors.triggers import Detector, Text
from tocsin.config.actors import read_actors
from tocsin.config.triggers import Rule, read_rules

ROOT = Path(__file__).resolve().parents[1]
ITEMS = ROOT.parent / "shared" / "news" / "agnews_test_2004.jsonl"
LITERALS = 3_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("items", nargs="?", type=Path, default=ITEMS)
    parser.add_argument("--limit", type=int, default=0)
    args = parser.parse_args()
    rows = [json.loads(line) for line in args.items.read_text(encoding="utf-8").splitlines()]
    texts = [Text(row["title"], row.get("summary") or "") for row in rows][: args.limit or None]
    rules, actors, language = read_rules(ROOT / "config", []), read_actors(ROOT / "config", []), load_language()

    detector = Detector(rules, actors, language)
    list(detector.detect_many(texts[:200]))  # warm up
    gated, gated_s = timed(lambda: [found.triggers for found in detector.detect_many(texts)])
    plain = Detector(rules, actors, language, gated=False)
    ungated, ungated_s = timed(lambda: [found.triggers for found in plain.detect_many(texts)])

    pipeline = importlib.import_module(language.name.split()[0]).load()
    joined = [f"{text.title}. {text.summary}" for text in texts]
    _, parse_s = timed(lambda: sum(1 for _ in pipeline.pipe(joined, batch_size=64)))

    judged = Detector(rules, actors, language, second_opinion=load_second_opinion())
    _, judged_s = timed(lambda: [found.triggers for found in judged.detect_many(texts)])
    rate, literals = gate_rate(rules, language.tokenize, joined)
    print(f"{platform.machine()}, Python {platform.python_version()}, {language.name}, {len(texts)} items, CPU time")
    print(f"{'':34} {'seconds':>8} {'items/s':>9}")
    for name, seconds in (("parse every item, whole model", parse_s), ("rules without the gate", ungated_s),
                          ("rules behind the gate", gated_s), ("with the second opinion", judged_s)):  # fmt: skip
        print(f"{name:34} {seconds:8.2f} {len(texts) / seconds:9.0f}")
    print(f"{f'gate alone, {literals} literals':34} {'':8} {rate:9.0f}")
    figures = {
        "speedup_vs_parse_all": round(parse_s / gated_s, 1),
        "gate_items_per_cpu_s": round(rate),
        "speedup_with_second_opinion": round(parse_s / judged_s, 1),
        "identical": gated == ungated,
    }
    print(json.dumps(figures))


def timed(work):  # type: ignore[no-untyped-def]
    """What `work` returns and the CPU seconds it took."""
    begun = time.process_time()
    result = work()
    return result, time.process_time() - begun


def gate_rate(rules: tuple[Rule, ...], tokenize, texts: list[str]) -> tuple[float, int]:  # type: ignore[no-untyped-def]
    """Items a CPU-second that the gate turns away, with enough of the shipped rules for about LITERALS literals."""
    chosen: list[Rule] = []
    gate = Gate([])
    for rule in rules:
        wider = Gate([compile_rule(one, tokenize) for one in (*chosen, rule)])
        if wider.literals > LITERALS * 1.2 and chosen:
            continue
        chosen, gate = [*chosen, rule], wider
    folded = [fold(text) for text in texts]
    away = [text for text in folded if not gate.frames(text)]
    _, seconds = timed(lambda: [gate.frames(text) for text in away])
    return len(away) / seconds, gate.literals


if __name__ == "__main__":
    main()
