"""Byte-pair encoding as GPT-2 does it, from the tables in a model's file (arXiv:1508.07909; llama.cpp, ``smollm``)."""

from functools import lru_cache
from itertools import pairwise

import regex

DIGIT = regex.compile(r"\p{N}")
WORD = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")
"""Numbers are first taken apart digit by digit, then each piece is divided into words."""
CACHED = 1 << 16


def letters() -> dict[int, str]:
    """For each byte the letter that stands for it in the tables."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in plain]
    return {byte: chr(byte) for byte in plain} | {byte: chr(256 + place) for place, byte in enumerate(others)}


class PairEncoding:
    """Texts as numbers of tokens.

    Args:
        tokens: the vocabulary.
        merges: pairs that become one, the first ones first.
    """

    def __init__(self, tokens: list[str], merges: list[str]) -> None:
        self.vocabulary = {token: number for number, token in enumerate(tokens)}
        self._ranks = {
            (left, right): rank for rank, (left, _, right) in enumerate(one.partition(" ") for one in merges)
        }
        self._letters = letters()
        self._word = lru_cache(CACHED)(self._merged)

    def encode(self, text: str) -> list[int]:
        """The tokens of a text; no text is a control token."""
        found: list[int] = []
        for piece in _pieces(text):
            for word in WORD.findall(piece):
                found += self._word(word)
        return found

    def _merged(self, word: str) -> tuple[int, ...]:
        parts = [self._letters[byte] for byte in word.encode()]
        while len(parts) > 1:
            ranked = [(self._ranks.get(pair, len(self._ranks)), place) for place, pair in enumerate(pairwise(parts))]
            rank, place = min(ranked)
            if rank == len(self._ranks):
                break
            parts[place : place + 2] = [parts[place] + parts[place + 1]]
        return tuple(self.vocabulary[part] for part in parts)


def _pieces(text: str) -> list[str]:
    """The text, each digit by itself."""
    found, last = [], 0
    for match in DIGIT.finditer(text):
        found += [text[last : match.start()], match.group()]
        last = match.end()
    return [one for one in (*found, text[last:]) if one]
