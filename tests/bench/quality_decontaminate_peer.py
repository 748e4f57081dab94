"""datatrove's NGramsDecontFilter on the texts of a JSON file, against n-grams of its examples: a JSON line a round."""

import json
import sys
import time

from datatrove.data import Document
from datatrove.pipeline.decont.n_grams import NGramsDecontConfig, NGramsDecontFilter
from datatrove.utils.text import ngrams, simplify_text

argument = json.load(open(sys.argv[1]))
config = NGramsDecontConfig(n_grams=argument["n"])
decontaminate = NGramsDecontFilter("unused", config=config)
# What NGramsDecontIndexer computes; it needs lighteval even where no task of it is asked for.
index = {}
for example in argument["examples"]:
    words = decontaminate.tokenizer.word_tokenize(simplify_text(example, config.norm_config))
    for n_gram in map(" ".join, ngrams(words, config.n_grams)):
        index[decontaminate.hash_func(n_gram)] = "examples"
decontaminate._index_hashes = index

for line in sys.stdin:
    started = time.perf_counter()
    contaminated = []
    for text in argument["texts"]:
        contaminated.append(decontaminate.filter(Document(text=text, id="x")) is not True)
    print(json.dumps({"seconds": time.perf_counter() - started, "contaminated": contaminated}), flush=True)
