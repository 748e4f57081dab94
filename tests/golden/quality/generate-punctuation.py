"""Writes src/quality/punctuation.ts: the character sets of datatrove's filters.

Run in a virtual environment with datatrove==0.10.1 and regex:
    python tests/golden/quality/generate-punctuation.py > src/quality/punctuation.ts
"""

from importlib.metadata import version

from datatrove.utils.text import PUNCTUATION, PUNCTUATION_SET, TERMINAL_PUNCTUATION


def ranges(characters):
    """'from' or 'from-to', hexadecimal, parted by blanks."""
    out = []
    for c in sorted({ord(c) for c in characters}):
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return " ".join(f"{a:x}" if a == b else f"{a:x}-{b:x}" for a, b in out)


def wrapped(s, width=96):
    parts, line = [], ""
    for item in s.split(" "):
        if line and len(line) + len(item) > width:
            parts.append(line)
            line = ""
        line += item + " "
    parts.append(line.rstrip())
    return " +\n  ".join(f"'{x}'" for x in parts)


assert PUNCTUATION_SET == set(PUNCTUATION) | TERMINAL_PUNCTUATION
print(f"""// Written by tests/golden/quality/generate-punctuation.py from datatrove {version("datatrove")} (Apache-2.0).

/** Code points that datatrove calls punctuation, control characters among them, as hexadecimal ranges. */
export const PUNCTUATION =
  {wrapped(ranges(PUNCTUATION))};

/** Code points that end a sentence or a line in some script, as hexadecimal ranges. */
export const TERMINAL_PUNCTUATION =
  {wrapped(ranges(TERMINAL_PUNCTUATION))};""")
