"""Reads texts as JSON lines {"id", "text"} and writes the verdicts of datatrove's presets as JSON lines."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden/quality"))
from datatrove.data import Document  # noqa: E402
from datatrove_values import c4, c4_outcome, fineweb, quality, reason, repetition  # noqa: E402


def verdict(filter_, text):
    try:
        return reason(filter_.filter(Document(text=text, id="x")))
    except ZeroDivisionError:
        return "ZeroDivisionError"


for line in sys.stdin:
    document = json.loads(line)
    text = document["text"]
    found = {
        "gopher-quality": verdict(quality, text),
        "gopher-repetition": verdict(repetition, text),
        "fineweb": verdict(fineweb, text),
        "c4": c4_outcome(c4, text),
    }
    sys.stdout.write(json.dumps({"id": document["id"], **found}) + "\n")
