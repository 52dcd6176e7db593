"""The header of a GGUF file, read strictly before any engine parses it (the GGUF specification, version 3).

Lengths are checked against the file before anything is read, names stand once, tensors lie one behind the other inside
the file, and every byte before them is accounted for. A file in another byte order, of another version, or one of
several parts is refused by name.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, BinaryIO

from appliance.errors import ApplianceError

MAGIC = b"GGUF"
VERSION = 3
RULE = "a model file is one whole GGUF file, version 3, little-endian"
MOST_HEADER = 64 << 20
MOST_STRING = 1 << 20
MOST_ENTRIES = 1 << 20
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"""Types of values by their number, as :mod:`struct` calls them."""
STRING, ARRAY = 8, 9
BLOCKS = {0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 12: (256, 144),
          13: (256, 176), 14: (256, 210), 30: (1, 2)}  # fmt: skip
"""Of the types of tensors that are read here: values and bytes of a block."""
F32 = 0


@dataclass(frozen=True, slots=True)
class Tensor:
    """Where a tensor lies; dimensions with the fastest first."""

    name: str
    shape: tuple[int, ...]
    type: int
    offset: int

    @property
    def size(self) -> int:
        """In bytes."""
        values, size = BLOCKS[self.type]
        return prod(self.shape) // values * size


@dataclass(frozen=True)
class Header:
    """What a file says of itself.

    Attributes:
        metadata: values by name.
        tensors: by name, in the order of the file.
        data: where the tensors begin.
    """

    metadata: dict[str, Any]
    tensors: dict[str, Tensor]
    data: int

    def text(self, name: str) -> str:
        """A value that is a text; empty when it is absent or something else."""
        value = self.metadata.get(name)
        return value if isinstance(value, str) else ""


class _Reader:
    def __init__(self, file: BinaryIO, size: int, name: str, most: int) -> None:
        self._file, self._left, self._name = file, min(size, most), name

    def take(self, count: int) -> bytes:
        if count > self._left:
            raise self.refusal("it ends inside its header, or the header is too long")
        data = self._file.read(count)
        if len(data) != count:
            raise self.refusal("it ends inside its header")
        self._left -= count
        return data

    def number(self, form: str) -> Any:
        (value,) = struct.unpack(f"<{form}", self.take(struct.calcsize(form)))
        return value

    def string(self) -> str:
        length = self.number("Q")
        if length > MOST_STRING:
            raise self.refusal(f"a text of {length} bytes")
        try:
            return self.take(length).decode()
        except UnicodeDecodeError as error:
            raise self.refusal("a text is not UTF-8") from error

    def value(self, kind: int, depth: int = 0) -> Any:
        if kind in SCALARS:
            return self.number(SCALARS[kind])
        if kind == STRING:
            return self.string()
        if kind != ARRAY or depth:
            raise self.refusal(f"a value of the type {kind}")
        inner, count = self.number("I"), self.number("Q")
        if count > MOST_ENTRIES:
            raise self.refusal(f"an array of {count} values")
        if inner in SCALARS:
            form = SCALARS[inner]
            return list(struct.unpack(f"<{count}{form}", self.take(count * struct.calcsize(form))))
        return [self.value(inner, 1) for _ in range(count)]

    def refusal(self, message: str) -> ApplianceError:
        return ApplianceError(f"{self._name}: {message}", rule=RULE, remedy="convert or carry the file again")


def read_header(file: BinaryIO, name: str, *, most: int = MOST_HEADER) -> Header:
    """The header of an open file, from its beginning.

    Args:
        file: the file.
        name: of it, for errors.
        most: bytes that its header may have.

    Raises:
        ApplianceError: the file is something else, or says of itself what is not so.
    """
    size = file.seek(0, 2)
    file.seek(0)
    reader = _Reader(file, size, name, most)
    magic = reader.take(4)
    if magic == MAGIC[::-1]:
        raise reader.refusal("it is in big-endian order")
    if magic != MAGIC:
        raise reader.refusal(f"it begins with {magic!r}, as no GGUF file does")
    version = reader.number("I")
    if version != VERSION:
        order = "it is in big-endian order" if version == VERSION << 24 else f"version {version}"
        raise reader.refusal(order)
    tensors, values = reader.number("Q"), reader.number("Q")
    if max(tensors, values) > 1 << 16:
        raise reader.refusal(f"{tensors} tensors and {values} values")
    metadata: dict[str, Any] = {}
    for _ in range(values):
        key = reader.string()
        if key in metadata:
            raise reader.refusal(f"{key} stands twice")
        metadata[key] = reader.value(reader.number("I"))
    if metadata.get("split.count", 1) not in (0, 1):
        raise reader.refusal(f"it is one of {metadata['split.count']} parts")
    found = [_tensor(reader) for _ in range(tensors)]
    header = Header(metadata, {one.name: one for one in found}, _aligned(file.tell(), metadata, reader))
    if len(header.tensors) != len(found):
        raise reader.refusal("a tensor stands twice")
    _check_places(found, size - header.data, metadata, reader)
    return header


def _tensor(reader: _Reader) -> Tensor:
    name, dimensions = reader.string(), reader.number("I")
    if not 1 <= dimensions <= 4:
        raise reader.refusal(f"tensor {name[:80]!r} has {dimensions} dimensions")
    shape = tuple(reader.number("Q") for _ in range(dimensions))
    kind, offset = reader.number("I"), reader.number("Q")
    if kind not in BLOCKS:
        raise reader.refusal(f"tensor {name[:80]!r} is of the type {kind}")
    if not all(0 < one < 1 << 32 for one in shape) or shape[0] % BLOCKS[kind][0]:
        raise reader.refusal(f"tensor {name[:80]!r} has the shape {shape}")
    return Tensor(name, shape, kind, offset)


def _alignment(metadata: dict[str, Any]) -> int:
    return int(metadata.get("general.alignment", 32))


def _aligned(place: int, metadata: dict[str, Any], reader: _Reader) -> int:
    step = metadata.get("general.alignment", 32)
    if step not in (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096):
        raise reader.refusal(f"general.alignment is {step!r}")
    return -(-place // int(step)) * int(step)


def _check_places(tensors: list[Tensor], size: int, metadata: dict[str, Any], reader: _Reader) -> None:
    """Each tensor begins where the one before ends, so that the file hides nothing between or behind them."""
    step, place = _alignment(metadata), 0
    for one in tensors:
        if one.offset != place:
            raise reader.refusal(f"tensor {one.name[:80]!r} does not follow the one before it")
        place = -(-(place + one.size) // step) * step
    last = tensors[-1].offset + tensors[-1].size if tensors else 0
    if not last <= size <= place:
        raise reader.refusal(f"{size} bytes of tensors, its header says {last}")


def packed(metadata: Mapping[str, str | float], tensors: Mapping[str, tuple[tuple[int, ...], bytes]]) -> bytes:
    """A file of texts, numbers and tensors of 32-bit floats, as :func:`read_header` reads it.

    Args:
        metadata: values by name.
        tensors: dimensions (the fastest first) and bytes by name.
    """
    head = MAGIC + struct.pack("<IQQ", VERSION, len(tensors), len(metadata))
    for name, value in metadata.items():
        kind, text = (STRING, _packed(value)) if isinstance(value, str) else (6, struct.pack("<f", value))
        head += _packed(name) + struct.pack("<I", kind) + text
    body = b""
    for name, (shape, data) in tensors.items():
        head += _packed(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, F32, len(body))
        body += data + bytes(-len(data) % 32)
    return head + bytes(-len(head) % 32) + body


def _packed(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data
