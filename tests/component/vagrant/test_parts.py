"""Parts of the tests on virtual machines that need no machine."""

import struct
from pathlib import Path

import pytest
from xllamacpp import CommonParams, Server

from appliance.errors import ApplianceError
from tests.vagrant import box, model
from tests.vagrant.capture import destination, leads_outside

ETHERNET = bytes(12)


def frame(kind: int, where: int, address: bytes) -> bytes:
    """A frame of protocol ``kind`` with ``address`` at byte ``where``."""
    return (ETHERNET + struct.pack("!H", kind)).ljust(where, b"\0") + address


@pytest.mark.parametrize(
    ("packet", "where"),
    [
        (frame(0x0800, 30, bytes([192, 0, 2, 1])), "192.0.2.1"),
        (frame(0x0806, 38, bytes([10, 77, 5, 11])), "10.77.5.11"),
        (frame(0x86DD, 38, bytes.fromhex("20010db8" + "0" * 23 + "1")), "2001:db8::1"),
        (frame(0x88CC, 20, b""), "protocol 0x88cc"),
    ],
)
def test_destination_of_a_frame(packet: bytes, where: str) -> None:
    assert destination(packet) == where


@pytest.mark.parametrize("inside", ["10.77.5.11", "10.77.105.1", "255.255.255.255", "224.0.0.22", "ff02::16"])
def test_what_stays_on_the_cable_is_inside(inside: str) -> None:
    assert not leads_outside(inside)


@pytest.mark.parametrize("outside", ["192.0.2.1", "10.77.0.11", "8.8.8.8", "2001:db8::1", "protocol 0x88cc"])
def test_everything_else_leads_outside(outside: str) -> None:
    assert leads_outside(outside)


def test_tiny_model_is_the_same_every_time_and_answers(tmp_path: Path) -> None:
    one, other = tmp_path / "one.gguf", tmp_path / "other.gguf"
    model.write_model(one)
    model.write_model(other)
    assert one.read_bytes() == other.read_bytes()
    engine = CommonParams()
    engine.model.path = str(one)
    engine.n_ctx = 256
    engine.hostnames = [str(tmp_path / "engine.sock")]
    question = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1}
    assert Server(engine).handle_chat_completions(question)["usage"]["completion_tokens"] == 1


def test_box_is_not_begun_without_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPLIANCE_CACHE", str(tmp_path))
    monkeypatch.setattr(box, "SCRATCH_BYTES", 1 << 60)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    with pytest.raises(ApplianceError, match="needed to make a box"):
        box.make_box("host", print)
    assert list((tmp_path / "boxes").iterdir()) == []


def test_box_without_a_network_says_what_to_do_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPLIANCE_CACHE", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(box, "debian_sources", lambda: ["deb http://127.0.0.1:9/debian bookworm main"])
    with pytest.raises(ApplianceError, match="installing the box's Debian packages failed") as refused:
        box.make_box("host", print)
    assert "where a Debian mirror answers" in (refused.value.remedy or "")
    assert list((tmp_path / "boxes").iterdir()) == []


def test_changed_recipe_makes_another_box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = box.digest()
    for name in box.INPUTS:
        (tmp_path / name).write_bytes((box.HERE / name).read_bytes())
    monkeypatch.setattr(box, "HERE", tmp_path)
    assert box.digest() == before
    (tmp_path / "box.yml").write_text("common: []")
    assert box.digest() != before
