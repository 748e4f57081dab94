"""datatrove's LanguageFilter, alone or before its four presets, on the texts of a JSON file: a JSON line a round."""

import json
import sys
import time

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
    LanguageFilter,
)
from fasttext.FastText import _FastText

argument = json.load(open(sys.argv[1]))
texts = argument["texts"]
language = LanguageFilter()
# The same model for both: datatrove would download lid.176.bin.
language.model._model = _FastText(argument["model"])
presets = [GopherQualityFilter(), GopherRepetitionFilter(), FineWebQualityFilter(), C4QualityFilter()]

for line in sys.stdin:
    request = json.loads(line)
    found = []
    started = time.perf_counter()
    for _ in range(request["repeat"]):
        found = []
        for text in texts:
            document = Document(text=text, id="x")
            keep = bool(language.filter(document))
            found.append([document.metadata["language"], document.metadata["language_score"], keep])
            if request["presets"]:
                for preset in presets:
                    preset.filter(document)
    print(json.dumps({"seconds": time.perf_counter() - started, "found": found}), flush=True)
