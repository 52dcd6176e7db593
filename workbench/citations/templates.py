"""Kinds of products, as data: their sections in order, and what each is made of."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

EVIDENCE, INFERENCE, JUDGEMENT = "evidence", "inference", "judgement"
Kind = Literal["evidence", "inference", "judgement"]
"""What a statement is: words of a source, what a model wrote from sources, or what a person judges."""

LIKELIHOODS = (
    "almost no chance (1-5%)",
    "very unlikely (5-20%)",
    "unlikely (20-45%)",
    "roughly even chance (45-55%)",
    "likely (55-80%)",
    "very likely (80-95%)",
    "almost certain (95-99%)",
)
"""The words of ICD 203 (D.6.e(2)(a)), the first of its two rows."""

CONFIDENCES = ("low confidence", "moderate confidence", "high confidence")
"""ICD 203, D.6.e(2): confidence is in the sources and the reasoning, not another word for likelihood."""


class Section(BaseModel):
    """A part of a product.

    Attributes:
        heading: its heading.
        judged: whether a person writes in it, beside what is quoted.
        help: what belongs there.
    """

    model_config = ConfigDict(frozen=True)

    heading: str
    judged: bool = False
    help: str


class Template(BaseModel):
    """A kind of product.

    Attributes:
        title: its name.
        purpose: what it is for.
        sections: its parts in order.
        compares: whether it compares courses of action by criteria and weights.
    """

    model_config = ConfigDict(frozen=True)

    title: str
    purpose: str
    sections: tuple[Section, ...]
    compares: bool = False


def _judged(heading: str, words: str) -> Section:
    return Section(heading=heading, judged=True, help=words)


def _quoted(heading: str, words: str) -> Section:
    return Section(heading=heading, help=words)


TEMPLATES: dict[str, Template] = {
    "bluf": Template(
        title="Decision memorandum (BLUF)",
        purpose="The bottom line first, then what it rests on",
        sections=(
            _judged("Bottom line up front", "The answer, and what you ask the reader to decide, in two sentences."),
            _quoted("Evidence", "What sources say."),
            _judged("Assessment", "What you make of it, with likelihood and confidence."),
            _judged("Recommendation", "What to do, and what would change your mind."),
        ),
    ),
    "intsum": Template(
        title="Intelligence summary (INTSUM)",
        purpose="What happened in a period, and what it means",
        sections=(
            _judged("Period and area", "From when to when (Zulu), and where."),
            _quoted("Activity", "What sources report."),
            _judged("Assessment", "What it means, with likelihood and confidence."),
            _judged("Outlook and gaps", "What to expect, and what nobody knows yet."),
        ),
    ),
    "sitrep": Template(
        title="Situation report (SITREP)",
        purpose="Where things stand now",
        sections=(
            _judged("As of", "Date-time group (Zulu)."),
            _quoted("Situation", "What sources report."),
            _judged("Actions and needs", "What is being done, and what is needed."),
        ),
    ),
    "rfi": Template(
        title="Answer to a request for information (RFI)",
        purpose="One question, its answer, its sources",
        sections=(
            _judged("Question", "As it was asked."),
            _judged("Answer", "With likelihood and confidence."),
            _quoted("Sources", "What the answer rests on."),
        ),
    ),
    "spotrep": Template(
        title="Spot report (SALUTE)",
        purpose="One sighting, quickly",
        sections=(
            _judged("Size, activity, location, unit, time, equipment", "One line each; times in Zulu."),
            _quoted("Sources", "What was seen, as it was reported."),
        ),
    ),
    "aar": Template(
        title="After-action review",
        purpose="What was planned, what happened, why, what next",
        sections=(
            _judged("What was supposed to happen", "The plan."),
            _quoted("What happened", "What sources report."),
            _judged("Why, and what next", "What to sustain and what to improve."),
        ),
    ),
    "coa": Template(
        title="Comparison of courses of action",
        purpose="Options against criteria, with what would change the choice",
        sections=(
            _judged("Recommendation", "The course that you recommend, and why."),
            _quoted("Evidence", "What the scores rest on."),
            _judged("Risks and assumptions", "What must be true, and what could go wrong."),
        ),
        compares=True,
    ),
}
