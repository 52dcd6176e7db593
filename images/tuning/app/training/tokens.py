"""Texts as the base's tokens, made from what its file holds; nothing of a text becomes a control token.

The file's chat template is a program, which is not executed: a template that is known by its digest is written down
here, and any other is refused.
"""

import hashlib
from dataclasses import dataclass
from typing import BinaryIO

from appliance.errors import ApplianceError
from workbench.tuning.examples import Example
from workbench.tuning.gguf import Header, read_header
from workbench.tuning.pairs import PairEncoding

CONTROL = 3
"""Type of a token that is no text (``tokenizer.ggml.token_type``)."""
KNOWN = {
    "872be49dbb638044ad01b60388f48d469ff2980e5f0dccdc22ec907db54d0788": "You are a helpful AI assistant named SmolLM, "
    "trained by Hugging Face",
}
"""Of a known template (ChatML) the instruction with which a conversation begins that brings none."""
_RULE = "a conversation is laid out as the engine does it, and no template of a file is executed (docs/tuning.md)"


@dataclass(frozen=True, slots=True)
class Tokens:
    """A sample as tokens: the prompt, and behind it each answer (one, or the better and the worse of two)."""

    prompt: list[int]
    answers: tuple[list[int], ...]

    @property
    def length(self) -> int:
        """Of all that a step computes for it."""
        return sum(len(self.prompt) + len(one) for one in self.answers)


class Tokeniser:
    """The tokeniser of a base.

    Args:
        header: of its file.
        name: of it, for errors.

    Raises:
        ApplianceError: it has another tokeniser or template than those that are known.
    """

    def __init__(self, header: Header, name: str) -> None:
        said = header.metadata
        if header.text("tokenizer.ggml.model") != "gpt2" or header.text("tokenizer.ggml.pre") != "smollm":
            raise ApplianceError(f"{name}: its tokeniser is not known", rule=_RULE, remedy="tune the shipped base")
        template = hashlib.sha256(header.text("tokenizer.chat_template").encode()).hexdigest()
        if template not in KNOWN:
            raise ApplianceError(f"{name}: its chat template is not known", rule=_RULE, remedy="tune the shipped base")
        self._instruction = KNOWN[template]
        self._text = PairEncoding(said["tokenizer.ggml.tokens"], said["tokenizer.ggml.merges"])
        self._start, self._end = (self._text.vocabulary[one] for one in ("<|im_start|>", "<|im_end|>"))
        if {said["tokenizer.ggml.token_type"][one] for one in (self._start, self._end)} != {CONTROL}:
            raise ApplianceError(f"{name}: its tokeniser is not known", rule=_RULE)
        self.padding = self._end

    def text(self, text: str) -> list[int]:
        """The tokens of a text."""
        return self._text.encode(text)

    def prompt(self, messages: tuple[tuple[str, str], ...]) -> list[int]:
        """A conversation up to where the answer begins."""
        if self._instruction and (not messages or messages[0][0] != "system"):
            messages = (("system", self._instruction), *messages)
        found: list[int] = []
        for role, content in messages:
            found += [self._start, *self.text(f"{role}\n{content}"), self._end, *self.text("\n")]
        return [*found, self._start, *self.text("assistant\n")]

    def sample(self, example: Example) -> Tokens:
        """A sample; each answer ends as the engine ends one."""
        answers = [example.answer] if example.rejected is None else [example.answer, example.rejected]
        return Tokens(self.prompt(example.prompt), tuple([*self.text(one), self._end] for one in answers))


def read_tokeniser(file: BinaryIO, name: str) -> Tokeniser:
    """The tokeniser of an open file.

    Raises:
        ApplianceError: as :class:`Tokeniser`, or the file is no model.
    """
    return Tokeniser(read_header(file, name), name)
