"""The engine loads an adapter of its own base, for its enclave and for everybody in it, and no other."""

import io

import pytest

from appliance.errors import ApplianceError
from appliance.markings import Label
from images.inference.app.adapters import read
from tests.unit.workbench.tuning.test_adapter import HEADER, SHA, TENSORS
from workbench.tuning.adapter import RESTRICTION
from workbench.tuning.gguf import packed

BASE = packed({"general.architecture": "llama"}, {"blk.0.attn_q.weight": ((8, 12), bytes(384))})
OTHER = packed({"general.architecture": "llama"}, {"blk.0.attn_q.weight": ((16, 12), bytes(768))})
ENCLAVE = Label.decode("S;;GBR,USA")


def judged(restriction: str = "S;;GBR,USA||", *, base: bytes = BASE, sha256: str = SHA) -> str:
    file = io.BytesIO(packed(HEADER | {RESTRICTION: restriction}, TENSORS))
    return read(file, io.BytesIO(base), sha256, "tuned.gguf", ENCLAVE).encode()


@pytest.mark.parametrize("restriction", ["S;;GBR,USA||", "U;;*||", "S;;GBR,USA||OC"])
def test_an_adapter_limits_every_answer(restriction: str) -> None:
    assert judged(restriction) == restriction


@pytest.mark.parametrize(
    ("restriction", "changes", "reason"),
    [
        ("TS;;USA||", {}, "above this enclave"),
        ("S;;USA||", {}, "above this enclave"),
        ("S;;GBR,USA|falcon|", {}, "for members of falcon alone"),
        ("S;;GBR,USA||", {"sha256": "b" * 64}, "belongs to the base"),
        ("S;;GBR,USA||", {"base": OTHER}, "does not fit its base"),
    ],
)
def test_an_adapter_of_something_else_is_refused(
    restriction: str, changes: dict[str, bytes | str], reason: str
) -> None:
    with pytest.raises(ApplianceError, match=reason):
        judged(restriction, **changes)  # type: ignore[arg-type]  # each by its own name
