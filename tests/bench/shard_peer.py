"""Peers of the shard benchmark. A JSON request a line on stdin, a JSON answer a line on stdout.

{"numpy": [starts], "width": w}        windows of a u16 memmap at these tokens (check)
{"mosaic": [numbers]}                   samples by number (check)
{"time": "numpy" | "mosaic", "batches": n}   seconds for n batches of 8 windows
{"shuffle": folder, "files": n}         datatrove: shuffle each file, then merge; seconds, documents
"""

import hashlib
import json
import os
import shutil
import sys
import time
import warnings

warnings.filterwarnings("ignore")
os.environ["LOGURU_LEVEL"] = "ERROR"
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../interop/shard"))
import numpy as np  # noqa: E402

folder, width = sys.argv[1], int(sys.argv[2])
rows = 8
tokens = np.memmap(f"{folder}/nanogpt/train.bin", np.uint16, "r")
generator = np.random.default_rng(1)
mosaic = None


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array, np.int32).tobytes()).hexdigest()


def numpy_batches(n):
    """Random crops, as nanoGPT's get_batch takes them."""
    for _ in range(n):
        starts = generator.integers(0, len(tokens) - width, rows)
        np.stack([tokens[i : i + width].astype(np.int64) for i in starts])


def open_mosaic():
    global mosaic
    from streaming_shim import StreamingDataset

    mosaic = StreamingDataset(local=f"{folder}/mds/train", shuffle=True, batch_size=rows)


def mosaic_batches(n):
    samples = iter(mosaic)
    next(samples)
    start = time.perf_counter()
    for _ in range(n):
        np.stack([next(samples)["tokens"] for _ in range(rows)])
    return time.perf_counter() - start


def shuffle(request):
    from datatrove.io import get_datafolder
    from datatrove.pipeline.tokens.merger import DocumentTokenizerMerger
    from datatrove.pipeline.tokens.tokenizer import TokenizedFile

    here = f"{folder}/datatrove-work"
    source, shuffled, merged = (f"{here}/{name}" for name in ("source", "shuffled", "merged"))
    data = np.fromfile(f"{request['shuffle']}/tokens.bin", np.uint16)
    ends = np.fromfile(f"{request['shuffle']}/ends.bin", np.uint64).astype(np.int64)
    files = request["files"]
    per = (len(ends) + files - 1) // files
    rng = np.random.default_rng(1)
    start = time.perf_counter()
    for k in range(files):
        mine = ends[k * per : (k + 1) * per]
        base = ends[k * per - 1] if k else 0
        file = TokenizedFile(source, f"{k:05d}.ds", tokenizer_name_or_path="x", token_size=2)
        file.write_bytes(data[base : mine[-1]].tobytes(), doc_ends=(mine - base).tolist())
        file.close()
        file.copy(f"{k:05d}_shuffled", rng.permutation(len(mine)), get_datafolder(shuffled))
        file.cleanup()
    merge = DocumentTokenizerMerger(shuffled, merged, "all", seed=1, progress=False)
    merge.run()
    os.sync()
    seconds = time.perf_counter() - start
    found = np.fromfile(f"{merged}/000_all.ds", np.uint16)
    answer = {"seconds": seconds, "tokens": len(found), "sum": int(found.sum(dtype=np.int64))}
    shutil.rmtree(here)
    return answer


for line in sys.stdin:
    request = json.loads(line)
    answer = {}
    if "numpy" in request:
        answer["digest"] = digest(np.stack([tokens[i : i + width] for i in request["numpy"]]))
    elif "mosaic" in request:
        if mosaic is None:
            open_mosaic()
        answer["digest"] = digest(np.stack([mosaic[i]["tokens"] for i in request["mosaic"]]))
    elif "shuffle" in request:
        answer = shuffle(request)
    elif request["time"] == "numpy":
        start = time.perf_counter()
        numpy_batches(request["batches"])
        answer["seconds"] = time.perf_counter() - start
    else:
        answer["seconds"] = mosaic_batches(request["batches"])
    print("answer " + json.dumps(answer), flush=True)
