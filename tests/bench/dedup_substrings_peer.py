"""FOLDER LENGTH: the same ranges by a suffix array and the common prefixes of its neighbours (pydivsufsort)."""
import hashlib
import json
import resource
import sys
import time

import numpy as np
from pydivsufsort import divsufsort, kasai

folder, length = sys.argv[1], int(sys.argv[2])
text = np.fromfile(f"{folder}/texts.bin", dtype=np.uint8)
lengths = np.fromfile(f"{folder}/lengths.bin", dtype=np.float64).astype(np.int64)
ends = np.cumsum(lengths)

started = time.perf_counter()
array = divsufsort(text)
prefixes = kasai(text, array)
# Suffixes that share their first `length` bytes stand side by side; a window must not cross the end of its document.
group = np.zeros(len(text), dtype=np.int64)
group[1:] = np.cumsum(prefixes[: len(text) - 1] < length)
left = np.repeat(ends, lengths) - np.arange(len(text))
whole = left[array] >= length
positions, group = array[whole].astype(np.int64), group[whole]
order = np.lexsort((positions, group))
positions, group = positions[order], group[order]
same_as_before = np.zeros(len(positions), dtype=bool)
same_as_before[1:] = group[1:] == group[:-1]
same_as_next = np.zeros(len(positions), dtype=bool)
same_as_next[:-1] = same_as_before[1:]
seconds = time.perf_counter() - started


def ranges(windows):
    """Unions of windows that touch, document by document."""
    windows = np.sort(windows)
    document = np.searchsorted(ends, windows, side="right")
    breaks = np.ones(len(windows), dtype=bool)
    breaks[1:] = (windows[1:] > windows[:-1] + length) | (document[1:] != document[:-1])
    first = np.flatnonzero(breaks)
    last = np.append(first[1:], len(windows)) - 1
    return windows[first], windows[last] + length


def digest(windows):
    starts, stops = ranges(windows)
    lines = "".join(f"{a} {b}\n" for a, b in zip(starts.tolist(), stops.tolist()))
    return {"ranges": len(starts), "sha256": hashlib.sha256(lines.encode()).hexdigest()}


print(
    json.dumps(
        {
            "seconds": seconds,
            "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "first": digest(positions[same_as_before]),
            "none": digest(positions[same_as_before | same_as_next]),
        }
    )
)
