"""datatrove's shuffle of each file and merge of all, of so many tokens: shard_large_peer.py FOLDER TOKENS.

Documents are made file by file, which is not timed. Prints {seconds, cpu, tokens, kilobytes} with the
processor time (that of making documents too) and the peak memory.
"""

import json
import os
import resource
import sys
import time
import warnings

warnings.filterwarnings("ignore")
os.environ["LOGURU_LEVEL"] = "ERROR"
import numpy as np  # noqa: E402
from datatrove.io import get_datafolder  # noqa: E402
from datatrove.pipeline.tokens.merger import DocumentTokenizerMerger  # noqa: E402
from datatrove.pipeline.tokens.tokenizer import TokenizedFile  # noqa: E402

PART_TOKENS = 64_000_000
folder, wanted = sys.argv[1], int(float(sys.argv[2]))
source, shuffled, merged = (f"{folder}/{name}" for name in ("source", "shuffled", "merged"))
rng = np.random.default_rng(1)


def documents(tokens):
    """Tokens of documents of 50 to 1,450 tokens, and where each ends."""
    lengths = rng.integers(51, 1451, 2 * tokens // 750)
    ends = np.cumsum(lengths)
    ends = ends[: np.searchsorted(ends, tokens) + 1]
    return rng.integers(0, 50256, ends[-1], np.uint16).tobytes(), ends.tolist()


seconds, tokens, k = 0.0, 0, 0
while tokens < wanted:
    data, ends = documents(min(PART_TOKENS, wanted - tokens))
    start = time.perf_counter()
    file = TokenizedFile(source, f"{k:05d}.ds", tokenizer_name_or_path="x", token_size=2)
    file.write_bytes(data, doc_ends=ends)
    file.close()
    file.copy(f"{k:05d}_shuffled", rng.permutation(len(ends)), get_datafolder(shuffled))
    file.cleanup()
    seconds += time.perf_counter() - start
    tokens += ends[-1]
    k += 1
    if k % 10 == 0:
        print(f"{tokens // 1_000_000}M tokens after {seconds:.1f} s", file=sys.stderr, flush=True)
start = time.perf_counter()
DocumentTokenizerMerger(shuffled, merged, "all", seed=1, progress=False).run()
os.sync()
seconds += time.perf_counter() - start
usage = resource.getrusage(resource.RUSAGE_SELF)
cpu = usage.ru_utime + usage.ru_stime
print(json.dumps({"seconds": seconds, "cpu": cpu, "tokens": tokens, "kilobytes": usage.ru_maxrss}))
