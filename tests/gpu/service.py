"""The inference service before an engine of another process: ``python -m tests.gpu.service FOLDER``.

The wheel of the engine need not be installed for it. Where an accelerator is, the engine was built from its sources.
"""

import importlib
import sys
from pathlib import Path
from types import ModuleType

if __name__ == "__main__":
    engine = ModuleType("xllamacpp")
    for name in ("CommonParams", "Server", "CommonAdapterLoraInfo"):
        setattr(engine, name, object)
    sys.modules.setdefault("xllamacpp", engine)
    importlib.import_module("tests.bench.stream").serve(Path(sys.argv[1]))
