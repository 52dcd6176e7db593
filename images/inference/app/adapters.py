"""What an adapter must be before the engine loads it: of this base, for this enclave, and for everybody in it."""

from typing import BinaryIO

from appliance.errors import ApplianceError
from appliance.markings import Label, Restriction, dominates
from workbench.tuning.adapter import read_adapter, shapes_of
from workbench.tuning.gguf import read_header

RULE = "an adapter limits the readers of every answer that it helps to compute (docs/tuning.md)"


def read(file: BinaryIO, base: BinaryIO, base_sha256: str, name: str, label: Label | None) -> Restriction:
    """The restriction of an adapter, judged by its header before the engine parses a byte of it.

    Args:
        file: the adapter, open.
        base: the model, open.
        base_sha256: digest of the model.
        name: of the adapter's file, for errors.
        label: of the enclave.

    Raises:
        ApplianceError: it is none, of another base, above the enclave, or of a need-to-know group.
    """
    shapes = shapes_of(read_header(base, "the model"))
    found = read_adapter(file, name, base=base_sha256, shapes=shapes).restriction
    if label is not None and not dominates(label, found.label):
        raise ApplianceError(
            f"{name}: is above this enclave", rule=RULE, remedy="load it in the enclave of its marking"
        )
    if found.groups:
        raise ApplianceError(
            f"{name}: is for members of {', '.join(sorted(found.groups))} alone",
            rule=f"{RULE}; this engine answers everybody of its enclave",
            remedy="tune from records without a need-to-know group",
        )
    return found
