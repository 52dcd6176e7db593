"""What lies on the volume: nothing that can be read, moved or changed without the key in the database."""

import os
import tempfile
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.errors import ApplianceError
from appliance.service.objects import PART, Content, Volume
from appliance.service.objects.types import Text, type_of
from appliance.service.objects.volume import part_size, parts_of

KEY = bytes(range(32))


def write(volume: Volume, data: bytes, key: bytes = KEY) -> tuple[UUID, Content]:
    identifier = uuid4()
    for number in range(parts_of(len(data))):
        volume.write(identifier, key, number, data[number * PART : (number + 1) * PART])
    return identifier, volume.content(identifier, key, len(data))


@given(
    size=st.integers(1, 3 * PART),
    start=st.integers(0, 3 * PART + 9),
    length=st.integers(0, 2 * PART + 9),
)
@example(size=PART, start=PART - 1, length=1)
@example(size=PART + 1, start=PART, length=1)
def test_any_range_is_that_of_the_bytes(size: int, start: int, length: int) -> None:
    data = os.urandom(1 << 10) * (size // (1 << 10) + 1)
    data = data[:size]
    with tempfile.TemporaryDirectory() as folder:
        _, content = write(Volume(Path(folder)), data)
        assert content[start : start + length] == data[start : start + length]
        assert len(content) == size
    assert sum(part_size(size, number) for number in range(parts_of(size))) == size


def test_the_volume_holds_no_word_of_a_file(tmp_path: Path) -> None:
    write(Volume(tmp_path), b"canary of the harbour " * 1000)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"canary" in path.read_bytes()]


def test_a_part_stands_in_no_other_place(tmp_path: Path) -> None:
    volume = Volume(tmp_path)
    first, content = write(volume, b"a" * PART + b"b" * PART)
    other, _ = write(volume, b"c" * PART)
    folder = tmp_path / first.hex
    kept = (folder / "0").read_bytes()
    for wrong in ((folder / "1").read_bytes(), (tmp_path / other.hex / "0").read_bytes(), kept[:-1], b"", kept[:12]):
        (folder / "0").write_bytes(wrong)
        with pytest.raises(ApplianceError, match="part 0 of the file is damaged"):
            content.part(0)
    (folder / "0").write_bytes(kept)
    assert content.part(0) == b"a" * PART
    with pytest.raises(ApplianceError):
        volume.content(first, b"x" * 32, 2 * PART).part(0)


@pytest.mark.parametrize(
    ("beginning", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n...", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"II*\0", "image/tiff"),
        (b"NITF02.10", "application/vnd.nitf"),
        (b"%PDF-1.7", "application/pdf"),
        (b"\0\0\0\x18ftypmp42", "video/mp4"),
        (b"G" + b"\0" * 187 + b"G" + b"\0" * 187 + b"G", "video/mp2t"),
        (b"Good morning", "text/plain"),
        (b"RIFF....WAVE", "audio/wav"),
        (b"RIFF....WEBP", "text/plain"),
        (b"PK\x03\x04", "application/zip"),
        (b"II*\0ftypmp42", "application/octet-stream"),
        (b"G" + b"\0" * 3 + b"ftyp" + b"\0" * 180 + b"G" + b"\0" * 187 + b"G", "application/octet-stream"),
        (b"MZ\x90\0", "application/octet-stream"),
        (b"<VRTDataset>", "text/plain"),
        (b"\xff\xfe<\0", "application/octet-stream"),
    ],
)
def test_the_content_says_what_a_file_is(beginning: bytes, kind: str) -> None:
    assert type_of(beginning) == kind


@given(st.text(), st.integers(1, 7))
def test_text_is_text_wherever_it_is_cut(text: str, size: int) -> None:
    data = text.encode()
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    assert Text().fits(pieces) == all(ord(one) >= 32 or one in "\t\n\r\f" for one in text)
    assert not Text().fits([*pieces, b"\xf0\x9f"])
