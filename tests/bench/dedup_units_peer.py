"""PEER FOLDER: deduplicates FOLDER/documents/texts.jsonl.gz below the document. Prints time and what the caller checks."""
import glob
import gzip
import hashlib
import importlib.util
import json
import re
import shutil
import sys
import time

peer, folder = sys.argv[1:3]
with gzip.open(f"{folder}/documents/texts.jsonl.gz", "rt", encoding="utf-8", newline="\n") as file:
    texts = [json.loads(line)["text"] for line in file]


def dolma(lines):
    """The Rust deduper alone: its Python package wants much that this has no use for."""
    [path] = glob.glob(f"{sys.prefix}/lib/python3*/site-packages/dolma/dolma*.so")
    spec = importlib.util.spec_from_file_location("dolma", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    config = {
        "documents": [f"{folder}/documents/*.gz"],
        "work_dir": {"input": f"{folder}/in", "output": f"{folder}/out"},
        "dedupe": {
            "name": "spans",
            "paragraphs": {"attribute_name": "spans"},
            "skip_empty": True,
            "min_length": 0,
            "min_words": 0,
        },
        "bloom_filter": {
            "file": f"{folder}/bloom.bin",
            "size_in_bytes": 0,
            "read_only": False,
            "estimated_doc_count": lines,
            "desired_false_positive_rate": 1e-6,
        },
        "processes": 1,
    }
    started = time.perf_counter()
    module.deduper_entrypoint(json.dumps(config))
    seconds = time.perf_counter() - started
    with gzip.open(f"{folder}/attributes/spans/texts.jsonl.gz", "rt") as file:
        spans = sum(len(json.loads(line)["attributes"].get("spans", [])) for line in file)
    return {"seconds": seconds, "duplicates": spans}


def datatrove():
    from datatrove.data import Document
    from datatrove.pipeline.dedup.sentence_dedup import (
        SentDedupConfig,
        SentenceDedupFilter,
        SentenceDedupSignature,
        SentenceFindDedups,
    )

    shutil.rmtree(f"{folder}/datatrove", ignore_errors=True)
    config = SentDedupConfig(min_doc_words=0, min_num_sentences=0)
    documents = lambda: (Document(text=text, id=str(i)) for i, text in enumerate(texts))
    started = time.perf_counter()
    SentenceDedupSignature(f"{folder}/datatrove/signatures", config=config).run(documents())
    SentenceFindDedups(f"{folder}/datatrove/signatures", f"{folder}/datatrove/duplicates", config=config).run()
    kept = list(SentenceDedupFilter(f"{folder}/datatrove/duplicates", config=config).run(documents()))
    seconds = time.perf_counter() - started
    by_id = {document.id: document.text for document in kept}
    # Which white space goes with a sentence is another matter.
    digest = hashlib.sha256()
    for i in range(len(texts)):
        digest.update(re.sub(r"\s+", "", by_id.get(str(i), "")).encode() + b"\n")
    return {"seconds": seconds, "sha256": digest.hexdigest()}


print(json.dumps(datatrove() if peer == "datatrove" else dolma(int(sys.argv[3]))))
