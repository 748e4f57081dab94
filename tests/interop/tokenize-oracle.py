"""What PyPI's transformers, tokenizers and tiktoken make of texts: reads a JSON request, writes a JSON answer.

(Not tokenize.py: that would hide the standard library's module of that name.)

Needs transformers 5.24.0, tokenizers 0.23.3, tiktoken 0.14.0.
"""

import base64
import hashlib
import json
import sys
from array import array

request = json.load(sys.stdin)
answer = {}

if "folder" in request:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(request["folder"], local_files_only=True)
    answer["ids"] = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in request["texts"]]
    answer["decoded"] = [tokenizer.decode(ids, clean_up_tokenization_spaces=False) for ids in answer["ids"]]
    answer["eos"] = tokenizer.eos_token_id
    answer["pad"] = tokenizer.pad_token_id
    answer["mask"] = tokenizer.mask_token_id
    answer["length"] = len(tokenizer)

if "tokenizer" in request:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(request["tokenizer"])
    answer["ids"] = [tokenizer.encode(text, add_special_tokens=False).ids for text in request["texts"]]

if "train" in request:
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

    options = request["train"]
    tokenizer = Tokenizer(models.BPE())
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=options["regex"] is None)
    if options["regex"]:
        level = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(options["regex"]), "isolated"), level])
    tokenizer.pre_tokenizer = level
    trainer = trainers.BpeTrainer(
        vocab_size=options["vocabularySize"],
        min_frequency=options["minFrequency"],
        special_tokens=options["specialTokens"],
        max_token_length=options["maxTokenLength"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(request["texts"], trainer)
    model = json.loads(tokenizer.to_str())["model"]
    answer["merges"] = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
    answer["vocab"] = model["vocab"]

if "tiktoken" in request:
    import tiktoken

    with open(request["tiktoken"]["ranks"], "rb") as f:
        ranks = {base64.b64decode(a): int(b) for a, b in (line.split() for line in f if line.strip())}
    encoding = tiktoken.Encoding(
        "x", pat_str=request["tiktoken"]["pattern"], mergeable_ranks=ranks, special_tokens={}
    )
    answer["ids"] = [encoding.encode_ordinary(text) for text in request["texts"]]

if request.get("digest"):
    # Of many ids: as bytes their text is a tenth.
    answer["ids"] = [hashlib.sha256(array("i", ids).tobytes()).hexdigest() for ids in answer["ids"]]

json.dump(answer, sys.stdout)
