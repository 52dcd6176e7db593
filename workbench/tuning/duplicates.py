"""Samples that repeat what models are evaluated with: who has seen the questions proves nothing by answering them."""

import re
from collections.abc import Iterable, Mapping
from functools import cache

from appliance.errors import ApplianceError
from workbench.evaluation.suites import standard
from workbench.markbench.item import PUBLISHED
from workbench.tuning.examples import Example

WORDS = 13
"""Words in a row that do not agree by chance (arXiv:2005.14165, appendix C)."""
NAMED = 5
_WORD = re.compile(r"[^\W_]+")


def grams(text: str, words: int = WORDS) -> set[int]:
    """The hashes of all runs of ``words`` words; of a shorter text, none."""
    said = _WORD.findall(text.casefold())
    return {hash(tuple(said[start : start + words])) for start in range(len(said) - words + 1)}


@cache
def packs() -> dict[int, str]:
    """The runs of words of every item that the shipped suites make, with the name of the suite.

    What all items of a suite have in common is its instruction, which may stand anywhere.
    """
    found: dict[int, str] = {}
    for name, suite in standard().items():
        items = [grams(item.user) for item in suite.make(suite.items, key=PUBLISHED)]
        common: dict[int, int] = {}
        for one in items:
            for gram in one:
                common[gram] = common.get(gram, 0) + 1
        found.update({gram: name for gram, count in common.items() if count <= max(2, len(items) // 20)})
    return found


def refuse_duplicates(examples: Iterable[Example], known: Mapping[int, str] | None = None) -> None:
    """Refuse samples that share a run of words with an item of an evaluation.

    Args:
        examples: the samples.
        known: runs of words by the name of what they are from; by default those of the shipped suites.

    Raises:
        ApplianceError: one does; the message names the first records and the suites.
    """
    known = packs() if known is None else known
    hits: dict[str, str] = {}
    for one in examples:
        texts = [*(content for _, content in one.prompt), one.answer, one.rejected or ""]
        for gram in set().union(*map(grams, texts)):
            if gram in known:
                hits.setdefault(one.record, known[gram])
    if hits:
        named = ", ".join(f"{record} ({suite})" for record, suite in list(hits.items())[:NAMED])
        more = f" and {len(hits) - NAMED} more" if len(hits) > NAMED else ""
        raise ApplianceError(
            f"{len(hits)} records repeat items of an evaluation: {named}{more}",
            rule=f"no {WORDS} words in a row of a training sample stand in what the model is evaluated with",
            remedy="take these records back in labeling and make a new version",
        )
