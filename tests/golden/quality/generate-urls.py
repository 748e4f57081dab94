"""Writes tests/golden/quality/urls.json: what datatrove's URLFilter says of made URLs against made lists.

Run in a virtual environment with datatrove==0.10.1, tldextract, fasteners and pyahocorasick, no network needed:
    python tests/golden/quality/generate-urls.py
"""

import json
import random
from importlib.metadata import version
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.filters import URLFilter
from tldextract import TLDExtract

random.seed(9)
lists = {
    "domains": ["bad.com", "worse.co.uk", "sub.listed.org"],
    "urls": ["https://good.org/one/page", "http://x.net/?a=b"],
    "words": ["casino", "warez"],
    "softWords": ["free", "win", "cash", "2000"],
    "substrings": ["xxx", "onlinepill", "q9"],
}
hosts = ["bad.com", "www.bad.com", "notbad.com", "worse.co.uk", "a.b.worse.co.uk", "co.uk", "listed.org", "sub.listed.org", "good.org", "x.net", "WWW.BAD.COM", "free-win.com", "xx-x.com", "win2000.net", "example.com:8080"]
paths = ["", "/", "/one/page", "/?a=b", "/casino/", "/Casino", "/casinos", "/free/cash", "/win-2000", "/on-line.pill", "/free_stuff", "/warez.html", "/Q9", "/XxX", "/a/b?c=free&d=win#cash"]
f = URLFilter(
    extra_domains=lists["domains"], extra_urls=lists["urls"], banned_words=lists["words"],
    soft_banned_words=lists["softWords"], banned_subwords=lists["substrings"], use_integrated_lists=False,
)
f.tldextractor = TLDExtract(suffix_list_urls=(), cache_dir=None)
rows = []
for scheme in ("http://", "https://", "https://user:pw@"):
    for host in hosts:
        for path in paths:
            url = scheme + host + path
            result = f.filter(Document(text="", id="x", metadata={"url": url}))
            rows.append([url, "" if result is True else result[1]])
rows = random.sample(rows, 300)
out = Path(__file__).with_name("urls.json")
out.write_text(json.dumps({"versions": {"datatrove": version("datatrove")}, "lists": lists})[:-1] + ', "rows": [\n' + ",\n".join(map(json.dumps, rows)) + "\n]}\n")
print(len(rows), out.stat().st_size)
