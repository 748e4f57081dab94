"""Writes tests/golden/quality/pii.json: made texts as datatrove's PIIFormatter leaves them.

Run in a virtual environment with datatrove==0.10.1: python tests/golden/quality/generate-pii.py
A new formatter for every text: its turn of replacements begins anew.
"""

import json
import random
import sys
from importlib.metadata import version
from pathlib import Path

from datatrove.pipeline.formatters.pii import PIIFormatter

random.seed(71)
PIECES = """a b.c first.last user+tag @ @ @ example.com mail.example.co.uk x-y.org -a.com b-.com a..b . , ; < > ( ) ! naïve é_ 日本 _ - -- 's
8.8.8.8 10.1.2.3 192.168.0.1 1.2.3.4.5 256.1.1.1 99.99.99.999 01.2.3.4 172.16.9.9 172.32.0.1 100.64.1.1 198.18.0.5 224.0.0.1 240.0.0.1
[1.2.3.4] [8.8.8.8] [1.2.3.abc:] 0.0.0.0 127.0.0.1 @localhost @[ ] 1 22 333 mailto: http:// Ω ß 𝐱 203.0.113.7 192.0.2.1""".split()
texts = ["".join(random.choice(PIECES) + random.choice(["", "", "", " ", "\n"]) for _ in range(random.randint(2, 25))) for _ in range(400)]
pairs = [[text, PIIFormatter().format(text)] for text in texts]
path = Path(__file__).with_name("pii.json")
head = json.dumps({"datatrove": version("datatrove"), "python": sys.version.split()[0]})
path.write_text('{"versions": ' + head + ', "pairs": [\n' + ",\n".join(json.dumps(p, ensure_ascii=False) for p in pairs) + "\n]}\n")
print(sum(a != b for a, b in pairs), "changed of", len(pairs), path.stat().st_size)
