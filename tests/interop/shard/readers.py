"""Reads provender's shards and their exports with the readers of others and compares tokens and document boundaries.

usage: readers.py FOLDER, which holds `shards`, `documents.json` ({split: [{id, corpus, source, tokens}]},
`endOfText`, `fileTokens`) and a folder for each format. Prints one JSON line for each check that held.
"""

import csv
import glob
import gzip
import json
import os
import struct
import sys
import tempfile
import warnings

import numpy as np

warnings.filterwarnings("ignore")
folder = sys.argv[1]
known = json.load(open(f"{folder}/documents.json"))
end_of_text = known["endOfText"]


def done(check, **figures):
    print(json.dumps({"check": check, **figures}), flush=True)


def equal(found, wanted, what):
    found, wanted = np.asarray(found, np.int64), np.asarray(wanted, np.int64)
    if found.shape != wanted.shape or not (found == wanted).all():
        raise SystemExit(f"{what}: {found[:20]} instead of {wanted[:20]}")


def flat(split):
    return np.concatenate([np.asarray(d["tokens"], np.int64) for d in known[split]])


def own_format():
    """FORMAT.md, followed to the letter."""
    for split in ("train", "held-out"):
        found = []
        for path in sorted(glob.glob(f"{folder}/shards/{split}-*.shard")):
            data = open(path, "rb").read()
            assert data[:8] == b"PVDSHARD"
            version, block, size, body = struct.unpack_from("<IIQQ", data, 8)
            assert (version, block, size) == (2, 1 << 20, len(data))
            width = data[44]
            tokens, documents = struct.unpack_from("<QQ", data, 48)
            ends, records, sources, signals, strings, string_bytes, names, name_bytes, own = struct.unpack_from("<9Q", data, 128)
            at = lambda section: 256 + section
            ids = np.frombuffer(data, np.uint16 if width == 2 else np.uint32, tokens, 256)
            stops = np.frombuffer(data, np.uint64, documents, at(ends)).astype(np.int64)
            named = json.loads(data[at(names) : at(names) + name_bytes])
            text = data[at(strings) : at(strings) + string_bytes]
            columns = np.frombuffer(data, np.float64, documents * len(named["signals"]), at(signals))
            columns = columns.reshape(len(named["signals"]), documents)
            # Every source is read: each block of 64 anew, the first of them whole.
            texts, begin = [], 0
            for k in range((signals - sources) // 8):
                (entry,) = struct.unpack_from("<Q", data, at(sources) + 8 * k)
                end, shared = entry & (1 << 40) - 1, entry >> 40
                rest = data[at(own) + begin : at(own) + end]
                assert k % 64 or shared == 0
                texts.append((texts[k - k % 64][:shared] if shared else b"") + rest)
                begin = end
            assert own + begin == strings + string_bytes
            start = 0
            for i in range(documents):
                _, id_at, id_bytes, source, corpus, copy, first, last, _ = struct.unpack_from("<QQIIIIQQQ", data, at(records) + 56 * i)
                found.append(
                    {
                        "id": text[id_at : id_at + id_bytes].decode(),
                        "corpus": named["corpora"][corpus],
                        "source": texts[source].decode(),
                        "tokens": ids[start : stops[i]].tolist(),
                        "range": [first, last],
                        "signals": {name: v for name, v in zip(named["signals"], columns[:, i]) if v == v},
                    }
                )
                start = stops[i]
        assert found == known[split], split
    done("own format", documents=len(found))


def megatron():
    from megatron.core.datasets.indexed_dataset import IndexedDataset

    for split in ("train", "held-out"):
        for mmap in (True, False):
            data = IndexedDataset(f"{folder}/megatron/provender-{split}", mmap=mmap)
            assert len(data) == len(known[split])
            equal(data.document_indices, np.arange(len(data) + 1), "boundaries")
            for i, document in enumerate(known[split]):
                equal(data[i], document["tokens"], f"megatron {split} {i}")
    done("megatron-core", documents=len(data))


def llm_c():
    """The rules of llmc/dataloader.h: magic, version, exact size."""
    for split, label in (("train", "train"), ("held-out", "val")):
        tokens = []
        for path in sorted(glob.glob(f"{folder}/llm.c/provender_{label}_*.bin")):
            header = np.fromfile(path, np.int32, 256)
            wide = {20240520: (1, np.uint16), 20240801: (7, np.uint32)}
            version, dtype = wide[int(header[0])]
            assert header[1] == version
            count = int(header[2])
            assert os.path.getsize(path) == 1024 + count * np.dtype(dtype).itemsize
            tokens.append(np.fromfile(path, dtype, offset=1024))
        wanted = [t for d in known[split] for t in [end_of_text, *d["tokens"][:-1]]]
        equal(np.concatenate(tokens), wanted, "llm.c")
    done("llm.c", files=len(tokens))


def nanogpt():
    for split, name in (("train", "train.bin"), ("held-out", "val.bin")):
        equal(np.memmap(f"{folder}/nanogpt/{name}", np.uint16, "r"), flat(split), name)
    done("nanogpt", tokens=len(flat("train")))


def datatrove():
    import humanize
    from datatrove.utils.dataset import DatatroveFolderDataset

    width = 2 if os.path.exists(f"{folder}/nanogpt") else 4
    tokens, seq = [], 15
    for path in sorted(glob.glob(f"{folder}/datatrove/train/*.ds")):
        raw = np.fromfile(path, np.uint16 if width == 2 else np.uint32)
        lines = open(path + ".metadata").read().split("\n")
        assert lines[0].endswith(f"|{width}")
        assert lines[1:] == [str(len(raw)), humanize.metric(len(raw), unit="T")], lines
        tokens.append(raw)
    equal(np.concatenate(tokens), flat("train"), ".ds")
    ends = []
    base = 0
    for path, raw in zip(sorted(glob.glob(f"{folder}/datatrove/train/*.index")), tokens):
        ends.extend(np.fromfile(path, np.uint64).astype(np.int64) + base)
        base += len(raw)
    equal(ends, np.cumsum([len(d["tokens"]) for d in known["train"]]), ".index")
    data = DatatroveFolderDataset(f"{folder}/datatrove/train", seq_len=seq, recursive=False, token_size=width, shuffle=False)
    item = 0
    for raw in tokens:
        for k in range(len(raw) // (seq + 1)):
            equal(data[item]["input_ids"], raw[k * (seq + 1) : (k + 1) * (seq + 1)], "window")
            item += 1
    assert item == len(data)
    done("datatrove", windows=item)


def mds():
    from streaming_shim import MDSWriter, StreamingDataset

    dtype = "uint16" if os.path.exists(f"{folder}/nanogpt") else "uint32"
    columns = {"corpus": "str", "id": "str", "source": "str", "tokens": f"ndarray:{dtype}"}
    data = StreamingDataset(local=f"{folder}/mds/train", shuffle=False, batch_size=1)
    wanted = [d for d in known["train"] if d["tokens"]]
    assert len(data) == len(wanted)
    for i, document in enumerate(wanted):
        sample = data[i]
        equal(sample["tokens"], document["tokens"], f"sample {i}")
        assert all(sample[name] == document[name] for name in ("id", "corpus", "source"))
    with tempfile.TemporaryDirectory() as other:
        with MDSWriter(columns=columns, out=other + "/x") as writer:
            for d in wanted:
                writer.write({**{name: d[name] for name in ("corpus", "id", "source")}, "tokens": np.asarray(d["tokens"], dtype)})
        for name in sorted(os.listdir(other + "/x")):
            theirs, ours = (open(f"{place}/{name}", "rb").read() for place in (other + "/x", f"{folder}/mds/train"))
            assert theirs == ours, f"MDSWriter writes another {name}: {theirs[:300]} {ours[:300]}"
    done("mosaicml-streaming", samples=len(wanted), same_bytes_as_MDSWriter=True)


def dolma():
    dtype = np.uint16 if os.path.exists(f"{folder}/nanogpt") else np.uint32
    found = []
    for path in sorted(glob.glob(f"{folder}/dolma/train/*.npy")):
        tokens = np.memmap(path, dtype, "r")
        with gzip.open(path.replace(".npy", ".csv.gz"), "rt", newline="") as rows:
            for start, end, id_, source, _ in csv.reader(rows):
                found.append({"id": id_, "source": source, "tokens": tokens[int(start) : int(end)].tolist()})
    assert found == [{k: d[k] for k in ("id", "source", "tokens")} for d in known["train"]]
    done("dolma", documents=len(found))


def hugging_face():
    import datasets

    datasets.disable_progress_bars()
    files = {split: f"{folder}/parquet/data/{split}-*.parquet" for split in ("train", "validation")}
    with tempfile.TemporaryDirectory() as cache:
        data = datasets.load_dataset("parquet", data_files=files, cache_dir=cache)
        for split, ours in (("train", "train"), ("validation", "held-out")):
            assert len(data[split]) == len(known[ours])
            for row, d in zip(data[split], known[ours]):
                equal(row["input_ids"], d["tokens"], "input_ids")
                assert [row[k] for k in ("id", "corpus", "source")] == [d[k] for k in ("id", "corpus", "source")]
    done("datasets", rows=len(data["train"]))


def arrow():
    """The files are what `datasets` maps into memory: read without a copy, by pyarrow and by it."""
    import datasets
    import pyarrow

    files = {split: sorted(glob.glob(f"{folder}/arrow/data/{split}-*.arrow")) for split in ("train", "validation")}
    keys = ["id", "corpus", "source"]
    with tempfile.TemporaryDirectory() as cache:
        data = datasets.load_dataset("arrow", data_files=files, cache_dir=cache)
        for split, ours in (("train", "train"), ("validation", "held-out")):
            with_range = [[*d["range"]] for d in known[ours]]
            mapped = datasets.concatenate_datasets([datasets.Dataset.from_file(path) for path in files[split]])
            tables = pyarrow.concat_tables(pyarrow.ipc.open_stream(path).read_all() for path in files[split])
            tables.validate(full=True)
            for rows in (data[split], mapped, tables.to_pylist()):
                assert len(rows) == len(known[ours])
                for row, d, at in zip(rows, known[ours], with_range):
                    equal(row["input_ids"], d["tokens"], "input_ids")
                    assert [row[k] for k in keys] == [d[k] for k in keys]
                    assert [row["source_start"], row["source_end"]] == at
    done("arrow", rows=len(data["train"]))


def card():
    """The dataset card beside the Parquet files: its header is what huggingface_hub reads, and the folder loads by its path."""
    import datasets
    from huggingface_hub import DatasetCard

    card = DatasetCard.load(f"{folder}/parquet/README.md")
    assert card.data.pretty_name == "shards" and card.data.license == "other", card.data
    assert card.data.size_categories == ["n<1K"] and "provender" in card.data.tags
    assert "## Corpora" in card.text
    with tempfile.TemporaryDirectory() as cache:
        data = datasets.load_dataset(f"{folder}/parquet", cache_dir=cache)
        assert {split: len(data[split]) for split in data} == {"train": len(known["train"]), "validation": len(known["held-out"])}
    done("dataset card", language=card.data.language)


def write_theirs():
    """The training documents as the writers of others write them, for provender's importers."""
    import datasets
    import torch
    from megatron.core.datasets.indexed_dataset import IndexedDatasetBuilder
    from streaming_shim import MDSWriter

    dtype = np.uint16 if os.path.exists(f"{folder}/nanogpt") else np.int32
    theirs = f"{folder}/theirs"
    os.makedirs(f"{theirs}/megatron")
    os.makedirs(f"{theirs}/parquet/data")
    documents = [d for d in known["train"] if d["tokens"]]
    builder = IndexedDatasetBuilder(f"{theirs}/megatron/x.bin", dtype=dtype)
    for d in documents:
        # Several sequences a document, as Megatron has them after sentence splitting.
        half = len(d["tokens"]) // 2
        parts = [part for part in (d["tokens"][:half], d["tokens"][half:]) if part]
        for part in parts:
            builder.add_item(torch.tensor(part, dtype=torch.int64))
        builder.end_document()
    builder.finalize(f"{theirs}/megatron/x.idx")
    name = "uint16" if dtype is np.uint16 else "uint32"
    with MDSWriter(out=f"{theirs}/mds", columns={"input_ids": f"ndarray:{name}", "id": "str"}, size_limit=1 << 14) as writer:
        for d in documents:
            writer.write({"input_ids": np.asarray(d["tokens"], name), "id": d["id"]})
    rows = {"input_ids": [d["tokens"] for d in documents], "id": [d["id"] for d in documents]}
    datasets.Dataset.from_dict(rows).to_parquet(f"{theirs}/parquet/data/train.parquet", batch_size=37)
    datasets.Dataset.from_dict(rows).save_to_disk(f"{theirs}/arrow")
    done("written for the importers", documents=len(documents))


own_format()
megatron()
llm_c()
if os.path.exists(f"{folder}/nanogpt"):
    nanogpt()
datatrove()
mds()
dolma()
hugging_face()
arrow()
card()
write_theirs()
