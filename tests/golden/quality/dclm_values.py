"""What DCLM's filters measure of a text: its own content_filters.py and core_utils.py, run without the rest of DCLM.

DCLM names the folder of a checkout of mlfoundations/dclm (MIT). Its filters only say keep or drop, at a bound that they
are given: the values are what they compare the bound with.
"""

import os
import sys
import types
from pathlib import Path
from unittest import mock

from uniseg.wordbreak import words

BASELINES = Path(os.environ["DCLM"]) / "baselines"
for name in ("transformers", "unidecode"):
    sys.modules.setdefault(name, mock.MagicMock())
for name in ("baselines", "baselines.mappers", "baselines.core", "core"):
    sys.modules[name] = types.ModuleType(name)
constants = types.ModuleType("core.constants")
constants.CONTENT = "text"
sys.modules["core.constants"] = constants
factory = types.ModuleType("core.factory_utils")
factory.factory_function = lambda f: f
sys.modules["core.factory_utils"] = factory


def load(name, path):
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile((BASELINES / path).read_text(), path, "exec"), module.__dict__)
    return module


utils = load("baselines.mappers.core_utils", "mappers/core_utils.py")
filters = load("baselines.mappers.filters.content_filters", "mappers/filters/content_filters.py")


class Probe:
    """Stands in the place of a bound, and keeps what it is compared with. `value > probe` is False: the text is kept."""

    def __init__(self):
        self.value = 0

    def __lt__(self, other):
        self.value = other
        return False

    def __ge__(self, other):
        self.value = other
        return True

    def __rmul__(self, lines):
        self.lines = lines
        return self

    __mul__ = __rmul__


def probed(apply):
    probe = Probe()
    apply(probe)
    return probe.value


def line_ratio(function, argument, page):
    """These compare a count with bound * lines."""
    probe = Probe()
    function(page, **{argument: probe})
    return probe.value / max(probe.lines, 1)


def verdict(text):
    """The first filter that drops a text, in the order of dclm_baseline_refinedweb.yaml and of the repetition rules."""
    page = {"text": text}
    for name, keeps in [
        ("words", lambda: filters.page_length_filter(page, "word", 50, 100000, ignore_punctuation=True)),
        ("mean-word-length", lambda: filters.word_length_filter(page, 3, 10)),
        ("symbol-word-ratio", lambda: filters.symbol_ratio_filter(page, 0.1)),
        ("bullet-line-ratio", lambda: filters.bullet_count_filter(page, 0.9)),
        ("ellipsis-line-ratio", lambda: filters.ellipsis_count_filter(page, 0.3)),
        ("non-alphabetic-word-ratio", lambda: filters.alphabetic_word_ratio_filter(page, 0.2)),
        ("stop-words", lambda: filters.stop_word_filter(page, False, 2)),
        ("repetition", lambda: filters.massive_web_repetition_filters(page)),
    ]:
        if not keeps():
            return name
    return ""


def stop_words(page):
    n = 0
    while filters.stop_word_filter(page, min_stop_word=n + 1):
        n += 1
    return n


def measure(text):
    """In the order of our signals; where DCLM returns before it compares, 0."""
    page = {"text": text}

    def repetition(granularity, **how):
        return probed(lambda p: filters.repetition_filter(page, granularity, p, **how))

    return [
        len(utils.split_words(text, ignore_punctuation=True)),
        probed(lambda p: filters.word_length_filter(page, 0, p)),
        probed(lambda p: filters.symbol_ratio_filter(page, p)),
        line_ratio(filters.bullet_count_filter, "max_bullet_start_ratio", page),
        line_ratio(filters.ellipsis_count_filter, "max_ellipsis_end_ratio", page),
        probed(lambda p: filters.alphabetic_word_ratio_filter(page, p)),
        stop_words(page),
        repetition("line", count_characters=False),
        repetition("paragraph", count_characters=False),
        repetition("line"),
        repetition("paragraph"),
        *[repetition(n) for n in range(2, 11)],
    ]


def unicode_words(text):
    """uniseg's words that begin with a letter or a number."""
    return [w for w in words(text) if w[0].isalnum()]
