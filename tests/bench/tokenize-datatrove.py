"""datatrove's tokenization step, one task: reads JSONL, tokenizes, shuffles and writes. Prints one JSON line.

Arguments: folder of the JSONL, tokenizer.json, output folder. Imports are not timed.
"""

import json
import os
import sys
import time
import warnings

warnings.filterwarnings("ignore")
os.environ["LOGURU_LEVEL"] = "ERROR"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

from importlib.metadata import version  # noqa: E402

import numpy as np  # noqa: E402
from datatrove.executor import LocalPipelineExecutor  # noqa: E402
from datatrove.pipeline.readers import JsonlReader  # noqa: E402
from datatrove.pipeline.tokens import DocumentTokenizer  # noqa: E402
from loguru import logger  # noqa: E402

logger.remove()
folder, tokenizer, output = sys.argv[1:]
executor = LocalPipelineExecutor(
    pipeline=[
        JsonlReader(folder, glob_pattern="*.jsonl"),
        DocumentTokenizer(output, tokenizer_name_or_path=tokenizer, eos_token="<|endoftext|>", seed=1),
    ],
    tasks=1,
    workers=1,
    logging_dir=os.path.join(output, "logs"),
)
start = time.perf_counter()
executor.run()
seconds = time.perf_counter() - start
tokens = ids = 0
for name in os.listdir(output):
    if name.endswith(".ds"):
        written = np.fromfile(os.path.join(output, name), np.uint16)
        tokens += len(written)
        ids += int(written.sum(dtype=np.uint64))
print(json.dumps({"seconds": seconds, "tokens": tokens, "ids": ids, "version": version("datatrove")}))
