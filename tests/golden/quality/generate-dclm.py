"""Writes tests/golden/quality/dclm.json: what DCLM's filters measure and decide on the texts in verdicts.json, in its
order, and how uniseg parts strings of every Word_Break class.

Run from the project's root in a virtual environment with uniseg==0.10.1, nltk and a fasttext, with a checkout of
mlfoundations/dclm at 361714bdd60bb9b7f4b2d8354cebbf0dec0c329e:
    DCLM=path/to/dclm python tests/golden/quality/generate-dclm.py
"""

import gzip
import json
import random
from pathlib import Path

from dclm_values import measure, unicode_words, verdict
from uniseg.wordbreak import word_break

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
random.seed(20240607)


def text_of(d):
    if "text" in d:
        return d["text"]
    path = ROOT / (d["file"] if d["file"].startswith("node_modules") else "../shared/data/" + d["file"])
    if "record" in d:
        with gzip.open(path, "rt") as f:
            return json.loads(f.readlines()[d["record"]])["text"]
    return path.read_bytes()[d["start"] : d["end"]].decode("latin-1")


def strings():
    classes = {}
    for c in map(chr, (*range(0xD800), *range(0xE000, 0x110000))):
        classes.setdefault(word_break(c).value, []).append(c)
    for k in range(600):
        yield "".join(random.choice(classes[random.choice(list(classes))]) for _ in range(random.randint(1, 14)))
    for k in range(600):
        yield "".join(random.choice("aא1.,'\":_ \u0301\u200dカ中あ\n\r🇦❤") for _ in range(random.randint(1, 16)))


texts = [text_of(d) for d in json.loads((HERE / "verdicts.json").read_text())["documents"]]
rows = [[verdict(t), measure(t)] for t in texts]
words = [[s, unicode_words(s)] for s in strings()]
out = HERE / "dclm.json"
lines = lambda values: "[\n" + ",\n".join(json.dumps(v) for v in values) + "\n]"
versions = {"dclm": "361714bdd60bb9b7f4b2d8354cebbf0dec0c329e", "uniseg": "0.10.1"}
out.write_text(f'{{"versions": {json.dumps(versions)}, "documents": {lines(rows)}, "words": {lines(words)}}}\n')
print(len(rows), out.stat().st_size)
