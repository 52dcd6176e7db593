"""The check of an accelerator counts what was sent, and builds the engine that the lock names."""

import asyncio
import contextlib
import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gpu import engine, load
from tests.gpu.stages import Stages

EVENT = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'


@contextlib.contextmanager
def answering(socket: Path, tokens: int, status: bytes = b"200 OK") -> Iterator[None]:
    """An engine that sends so many tokens in pieces that end anywhere."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        text = b'data: {"choices":[{"delta":{"content":null}}]}\n\n' + EVENT * tokens + b"data: [DONE]\n\n"
        writer.write(b"HTTP/1.1 " + status + b"\r\n\r\n")
        for start in range(0, len(text), 100):
            writer.write(text[start : start + 100])
            await writer.drain()
        writer.close()

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_unix_server(serve, str(socket)))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.close()


def test_every_token_of_every_stream_is_counted(tmp_path: Path) -> None:
    with answering(tmp_path / "s", load.TOKENS):
        rate = load.measure([tmp_path / "s"], 5, load.question())
    assert rate.whole > 0
    assert rate.first > 0


@pytest.mark.parametrize("tokens", [0, load.TOKENS - 1, load.TOKENS + 1])
def test_an_answer_with_another_number_of_tokens_is_no_measurement(tmp_path: Path, tokens: int) -> None:
    with answering(tmp_path / "s", tokens), pytest.raises(RuntimeError, match=f"has {tokens} tokens"):
        load.measure([tmp_path / "s"], 1, load.question())


def test_a_refusal_is_no_measurement(tmp_path: Path) -> None:
    with answering(tmp_path / "s", load.TOKENS, b"503 Busy"), pytest.raises(RuntimeError, match="503 Busy"):
        load.measure([tmp_path / "s"], 1, load.question())


def test_only_the_locked_sources_are_built(tmp_path: Path) -> None:
    sdist, lock = tmp_path / "engine.tar.gz", tmp_path / "lock"
    sdist.write_bytes(b"other sources")
    lock.write_text("xllamacpp==1 --hash=sha256:" + hashlib.sha256(b"the sources").hexdigest())
    with pytest.raises(RuntimeError, match="is not in"):
        engine.unpack(sdist, lock, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_times_are_those_between_two_moments() -> None:
    began = {"steps": 10, "before": 1.0, "decode": 100.0, "after": 5.0}
    ended = {"steps": 20, "before": 2.0, "decode": 300.0, "after": 10.0}
    assert engine.between(began, ended) == {"before": 0.1, "decode": 20.0, "after": 0.5}
    assert engine.between(began, began) is None
    assert engine.between(None, None) is None


def test_a_stage_that_fails_leaves_the_others_to_run(tmp_path: Path) -> None:
    stages = Stages(tmp_path, 100, {})
    assert stages.do("bad", lambda: 1 / 0) is None
    assert stages.do("good", lambda: 7) == 7
    assert stages.figures == {"machine": {}, "good": 7}
    assert [reason.split(":")[0] for reason in stages.failed] == ["bad"]
    late = Stages(tmp_path, 1, {})
    assert late.do("late", lambda: 7) is None
    assert late.failed == ["late: no time was left"]


def test_kernels_are_left_out_by_file_and_by_width(tmp_path: Path) -> None:
    kernels = tmp_path / "ggml/src/ggml-cuda/template-instances"
    kernels.mkdir(parents=True)
    kept = ("fattn-mma-f16-instance-ncols1_4-ncols2_4.cu", "fattn-vec-instance-f16-f16.cu", "mmq-instance-q8_0.cu")
    for name in (*kept, "mmq-instance-q4_0.cu", "fattn-mma-f16-instance-ncols1_4-ncols2_16.cu"):
        (kernels / name).write_text("DECL_FATTN_MMA_F16_CASE(64, 64, 4, 4);\nDECL_FATTN_MMA_F16_CASE(80, 80, 4, 4);\n")
    choice = kernels.parent / "fattn.cu"
    choice.write_text(
        "before\nstatic void ggml_cuda_flash_attn_ext_mma_f16(x) {\n"
        "    switch (x) {\n        case 64:\n            a;\n"
        "        case 80:\n            b;\n        case 128:\n            c;\n        case 576: {\n            d;\n"
        "        default:\n            e;\n}\n        case 80:\n"
    )
    server = tmp_path / engine.PRINTED[0]
    server.parent.mkdir(parents=True)
    server.write_text(f"t > {engine.PRINTED[1]}")
    engine.cut(tmp_path)
    assert sorted(file.name for file in kernels.iterdir()) == sorted(kept)
    assert (kernels / kept[0]).read_text() == "DECL_FATTN_MMA_F16_CASE(64, 64, 4, 4);\n"
    found = choice.read_text()
    assert [letter for letter in "abcde" if f"  {letter};" in found] == ["a", "c", "e"]
    assert found.endswith("}\n        case 80:\n")
    assert engine.PRINTED[2] in server.read_text()
