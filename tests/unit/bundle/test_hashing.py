"""Digests of a file and of its chunks come from one pass, however the bytes arrive."""

import hashlib
from pathlib import Path
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from appliance.bundle.repository import hashing
from appliance.bundle.repository.hashing import Hasher, hash_file
from appliance.bundle.repository.transfer import copy


@given(st.lists(st.binary(max_size=40), max_size=8), st.integers(1, 32))
def test_chunks_do_not_depend_on_how_the_bytes_arrive(parts: list[bytes], size: int) -> None:
    data = b"".join(parts)
    with patch.object(hashing, "CHUNK", size):
        hasher = Hasher(len(data))
        for part in parts:
            hasher.update(memoryview(part))
        result = hasher.result()
    chunks = [data[start : start + size] for start in range(0, len(data), size)] if len(data) > size else []
    assert (result.length, result.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert result.chunks == tuple(hashlib.sha256(chunk).hexdigest() for chunk in chunks)


def test_a_copy_knows_the_chunks_of_a_large_file(tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(bytes(range(256)) * 10_000)
    with patch.object(hashing, "CHUNK", 1 << 20):
        copied = copy(large, tmp_path / "copy")
        assert copied == hash_file(large)
    assert len(copied.chunks) == 3
