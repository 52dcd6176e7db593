"""Entities in a text and relations between them. Offsets count Unicode code points from 0, the end excluded."""

import itertools
import re
import unicodedata
from typing import Annotated, Any, ClassVar

from pydantic import Field, StringConstraints, model_validator

from workbench.tasks.kind import Kind, Model, Result, ShortText, Text, Units, refusal
from workbench.tasks.labels import Label, Labels, check_labels, require_known

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
_JOINING = {"\u200d", "\ufe0e", "\ufe0f"}
_SKIN = range(0x1F3FB, 0x1F400)
_FLAG = range(0x1F1E6, 0x1F200)


class SpansSchema(Model):
    """Labels of spans and of relations.

    Attributes:
        labels: what a span can be.
        relations: what can hold between two spans; none, if empty.
        overlap: whether spans may overlap.
        acyclic: whether relations of one name may form no circle.
    """

    labels: Labels
    relations: Annotated[tuple[Label, ...], Field(max_length=1000)] = ()
    overlap: bool = True
    acyclic: bool = True

    @model_validator(mode="after")
    def _labels_are_in_order(self) -> "SpansSchema":
        check_labels(self.labels)
        check_labels(self.relations, "relations")
        return self


class SpansData(Model):
    """A text in which spans are marked."""

    text: Text
    title: Annotated[str, StringConstraints(max_length=500)] | None = None


class Span(Model):
    """A stretch of text with a label."""

    id: Identifier
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(gt=0)]
    label: ShortText


class Relation(Model):
    """What holds from one span to another."""

    source: Identifier
    target: Identifier
    label: ShortText


class SpansAnswer(Model):
    """All spans and relations of a text; none is an answer too."""

    spans: Annotated[tuple[Span, ...], Field(max_length=5000)] = ()
    relations: Annotated[tuple[Relation, ...], Field(max_length=5000)] = ()


class Spans(Kind[SpansSchema, SpansData, SpansAnswer]):
    """Entities and relations."""

    name: ClassVar[str] = "spans"
    title: ClassVar[str] = "Mark entities and relations"
    schema_model = SpansSchema
    data_model = SpansData
    answer_model = SpansAnswer

    def check(self, schema: SpansSchema, data: SpansData, answer: SpansAnswer) -> None:
        """Spans lie in the text and split no character that a reader sees; relations hold between them."""
        _check_spans(schema, data.text, answer.spans)
        _check_relations(schema, answer)

    def units(self, schema: SpansSchema, data: SpansData, answer: SpansAnswer) -> Units:
        """For each word of the text its label, or that it has none; of overlapping spans the longest counts."""
        found: Units = {}
        spans = sorted(answer.spans, key=lambda span: (span.start - span.end, span.start))
        for number, word in enumerate(re.finditer(r"\w+", data.text)):
            label = next((s.label for s in spans if s.start < word.end() and s.end > word.start()), "")
            found[str(number)] = label
        return found

    def to_results(self, schema: SpansSchema, data: SpansData, answer: SpansAnswer) -> list[Result]:
        """Results of the types ``labels`` and ``relation``; their offsets count UTF-16 units, as JavaScript does."""
        places = _utf16_places(data.text)
        spans: list[Result] = [
            {
                "id": span.id,
                "from_name": "label",
                "to_name": "text",
                "type": "labels",
                "value": {
                    "start": places[span.start],
                    "end": places[span.end],
                    "text": data.text[span.start : span.end],
                    "labels": [span.label],
                },
            }
            for span in answer.spans
        ]
        relations: list[Result] = [
            {
                "type": "relation",
                "from_id": one.source,
                "to_id": one.target,
                "direction": "right",
                "labels": [one.label],
            }
            for one in answer.relations
        ]
        return spans + relations

    def from_results(self, schema: SpansSchema, data: SpansData, results: list[Result]) -> dict[str, Any]:
        """Spans and relations; a span's ``text``, where given, must be what its offsets say."""
        spans, relations = [], []
        for number, result in enumerate(results):
            if result.get("type") == "labels":
                start, end = _code_points(data.text, result["value"], f"result.{number}.value")
                identifier = str(result.get("id", f"s{number}"))
                spans += [
                    {"id": identifier, "start": start, "end": end, "label": label}
                    for label in result["value"]["labels"]
                ]
            elif result.get("type") == "relation":
                source, target = result["from_id"], result["to_id"]
                if result.get("direction") == "left":
                    source, target = target, source
                labels = result.get("labels") or [schema.relations[0].name if schema.relations else ""]
                relations += [{"source": source, "target": target, "label": label} for label in labels]
        return {"spans": spans, "relations": relations}


def _check_spans(schema: SpansSchema, text: str, spans: tuple[Span, ...]) -> None:
    if len({span.id for span in spans}) != len(spans):
        raise refusal("spans: an id stands twice", "each span has an id of its own")
    for number, span in enumerate(spans):
        field = f"spans.{number}"
        require_known(span.label, schema.labels, f"{field}.label")
        if not span.start < span.end <= len(text):
            raise refusal(
                f"{field}: {span.start} to {span.end} of a text of {len(text)} characters",
                "0 <= start < end <= length, counted in Unicode code points",
            )
        for place in (span.start, span.end):
            if _inside_a_character(text, place):
                raise refusal(
                    f"{field}: {place} is inside a character",
                    "a span begins and ends between characters as they are read (Unicode UAX 29)",
                )
    if not schema.overlap:
        ordered = sorted(spans, key=lambda span: span.start)
        for one, other in itertools.pairwise(ordered):
            if other.start < one.end:
                raise refusal(f"spans: {one.id} and {other.id} overlap", "spans of this project do not overlap")


def _check_relations(schema: SpansSchema, answer: SpansAnswer) -> None:
    known = {span.id for span in answer.spans}
    edges: dict[str, dict[str, set[str]]] = {}
    for number, one in enumerate(answer.relations):
        field = f"relations.{number}"
        require_known(one.label, schema.relations, f"{field}.label")
        for end in (one.source, one.target):
            if end not in known:
                raise refusal(f"{field}: there is no span {end!r}", "a relation holds between two spans of the answer")
        if one.source == one.target:
            raise refusal(f"{field}: from {one.source!r} to itself", "a relation holds between two spans")
        targets = edges.setdefault(one.label, {}).setdefault(one.source, set())
        if one.target in targets:
            raise refusal(f"{field}: stands twice", "each relation stands once")
        targets.add(one.target)
    if schema.acyclic:
        for label, graph in edges.items():
            _refuse_circle(label, graph)


def _refuse_circle(label: str, graph: dict[str, set[str]]) -> None:
    incoming: dict[str, int] = dict.fromkeys(graph, 0)
    for targets in graph.values():
        for target in targets:
            incoming[target] = incoming.get(target, 0) + 1
    free = [node for node, count in incoming.items() if count == 0]
    while free:
        node = free.pop()
        del incoming[node]
        for target in graph.get(node, ()):
            incoming[target] -= 1
            if incoming[target] == 0:
                free.append(target)
    if incoming:
        raise refusal(
            f"relations: {label!r} goes in a circle through {', '.join(sorted(incoming)[:5])}",
            "relations of one name form no circle in this project",
        )


def _inside_a_character(text: str, place: int) -> bool:
    """Whether ``place`` lies between code points that are shown as one character (the common rules of UAX 29)."""
    if place in (0, len(text)):
        return False
    before, after = text[place - 1], text[place]
    if unicodedata.combining(after) or after in _JOINING or before == "\u200d" or ord(after) in _SKIN:
        return True
    if before == "\r" and after == "\n":
        return True
    run = 0
    while place - 1 - run >= 0 and ord(text[place - 1 - run]) in _FLAG:
        run += 1
    return ord(after) in _FLAG and run % 2 == 1


def _utf16_places(text: str) -> list[int]:
    """For each offset in code points, the same in UTF-16 units."""
    return [0, *itertools.accumulate(1 + (ord(character) > 0xFFFF) for character in text)]


def _code_points(text: str, value: dict[str, Any], field: str) -> tuple[int, int]:
    """Offsets of Label Studio in code points: UTF-16 units, unless the span's own text says code points."""
    start, end, quoted = value["start"], value["end"], value.get("text")
    if not isinstance(start, int) or not isinstance(end, int):
        raise refusal(f"{field}: start and end are no numbers", "offsets are integers", "correct the file")
    places = {place: number for number, place in enumerate(_utf16_places(text))}
    readings = [(places.get(start, -1), places.get(end, -1)), (start, end)]
    for first, last in readings:
        if first >= 0 and last >= 0 and (quoted is None or text[first:last] == quoted):
            return first, last
    raise refusal(
        f"{field}: {start} to {end} is not the text that it quotes",
        "the text of a span is what its offsets say",
        "export again from the program that made the file",
    )
