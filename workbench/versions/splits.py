"""Parts of a data set for training, validation and test: whole clusters, and stable when the data grow.

What comes from one place, sensor or day stays together, or a test would measure how well a model remembers. Where a
cluster belongs depends on its own name alone: records that are added later move none.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from workbench.versions.content import canonical

SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}
_DAY = re.compile(r"(\d{4}-\d\d-\d\d)([T ].*)?")


def cluster_of(data: Mapping[str, Any], source: Mapping[str, Any], field: str, otherwise: str) -> str:
    """The cluster of a record.

    Args:
        data: what it shows.
        source: where it comes from.
        field: ``source.place``, ``data.title`` and so on; empty where records belong to no cluster. Of a time its day.
        otherwise: the cluster of a record without this field: its identifier.
    """
    value: Any = {"data": data, "source": source}
    for part in field.split(".") if field else ("",):
        value = value.get(part) if isinstance(value, Mapping) else None
    if value is None or value == "":
        return f"record:{otherwise}"
    if isinstance(value, str) and (day := _DAY.fullmatch(value)):
        value = day[1]
    return f"field:{canonical(value)}"


def split_of(cluster: str, seed: str, shares: Mapping[str, float] = SHARES) -> str:
    """The part to which a cluster belongs.

    Args:
        cluster: its name.
        seed: the same for all versions of a project.
        shares: of each part; they sum up to 1.
    """
    place = int.from_bytes(hashlib.sha256(f"{seed}\n{cluster}".encode()).digest()[:8], "big") / 2**64
    for name, share in shares.items():
        place -= share
        if place < 0:
            return name
    return list(shares)[-1]
