"""The Python peers of tokenize.mjs. Reads one JSON command a line, answers with one JSON line."""

import json
import resource
import sys
import time

state = {}


def load(command):
    with open(command["documents"], encoding="utf-8") as f:
        state["documents"] = json.load(f)
    if command["peer"] == "tiktoken":
        import base64

        import tiktoken

        with open(command["ranks"], "rb") as f:
            ranks = {base64.b64decode(a): int(b) for a, b in (line.split() for line in f if line.strip())}
        encoding = tiktoken.Encoding("bench", pat_str=command["pattern"], mergeable_ranks=ranks, special_tokens={})
        state["encode"] = encoding.encode_ordinary
        version = tiktoken.__version__
    else:
        import tokenizers

        tokenizer = tokenizers.Tokenizer.from_file(command["tokenizer"])
        state["encode"] = lambda text: tokenizer.encode(text, add_special_tokens=False).ids
        version = tokenizers.__version__
    return {"version": version}


def ids(command):
    return {"ids": [list(state["encode"](text)) for text in state["documents"]]}


def encode(command):
    run, documents = state["encode"], state["documents"][: command.get("limit")]
    start = time.perf_counter()
    for text in documents:
        run(text)
    return {"seconds": time.perf_counter() - start}


def train(command):
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    start = time.perf_counter()
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=command["vocabularySize"],
        min_frequency=command["minFrequency"],
        special_tokens=[],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train(command["files"], trainer)
    seconds = time.perf_counter() - start
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    return {
        "seconds": seconds,
        "kilobytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "merges": [m if isinstance(m, str) else " ".join(m) for m in merges],
    }


COMMANDS = {"load": load, "ids": ids, "encode": encode, "train": train}
for line in sys.stdin:
    command = json.loads(line)
    print(json.dumps(COMMANDS[command["do"]](command)), flush=True)
