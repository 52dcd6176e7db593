"""Whatever bytes come, a parser raises nothing but its own refusal, accepts one spelling, and is done soon.

``corpus/<parser>/`` keeps what once broke the law, and what is worth trying each time. `make slow` looks longer.
"""

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.fuzz.parsers import PARSERS

CORPUS = Path(__file__).parent / "corpus"
LARGEST = 64 * 1024
SECONDS = 15.0
"""Longest that one reading may keep the processor; what grows faster than its input takes minutes."""
QUICK, LONG = 100, 20_000
PIECES = [
    *(
        b"",
        b"\0",
        b"\xff",
        b"\xed\xa0\x80",
        b"\r\n",
        b"\n\n",
        b" ",
        b"//",
        b";",
        b",",
        b"=",
        b"..",
        b"%00",
        b"[",
        b"{",
        b"]}",
    ),
    *(
        b"1e999",
        b"NaN",
        b"-0",
        b"99999999999999999999",
        b'"a":1,"a":2',
        b"\\ud800",
        b"&a *a",
        b"!!python/object",
        b"<<: *a",
    ),
    *(b"\xc2\xa0", b"\xe2\x80\x8b", b"\xd9\xa1", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"),
    *(b"v1.", b"TS", b"NOFORN", b"null"),
]
LAUGHS = [b"a0: &a0 [1]\n", *(b"a%d: &a%d [%s]\n" % (n, n, b",".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 12))]
PATHOLOGICAL = {
    "deep lists": b"[" * LARGEST,
    "deep objects": b'{"a":' * (LARGEST // 5),
    "a long number": b"9" * LARGEST,
    "many slashes": b"S//" * (LARGEST // 3),
    "many commas": b"S;" + b"A," * (LARGEST // 2),
    "a long word": b"A" * LARGEST,
    "many brackets": b"(" * LARGEST,
    "many lines": b"\n" * LARGEST,
    "many spaces": b" " * LARGEST,
    "many headers": b"GET / HTTP/1.1\r\n" + b"".join(b"a%d: b\r\n" % n for n in range(5000)) + b"\r\n",
    "long base64": b"v1." + b"A" * LARGEST + b".0",
    "many signatures": b"x\n\n" + "— a AAAAAAAA\n".encode() * 3000,
    "a billion laughs": b"".join(LAUGHS),
}


def obeys(name: str, data: bytes) -> None:
    """The law, for one parser and one input."""
    parser = PARSERS[name]
    began = time.process_time()
    try:
        again = parser.read(data)
    except parser.refusal:
        again = None
    took = time.process_time() - began
    assert took < SECONDS, f"{name} took {took:.1f} s for {len(data)} bytes"
    assert again is None or again == data, f"{name} has a second spelling: {data[:200]!r}"


@st.composite
def changed(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """A seed with some of its bytes changed, taken away, repeated, or with another seed's or a known piece between."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(min_value=1, max_value=4))):
        at = draw(st.integers(min_value=0, max_value=len(data)))
        length = draw(st.integers(min_value=0, max_value=min(12, len(data) - at)))
        new = draw(st.one_of(st.sampled_from(PIECES), st.binary(max_size=4), st.just(data[at : at + length] * 2)))
        data = data[:at] + new + data[at + length :]
    return data


def inputs(name: str) -> st.SearchStrategy[bytes]:
    seeds = PARSERS[name].seeds()
    return st.one_of(changed(seeds), changed(seeds), st.binary(max_size=300), st.text(max_size=200).map(str.encode))


@pytest.mark.parametrize("name", PARSERS)
def test_what_is_right_is_read_and_what_once_broke_the_law_no_longer_does(name: str) -> None:
    for seed in PARSERS[name].seeds():
        PARSERS[name].read(seed)
    for file in sorted((CORPUS / name.replace(" ", "-").lower()).glob("*")):
        obeys(name, file.read_bytes())


@pytest.mark.parametrize("what", PATHOLOGICAL)
@pytest.mark.parametrize("name", PARSERS)
def test_what_is_made_to_be_slow_is_not(name: str, what: str) -> None:
    obeys(name, PATHOLOGICAL[what])


@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_raises_nothing_but_its_refusal_and_has_one_spelling(name: str) -> None:
    _look(name, QUICK // PARSERS[name].cost)


@pytest.mark.long
@pytest.mark.parametrize("name", PARSERS)
def test_the_same_for_longer(name: str) -> None:
    _look(name, LONG // PARSERS[name].cost)


def _look(name: str, examples: int) -> None:
    @settings(max_examples=examples, suppress_health_check=list(HealthCheck), derandomize=examples <= QUICK)
    @given(inputs(name))
    def law(data: bytes) -> None:
        obeys(name, data)

    law()
