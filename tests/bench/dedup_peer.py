"""Signatures of the texts of a JSON file by one peer: `dedup_peer.py PEER TEXTS`. A line of JSON for each line read from
standard input; the first holds what the caller checks."""

import json
import re
import sys
import time

import numpy as np

peer, path = sys.argv[1:3]
texts = json.load(open(path, encoding="utf-8"))
WORDS = re.compile(r"[^\W_]+")


def datatrove():
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature

    step = MinhashDedupSignature("/nonexistent", MinhashConfig(num_buckets=16, hashes_per_bucket=8))

    def sign(text):
        shingles = step.get_shingles(text)
        return step.get_signature(shingles) if shingles.size else None

    return sign


def text_dedup():
    # As its `main` calls it with hash_bits 64: columns of 64 bits, of hashes and minima of 32.
    from text_dedup.minhash import RNG, embed_func
    from text_dedup.utils import sha1_hash

    prime = np.uint64((1 << 61) - 1)
    permutations = (
        RNG.randint(1, prime, size=(128,), dtype=np.uint64),
        RNG.randint(0, prime, size=(128,), dtype=np.uint64),
    )
    options = dict(
        num_perm=128,
        ngram_size=5,
        min_length=5,
        hashranges=[(i * 8, i * 8 + 8) for i in range(16)],
        permutations=permutations,
        hash_func=lambda data: sha1_hash(data, d=32),
        dtype=np.uint64,
        max_hash=np.uint32((1 << 32) - 1),
        modulo_prime=prime,
    )
    return lambda text: embed_func(text, 0, **options)["__signatures__"]


def rensa():
    from rensa import RMinHash

    def sign(text):
        words = WORDS.findall(text.lower())
        minhash = RMinHash(num_perm=128, seed=42)
        minhash.update([" ".join(words[i : i + 5]) for i in range(max(1, len(words) - 4))])
        return minhash.digest()

    return sign


sign = {"datatrove": datatrove, "text-dedup": text_dedup, "rensa": rensa}[peer]()
shown = {
    "datatrove": lambda s: s and [str(x) for band in s for x in band],
    "text-dedup": lambda s: None,
    "rensa": lambda s: list(s),
}[peer]
first = True
for line in sys.stdin:
    started = time.perf_counter()
    signatures = [sign(text) for text in texts]
    seconds = time.perf_counter() - started
    answer = {"seconds": seconds}
    if first:
        answer["signatures"] = [shown(s) for s in signatures]
        first = False
    print(json.dumps(answer), flush=True)
