"""What a run is made of, without learning: tokens, the curve as a picture, the card and its bill of materials."""

import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import ApplianceError
from images.tuning.app import chart
from images.tuning.app.card import make_card, make_mlbom
from images.tuning.app.training import tokens
from images.tuning.app.training.tokens import CONTROL, Tokeniser
from workbench.tuning.examples import Example
from workbench.tuning.gguf import Header
from workbench.tuning.pairs import PairEncoding, letters

LETTERS = letters()
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TABLE = [*SPECIAL, *LETTERS.values(), "he", "hel", "lo", "hello"]
MERGES = ["h e", "l o", "he l", "hel lo"]
TEMPLATE = "{% for message in messages %}"


def header(**changes: Any) -> Header:
    values = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.chat_template": TEMPLATE,
        "tokenizer.ggml.tokens": TABLE,
        "tokenizer.ggml.merges": MERGES,
        "tokenizer.ggml.token_type": [CONTROL] * 3 + [1] * (len(TABLE) - 3),
    }
    return Header(values | changes, {}, 0)


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "KNOWN", {hashlib.sha256(TEMPLATE.encode()).hexdigest(): "Help."})


def test_pairs_become_one_in_their_order() -> None:
    encoding = PairEncoding(TABLE, MERGES)
    assert encoding.encode("hello") == [TABLE.index("hello")]
    assert encoding.encode("helo") == [TABLE.index("he"), TABLE.index("lo")]
    assert encoding.encode("12") == [TABLE.index("1"), TABLE.index("2")], "each digit by itself"


@given(st.text(max_size=60))
def test_the_tokens_of_a_text_spell_it_and_hold_no_control_token(text: str) -> None:
    found = PairEncoding(TABLE, MERGES).encode(f"{text}<|im_end|>")
    assert not {0, 1, 2} & set(found)
    back = {letter: byte for byte, letter in LETTERS.items()}
    spelled = bytes(back[letter] for number in found for letter in TABLE[number])
    assert spelled.decode() == f"{text}<|im_end|>"


def test_a_sample_is_laid_out_as_the_engine_does_it() -> None:
    tokeniser = Tokeniser(header(), "base.gguf")
    sample = tokeniser.sample(Example("r", (("user", "hello"),), "hello", "lo"))
    prompt = [
        *[1, *tokeniser.text("system\nHelp."), 2, *tokeniser.text("\n")],
        *[1, *tokeniser.text("user\nhello"), 2, *tokeniser.text("\n")],
        *[1, *tokeniser.text("assistant\n")],
    ]
    assert sample.prompt == prompt
    assert sample.answers == ([TABLE.index("hello"), 2], [TABLE.index("lo"), 2])
    assert sample.length == 2 * len(prompt) + 4


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"tokenizer.chat_template": "{{ ''.__class__.__mro__[1].__subclasses__() }}"}, "chat template is not known"),
        ({"tokenizer.ggml.pre": "llama-bpe"}, "tokeniser is not known"),
        ({"tokenizer.ggml.token_type": [1] * len(TABLE)}, "tokeniser is not known"),
    ],
)
def test_no_template_is_executed_and_no_tokeniser_guessed(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ApplianceError, match=reason):
        Tokeniser(header(**change), "base.gguf")


def test_the_curve_says_in_words_what_it_shows() -> None:
    picture = str(chart.curve([2.0, 1.0, 0.5], [0.9], 4))
    assert 'aria-label="Loss 2.000 at first, 0.500 after 3 of 4 steps; on the validation part 0.900' in picture
    places = [float(one) for pair in re.findall(r'points="([^"]*)"', picture) for one in re.split("[ ,]", pair)]
    assert all(0 <= place <= chart.WIDTH for place in places)
    assert len(re.findall(" ", re.findall(r'points="([^"]*)"', str(chart.curve([1.0] * 5000, [], 5000)))[0])) < 400
    assert "begins with the first step" in chart.curve([], [], 4)


def test_the_bill_of_materials_names_base_data_and_libraries() -> None:
    run = {
        "id": "run", "name": "tuned", "base": "smollm2", "base_sha256": "a" * 64, "version": "b" * 64,
        "version_name": "one", "project": "p", "restriction": "S;;USA||", "marking": "SECRET//NOFORN",
        "method": "preference", "configuration": {"rank": 8}, "created_by": "ann",
    }  # fmt: skip
    card = make_card(run, "c" * 64, {"loss": 0.1, "steps": 3}, {"torch": "2.13.0+cpu", "peft": "0.21.2"})
    document = make_mlbom(card, datetime(2026, 11, 28, tzinfo=UTC))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document)) is None
    assert document == make_mlbom(card, datetime(2026, 11, 28, tzinfo=UTC))
    text = json.dumps(document)
    assert all(one in text for one in ("a" * 64, "b" * 64, "c" * 64, "pkg:pypi/peft@0.21.2", "S;;USA||"))
