"""Extraction of pages: `ingest_extraction_peer.py trafilatura|resiliparse FOLDER`; one round for each line on stdin.

FOLDER holds 000.html, 001.html, ...; prints the seconds, then on the next line the texts as one JSON array, in the
first round only.
"""
import json
import pathlib
import sys
import time

peer, folder = sys.argv[1:]
pages = [path.read_bytes() for path in sorted(pathlib.Path(folder).glob("*.html"))]

if peer == "trafilatura":
    from trafilatura import extract
else:
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.encoding import detect_encoding
    from resiliparse.parse.html import HTMLTree

    def extract(page):
        tree = HTMLTree.parse_from_bytes(page, detect_encoding(page))
        return extract_plain_text(tree, main_content=True)


first = True
for _ in sys.stdin:
    start = time.perf_counter()
    texts = [extract(page) for page in pages]
    print(time.perf_counter() - start, flush=True)
    if first:
        print(json.dumps([text or "" for text in texts]), flush=True)
        first = False
