"""What datatrove's filters measure and decide, for the golden file and for the interop test.

The verdicts are those of datatrove's own classes. The values are not exposed by them: they are worked out here with
datatrove's own splitters and helpers, following its filters line by line.
"""

import hashlib
import warnings

import numpy as np
from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.pipeline.filters.gopher_repetition_filter import (
    find_all_duplicate,
    find_duplicates,
    find_top_duplicate,
    get_n_grams,
)
from datatrove.utils.text import PUNCTUATION_SET, split_into_words

warnings.simplefilter("ignore")
quality, repetition, fineweb = GopherQualityFilter(), GopherRepetitionFilter(), FineWebQualityFilter()
c4 = C4QualityFilter()
c4_fineweb = C4QualityFilter(filter_no_terminal_punct=False)


def reason(result):
    return "" if result is True else result[1]


def share(a, b):
    return a / b if b else 0


def quality_values(text):
    words = split_into_words(text)
    real = [w for w in words if any(c not in PUNCTUATION_SET for c in w)]
    n, lines = len(words), text.splitlines()
    return [
        len(real),
        float(np.mean([len(w) for w in real])) if real else 0,
        share(text.count("#"), n),
        share(text.count("...") + text.count("…"), n),
        share(sum(s.lstrip().startswith(("•", "-")) for s in lines), len(lines)),
        share(sum(s.rstrip().endswith(("...", "…")) for s in lines), len(lines)),
        share(sum(any(c.isalpha() for c in w) for w in words), n),
        len(quality.stop_words & set(words)),
    ]


def repetition_values(text):
    if not text:
        return [0] * 14
    size, words = len(text), split_into_words(text)
    paragraphs = repetition.paragraph_exp.split(text.strip())
    lines = repetition._line_splitter.split(text)
    out = []
    for parts in (paragraphs, lines):
        count, chars = find_duplicates(parts)
        out += [count / len(parts), chars / size]
    for n, _ in repetition.top_n_grams:
        grams = get_n_grams(words, n)
        out.append(find_top_duplicate(grams) / size if grams else 0)
    for n, _ in repetition.dup_n_grams:
        out.append(find_all_duplicate(words, n) / size)
    return out + [size]


def fineweb_values(text):
    lines = [line for line in text.split("\n") if line.strip() != ""]
    if not lines:
        return [0, 0, 0, 0, 0]
    return [
        len(lines),
        sum(line.endswith(fineweb.stop_chars) for line in lines) / len(lines),
        sum(len(line) <= fineweb.short_line_length for line in lines) / len(lines),
        find_duplicates(lines)[1] / len(text.replace("\n", "")),
        share(text.count("\n"), len(split_into_words(text))),
    ]


def c4_outcome(filter_, text):
    document = Document(text=text, id="x")
    why = reason(filter_.filter(document))
    return [why, "" if why else hashlib.sha256(document.text.encode()).hexdigest()[:16]]


def measure(text):
    def verdict(filter_):
        try:
            return reason(filter_.filter(Document(text=text, id="x")))
        except ZeroDivisionError:
            return "ZeroDivisionError"

    return {
        "gopher-quality": [verdict(quality), quality_values(text)],
        "gopher-repetition": [verdict(repetition), repetition_values(text)],
        "fineweb": [verdict(fineweb), fineweb_values(text)],
        "c4": c4_outcome(c4, text),
        "c4-fineweb": c4_outcome(c4_fineweb, text),
    }
