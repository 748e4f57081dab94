"""dolma's Gopher attributes of a text: dolma's own taggers/gopher.py, run without the rest of dolma.

DOLMA_GOPHER names the file, out of the wheel of dolma 1.2.1 (Apache-2.0).
"""

import os
import sys
import types
from unittest import mock

for name in ("data_types", "registry", "taggers"):
    sys.modules[f"dolma.core.{name}"] = mock.MagicMock()
for name in ("dolma", "dolma.core", "dolma.taggers"):
    sys.modules[name] = types.ModuleType(name)
module = types.ModuleType("dolma.taggers.gopher")
module.__package__ = "dolma.taggers"
sys.modules[module.__name__] = module
source = open(os.environ["DOLMA_GOPHER"]).read()
exec(compile(source.split('@TaggerRegistry.add("gopher_v1")')[0], "gopher.py", "exec"), module.__dict__)


def measure(text, ignore_empty_lines=True):
    """In the order of our signals; n-grams that a text is too short for are 0."""
    a = module.get_attributes(text, ignore_empty_lines=ignore_empty_lines)
    top = dict(a.fraction_of_characters_in_most_common_ngram)
    dup = dict(a.fraction_of_characters_in_duplicate_ngrams)
    return [
        a.word_count,
        a.median_word_length,
        a.symbol_to_word_ratio,
        a.fraction_of_words_with_alpha_character,
        a.required_word_count,
        a.fraction_of_lines_starting_with_bullet_point,
        a.fraction_of_lines_ending_with_ellipsis,
        a.fraction_of_duplicate_lines,
        a.fraction_of_characters_in_duplicate_lines,
        *[top.get(n, 0) for n in (2, 3, 4)],
        *[dup.get(n, 0) for n in (5, 6, 7, 8, 9, 10)],
    ]
