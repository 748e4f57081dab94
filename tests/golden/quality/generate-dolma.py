"""Writes tests/golden/quality/dolma.json: dolma's Gopher attributes of the texts in verdicts.json, in its order.

    pip download dolma==1.2.1 --no-deps && unzip dolma-*.whl
    DOLMA_GOPHER=dolma/taggers/gopher.py python tests/golden/quality/generate-dolma.py
"""

import gzip
import json
from pathlib import Path

from dolma_values import measure

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]


def text_of(d):
    if "text" in d:
        return d["text"]
    path = ROOT / (d["file"] if d["file"].startswith("node_modules") else "../shared/data/" + d["file"])
    if "record" in d:
        with gzip.open(path, "rt") as f:
            return json.loads(f.readlines()[d["record"]])["text"]
    return path.read_bytes()[d["start"] : d["end"]].decode("latin-1")


texts = [text_of(d) for d in json.loads((HERE / "verdicts.json").read_text())["documents"]]
rows = [[measure(t, True), measure(t, False)[7:9]] for t in texts]
out = HERE / "dolma.json"
out.write_text('{"versions": {"dolma": "1.2.1"}, "documents": [\n' + ",\n".join(json.dumps(r) for r in rows) + "\n]}\n")
print(len(rows), out.stat().st_size)
