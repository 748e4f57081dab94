"""What warcio and pyarrow make of a file, as JSON on stdout: `io-peers.py warc FILE...` or `io-peers.py parquet FILE`.

Versions tried: warcio 1.8.1, pyarrow 26.0.1, Python 3.11.
"""
import hashlib
import json
import sys


def warc(path):
    from warcio.archiveiterator import ArchiveIterator

    records = []
    error = None
    try:
        with open(path, "rb") as stream:
            for record in ArchiveIterator(stream):
                block = record.raw_stream.read() if record.http_headers is None else None
                body = record.content_stream().read() if block is None else block
                records.append(
                    {
                        "type": record.rec_type,
                        "url": record.rec_headers.get_header("WARC-Target-URI"),
                        "id": record.rec_headers.get_header("WARC-Record-ID"),
                        "status": record.http_headers.get_statuscode() if record.http_headers else None,
                        "bytes": len(body),
                        "sha1": hashlib.sha1(body).hexdigest(),
                    }
                )
    except Exception as caught:  # what a peer does with a damaged file is what is asked
        error = repr(caught)[:200]
    return {"records": records, "error": error}


def parquet(path):
    import pyarrow.parquet

    return pyarrow.parquet.read_table(path).to_pylist()


kind, *paths = sys.argv[1:]
json.dump([{"warc": warc, "parquet": parquet}[kind](path) for path in paths], sys.stdout)
