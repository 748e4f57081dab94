"""datatrove's four presets on the texts of a JSON file: one line of JSON for each line read from standard input."""

import json
import sys
import time

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)

texts = json.load(open(sys.argv[1]))
filters = [GopherQualityFilter(), GopherRepetitionFilter(), FineWebQualityFilter(), C4QualityFilter()]


def judge(text):
    # C4 comes last: it rewrites the text that the others read. Words of one text are split once (lru_cache).
    document = Document(text=text, id="x")
    return [f.filter(document) is True for f in filters]


for line in sys.stdin:
    started = time.perf_counter()
    kept = [judge(text) for text in texts]
    print(json.dumps({"seconds": time.perf_counter() - started, "kept": kept}), flush=True)
