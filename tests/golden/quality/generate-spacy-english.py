"""Writes src/quality/spacy-english.ts: the data of spaCy's blank English tokenizer.

Run in a virtual environment with spacy==3.8.18:
    python tests/golden/quality/generate-spacy-english.py > src/quality/spacy-english.ts
Character classes are found by asking spaCy's own expressions about every code point.
"""

import re
import sys
import unicodedata

import spacy
from spacy.lang import char_classes as cc
from spacy.pipeline.sentencizer import Sentencizer
from spacy.symbols import ORTH
from spacy.tokenizer import Tokenizer

nlp = spacy.blank("en")
tok = nlp.tokenizer
POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def ranges(test):
    """Code points that pass, as 'gap length' pairs in base 36: gap from the last range's end, then its length less one."""
    out, last, start, prev = [], 0, None, None
    def flush():
        nonlocal last
        if start is not None:
            length = prev - start
            out.append(b36(start - last) + ("" if length == 0 else "." + b36(length)))
            last = prev + 1
    for c in POINTS:
        if not test(chr(c)):
            continue
        if prev is not None and c == prev + 1 and start is not None:
            prev = c
            continue
        flush()
        start = prev = c
    flush()
    return " ".join(out)


def b36(n):
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    s = ""
    while True:
        n, r = divmod(n, 36)
        s = digits[r] + s
        if n == 0:
            return s


def cls(body):
    return re.compile("[" + body + "]").fullmatch


al, au, a, q, p = cc.ALPHA_LOWER, cc.ALPHA_UPPER, cc.ALPHA, cc.CONCAT_QUOTES, cc.PUNCT
classes = {
    "PREFIX": tok.prefix_search,
    "SUFFIX": tok.suffix_search,
    "ICON": cls(cc.ICONS),
    "LETTER": cls(a),
    "LOWER": cls(al),
    "UPPER": cls(au),
    "LOWER_OR_QUOTE": cls(al + q),
    "UPPER_OR_QUOTE": cls(au + q),
    "ALPHABETIC": str.isalpha,
    "PUNCTUATION_MARK": lambda c: unicodedata.category(c).startswith("P"),
    "BEFORE_FULL_STOP": cls(f"0-9{al}%²\\-\\+{p}(?:{q})"),
}
units = sorted(set(cc.UNITS.split("|")), key=lambda u: (-len(u), u))
currency = sorted({c.replace("\\", "") for c in cc.CURRENCY.split("|")}, key=lambda u: (-len(u), u))
bare = Tokenizer(
    nlp.vocab,
    rules={},
    prefix_search=tok.prefix_search,
    suffix_search=tok.suffix_search,
    infix_finditer=tok.infix_finditer,
    url_match=tok.url_match,
)
specials, fused = [], []
for key, tokens in sorted(tok.rules.items()):
    if key.isspace():
        continue
    pieces = [t[ORTH] for t in tokens]
    assert "".join(pieces) == key and not any("\t" in x or " " in x for x in pieces)
    specials.append("\t".join(pieces))
    if tok.find_prefix(key) or tok.find_infix(key) or tok.find_suffix(key):
        pattern = [t.text for t in bare(key)]
        if len(pattern) > 1:
            fused.append("\t".join(pattern))
        else:
            assert pattern == pieces, key


def text(s):
    return "'" + s.replace("\\", "\\\\").replace("'", "\\'").replace("\t", "\\t").replace("\n", "\\n") + "'"


def wrapped(s, sep, width=96):
    parts, line = [], ""
    for item in s.split(sep):
        if line and len(line) + len(item) > width:
            parts.append(line)
            line = ""
        line += item + sep
    parts.append(line[: -len(sep)])
    return " +\n  ".join(text(x) for x in parts)


o = sys.stdout.write
o(f"""// Written by tests/golden/quality/generate-spacy-english.py from spaCy {spacy.__version__} on Unicode {unicodedata.unidata_version}.
// spaCy is (c) ExplosionAI GmbH, MIT licence; this is data of its blank English tokenizer, no code.

/** The name and version that a manifest records for words split by `spacyWords`. */
export const SPACY_ENGLISH = 'spacy-en-{spacy.__version__}';

/**
 * Code points of each class as ranges in base 36: the gap from the end of the last range, and after a full stop
 * the number of further code points.
 */
""")
o("export const CLASSES = {\n")
for name, test in classes.items():
    o(f"  {name}:\n    " + wrapped(ranges(test), " ").replace("\n  ", "\n    ") + ",\n")
o("} as const;\n\n")
o("/** Units that end a word after a digit. */\nexport const UNITS =\n  " + wrapped(" ".join(units), " ") + ";\n\n")
o("/** Currency signs that end a word after a digit. */\nexport const CURRENCY =\n  " + wrapped(" ".join(currency), " ") + ";\n\n")
o("/** Characters that end a sentence for spaCy's sentencizer. */\nexport const SENTENCE_END =\n  " + wrapped("".join(sorted(set(Sentencizer.default_punct_chars))), "~") + ";\n\n")
o("/** Words with splits of their own: a word a line, its pieces parted by tabs. */\nexport const SPECIALS =\n  " + wrapped("\n".join(specials), "\n") + ";\n\n")
o("/** The words among them that the affix rules would take apart, as those rules do. */\nexport const APART =\n  " + wrapped("\n".join(fused), "\n") + ";\n")
