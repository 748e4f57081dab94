"""Reads texts as JSON lines {"id", "text"} and writes datatrove's values and verdicts as JSON lines."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden/quality"))
from datatrove_values import measure  # noqa: E402

for line in sys.stdin:
    document = json.loads(line)
    sys.stdout.write(json.dumps({"id": document["id"], **measure(document["text"])}) + "\n")
