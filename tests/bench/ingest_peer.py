"""Records and payload SHA-1 of a WARC, one round for each line on stdin: `ingest_peer.py fastwarc|warcio FILE`.

Prints seconds of CPU time and the digest over all payload digests, so that the caller sees that the peers did the same work.
"""
import hashlib
import sys
import time

peer, path = sys.argv[1:]


def payloads():
    with open(path, "rb") as stream:
        if peer == "fastwarc":
            from fastwarc.warc import ArchiveIterator

            for record in ArchiveIterator(stream):
                yield record.reader.read()
        else:
            from warcio.archiveiterator import ArchiveIterator

            for record in ArchiveIterator(stream):
                yield record.content_stream().read()


for _ in sys.stdin:
    start = time.process_time()
    whole = hashlib.sha1()
    count = 0
    for payload in payloads():
        whole.update(hashlib.sha1(payload).digest())
        count += 1
    print(f"{time.process_time() - start} {count} {whole.hexdigest()}", flush=True)
