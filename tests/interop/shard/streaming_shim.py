"""Imports MosaicML streaming without torchvision, which only its vision data sets need."""

import sys
import types

# Before the stand-ins: it asks for torchvision's version where it finds one.
from transformers.feature_extraction_utils import BatchFeature  # noqa: F401


class _Absent(types.ModuleType):
    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


for _name in ("torchvision", "torchvision.datasets", "torchvision.transforms", "torchvision.transforms.functional", "torchvision.io"):
    sys.modules.setdefault(_name, _Absent(_name))

from streaming import MDSWriter, StreamingDataset  # noqa: E402, F401

for _name in [name for name, module in sys.modules.items() if isinstance(module, _Absent)]:
    del sys.modules[_name]
