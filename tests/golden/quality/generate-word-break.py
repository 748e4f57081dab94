"""Writes src/quality/word-break-data.ts: the properties that words by UAX 29 go by, as uniseg and Python know them.

Run in a virtual environment with uniseg==0.10.1:
    python tests/golden/quality/generate-word-break.py > src/quality/word-break-data.ts
"""

import sys
import unicodedata
from importlib.metadata import version

from uniseg.emoji import extended_pictographic
from uniseg.wordbreak import WordBreak, word_break


def base36(n):
    digits = ""
    while n or not digits:
        n, d = divmod(n, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[d] + digits
    return digits


def ranges(test):
    """'gap' or 'gap.more' in base 36: code points left out since the last range, and those after the first."""
    out, at, c = [], 0, 0
    while c < 0x110000:
        if not test(chr(c)):
            c += 1
            continue
        first = c
        while c + 1 < 0x110000 and test(chr(c + 1)):
            c += 1
        out.append(base36(first - at) + ("." + base36(c - first) if c > first else ""))
        c += 1
        at = c
    return " ".join(out)


def wrapped(s, width=96):
    parts, line = [], ""
    for item in s.split(" "):
        if line and len(line) + len(item) > width:
            parts.append(line)
            line = ""
        line += item + " "
    parts.append(line.rstrip())
    if len(parts) == 1 and len(parts[0]) < 80:
        return f" '{parts[0]}'"
    return "\n    " + " +\n    ".join(f"'{x}'" for x in parts)


print(f"""// Written by tests/golden/quality/generate-word-break.py: Unicode data (Unicode License v3) by uniseg {version("uniseg")}
// and Python {sys.version.split()[0]} (Unicode {unicodedata.unidata_version}).

/** Code points by Word_Break property, as ranges of 'gap' or 'gap.more' in base 36, each gap from the range before. */
export const WORD_BREAK = {{""")
for value in WordBreak:
    if value != WordBreak.OTHER:
        print(f"  {value.value}:{wrapped(ranges(lambda c, v=value: word_break(c) == v))},")
print("} as const;\n\n/** Extended_Pictographic. */")
print(f"export const PICTOGRAPHIC ={wrapped(ranges(extended_pictographic))};".replace("\n    ", "\n  "))
print("\n/** Python's str.isalnum: a letter or a number of any script. */")
print(f"export const ALPHANUMERIC ={wrapped(ranges(str.isalnum))};".replace("\n    ", "\n  "))
