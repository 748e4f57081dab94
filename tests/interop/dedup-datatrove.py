"""datatrove's own signatures and clusters: `dedup-datatrove.py signatures|clusters FOLDER`, documents in FOLDER/documents.jsonl.
Tried with datatrove 0.10.1, spaCy 3.8.18, Python 3.11."""
import json, sys, os, struct

command, folder = sys.argv[1:3]
texts = [json.loads(line) for line in open(os.path.join(folder, "documents.jsonl"), encoding="utf-8")]

from datatrove.pipeline.dedup.minhash import (
    MinhashConfig, MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupSignature)
from datatrove.utils.hashing import HashConfig

def config():
    bits = int(os.environ.get("BITS", "64"))
    return MinhashConfig(hash_config=HashConfig(precision=bits, hash_fc=os.environ.get("HASH", "xxhash")))

if command == "signatures":
    step = MinhashDedupSignature(output_folder=os.path.join(folder, "unused"), config=config())
    out = []
    for text in texts:
        shingles = step.get_shingles(text)
        signature = [str(x) for band in step.get_signature(shingles) for x in band] if shingles.size else None
        out.append({"shingles": int(shingles.size), "signature": signature})
    json.dump(out, open(os.path.join(folder, "signatures.json"), "w"))
else:
    from datatrove.data import Document
    from datatrove.utils.stats import Stats
    c = config()
    at = lambda name: os.path.join(folder, name)
    documents = (Document(text=t, id=str(i)) for i, t in enumerate(texts))
    MinhashDedupSignature(output_folder=at("sig"), config=c).run(documents, 0, 1)
    for rank in range(c.num_buckets):
        MinhashDedupBuckets(input_folder=at("sig"), output_folder=at("dups"), config=c).run(None, rank, c.num_buckets)
    MinhashDedupCluster(input_folder=at("dups"), output_folder=at("remove"), config=c, save_cluster_id=True).run(None, 0, 1)
    ids = []
    path = at("remove/000000.clusters")
    if os.path.exists(path):
        data = open(path, "rb").read()
        ids = [struct.unpack_from("<II", data, k) for k in range(0, len(data), 8)]
    json.dump(ids, open(os.path.join(folder, "clusters.json"), "w"))
