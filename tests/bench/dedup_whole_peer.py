"""datatrove's four stages of MinHash deduplication on the files of a folder, with its local executor:
`dedup_whole_peer.py INPUT OUTPUT`. One task and one worker a file; OUTPUT/clusters has a line of
`file document cluster` for every document in a cluster."""

import struct
import sys
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import (
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers.jsonl import JsonlWriter


def main(source, out):
    tasks = len(list(Path(source).glob("*.jsonl")))
    config = MinhashConfig()

    def reader():
        return JsonlReader(source, glob_pattern="*.jsonl")

    def execute(name, pipeline, tasks):
        LocalPipelineExecutor(
            pipeline, tasks=tasks, workers=2, logging_dir=f"{out}/logs/{name}", skip_completed=False
        ).run()

    execute("signatures", [reader(), MinhashDedupSignature(f"{out}/signatures", config)], tasks)
    execute("buckets", [MinhashDedupBuckets(f"{out}/signatures", f"{out}/buckets", config=config)], config.num_buckets)
    cluster = MinhashDedupCluster(f"{out}/buckets", f"{out}/remove", config=config, save_cluster_id=True)
    execute("clusters", [cluster], 1)
    kept = JsonlWriter(f"{out}/kept", output_filename="${rank}.jsonl", compression=None)
    execute("filter", [reader(), MinhashDedupFilter(f"{out}/remove"), kept], tasks)
    with open(f"{out}/clusters", "w") as lines:
        for path in sorted(Path(out, "remove").glob("*.clusters")):
            for document, cluster in struct.iter_unpack("<2I", path.read_bytes()):
                lines.write(f"{int(path.stem)} {document} {cluster}\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
