"""Every kind of task: what is accepted, what is refused and why, and that Label Studio's JSON comes back as it went."""

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import ApplianceError
from images.labeling.app.models import NewProject
from tests.kinds import KINDS as EXAMPLES
from tests.kinds import TEXT, png
from workbench.exchange import formats_of, studio
from workbench.exchange.record import Given, Project, Record
from workbench.tasks import KINDS, kind_of
from workbench.tasks.kind import AnyKind
from workbench.templates import TEMPLATES


def parts(name: str) -> tuple[AnyKind, Any, Any]:
    kind = kind_of(name)
    return kind, kind.read_schema(EXAMPLES[name]["schema"]), kind.read_data(EXAMPLES[name]["data"])


def record(name: str, **values: Any) -> Record:
    kind, schema, data = parts(name)
    given_answers = tuple(
        Given(who, kind.read_answer(schema, data, value).model_dump(mode="json"), "2026-01-01T00:00:00+00:00")
        for who, value in zip(("ann", "bob"), EXAMPLES[name]["answers"], strict=True)
    )
    fields: dict[str, Any] = {
        "id": "11111111-1111-4111-8111-111111111111",
        "marking": "S//REL TO USA, GBR",
        "groups": ("falcon",),
        "data": data.model_dump(mode="json", exclude_none=True),
        "source": {},
        "answers": given_answers,
    }
    return Record(**fields | values)


def test_every_kind_has_an_example_and_a_place_in_the_interface() -> None:
    assert set(KINDS) == set(EXAMPLES) == set(get_args(NewProject.model_fields["kind"].annotation))


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_a_template_is_a_project(template: Any) -> None:
    kind_of(template.kind).read_schema(template.schema_)


@pytest.mark.parametrize("name", KINDS)
def test_units_say_where_two_answers_differ(name: str) -> None:
    kind, schema, data = parts(name)
    one, other = (kind.units(schema, data, kind.read_answer(schema, data, a)) for a in EXAMPLES[name]["answers"])
    assert one != other
    assert one == kind.units(schema, data, kind.read_answer(schema, data, EXAMPLES[name]["answers"][0]))


@pytest.mark.parametrize("name", KINDS)
def test_answers_survive_label_studio_s_json(name: str) -> None:
    kind, schema, data = parts(name)
    for value in EXAMPLES[name]["answers"]:
        answer = kind.read_answer(schema, data, value)
        results = json.loads(json.dumps(kind.to_results(schema, data, answer)))
        back = kind.read_answer(schema, data, kind.from_results(schema, data, results))
        if name == "geometry":  # per cent and back: to a millionth of a pixel
            for one, other in zip(answer.shapes, back.shapes, strict=True):
                assert [x for point in one.points for x in point] == pytest.approx(
                    [x for point in other.points for x in point]
                )
        else:
            assert back == answer


@pytest.mark.parametrize("name", KINDS)
def test_a_file_of_label_studio_comes_back_whole(name: str) -> None:
    kind, schema, data = parts(name)
    results = [kind.to_results(schema, data, kind.read_answer(schema, data, v)) for v in EXAMPLES[name]["answers"]]
    task = {
        "id": 7,
        "data": kind.data_to_label_studio(data) | {"unknown": {"x": 1}, "marking": "U"},
        "meta": {"batch": 3},
        "predictions": [{"model_version": "m", "result": []}],
        "annotations": [
            {"id": n, "completed_by": {"email": f"{n}@x"}, "lead_time": 1.5, "result": result, "unknown": [n]}
            for n, result in enumerate(results)
        ],
    }
    read = studio.read(kind, schema, json.loads(json.dumps(task)), "0")
    kept = record(name, source=read.source, answers=read.answers, data=read.data, marking="U", groups=())
    project = Project("p", "n", "SECRET", name, EXAMPLES[name]["schema"])
    (back,) = json.loads("".join(studio.write(project, [kept])))
    assert back == task


@pytest.mark.parametrize("name", KINDS)
def test_every_format_carries_the_marking_of_each_record(name: str) -> None:
    project = Project("p", "Project", "SECRET//REL TO USA, GBR", name, EXAMPLES[name]["schema"])
    decided = {"adjudicator": "cal", "value": EXAMPLES[name]["answers"][0], "reason": "r", "created": "2026-01-02"}
    for form in formats_of(name).values():
        text = "".join(form.write(project, [record(name, adjudication=decided)]))
        assert "S//REL TO USA, GBR" in text, form.title
        assert "falcon" in text, form.title


def test_words_of_conll_have_their_tags() -> None:
    project = Project("p", "n", "U", "spans", EXAMPLES["spans"]["schema"])
    decided = {"adjudicator": "cal", "value": EXAMPLES["spans"]["answers"][0], "reason": "r", "created": "2026-01-02"}
    text = "".join(formats_of("spans")["conll"].write(project, [record("spans", adjudication=decided)]))
    assert "Captain\tO\nAda\tB-Person\nByron\tI-Person\nleft\tO\n" in text
    assert "Iris\tB-Vessel\n" in text


def test_coco_has_boxes_in_pixels() -> None:
    project = Project("p", "n", "U", "geometry", EXAMPLES["geometry"]["schema"])
    value = {"shapes": [{"id": "a", "form": "box", "label": "Other", "points": [[5, 6], [20, 16]]}]}
    decided = {"adjudicator": "cal", "value": value, "reason": "r", "created": "2026-01-02"}
    form = formats_of("geometry")["coco"]
    document = json.loads("".join(form.write(project, [record("geometry", adjudication=decided)])))
    (found,) = document["annotations"]
    assert (found["bbox"], found["area"], found["category_id"]) == ([5, 6, 15, 10], 150, 2)
    assert (document["images"][0]["width"], document["images"][0]["height"]) == (60, 40)


def test_preference_pairs_leave_ties_and_disputes_out() -> None:
    form = formats_of("pairwise")["preference"]
    project = Project("p", "n", "U", "pairwise", {})
    data = EXAMPLES["pairwise"]["data"]
    agreed = [Given(who, {"choice": "b"}, "") for who in "ab"]
    tied = [Given(who, {"choice": "tie"}, "") for who in "ab"]
    rows = [record("pairwise"), record("pairwise", answers=tuple(tied)), record("pairwise", answers=tuple(agreed))]
    (line,) = [json.loads(line) for line in "".join(form.write(project, rows)).splitlines()]
    assert (line["chosen"], line["rejected"]) == (data["answers"][1], data["answers"][0])


def span(start: int, end: int, label: str = "Person", identifier: str = "s0") -> dict[str, Any]:
    return {"id": identifier, "start": start, "end": end, "label": label}


def related(*pairs: tuple[str, str]) -> dict[str, Any]:
    relations = [{"source": source, "target": target, "label": "located at"} for source, target in pairs]
    return {"spans": [span(0, 3), span(4, 6, identifier="s1")], "relations": relations}


def drawn(form: str, *points: list[int]) -> dict[str, Any]:
    return {"shapes": [{"id": "a", "form": form, "label": "Cargo", "points": list(points)}]}


SHIP = TEXT.index("🚢")


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("classification", {"labels": []}, "exactly one"),
        ("classification", {"labels": ["Weather", "Other"]}, "exactly one"),
        ("classification", {"labels": ["Nonsense"]}, "no label of this project"),
        ("spans", {"spans": [span(5, 5)]}, "start < end"),
        ("spans", {"spans": [span(0, len(TEXT) + 1)]}, "start < end"),
        ("spans", {"spans": [span(0, 3), span(4, 6)]}, "an id of its own"),
        ("spans", {"spans": [span(0, 3, "Ghost")]}, "no label"),
        (
            "spans",
            {"spans": [span(0, 3)], "relations": [{"source": "s0", "target": "s0", "label": "located at"}]},
            "itself",
        ),
        (
            "spans",
            {"spans": [span(0, 3)], "relations": [{"source": "s0", "target": "x", "label": "located at"}]},
            "no span",
        ),
        ("spans", related(("s0", "s1"), ("s1", "s0")), "in a circle"),
        ("spans", related(("s0", "s1"), ("s0", "s1")), "stands twice"),
        ("pairwise", {"choice": "c"}, "value.choice"),
        ("ranking", {"order": [0, 0, 1]}, "stands once"),
        ("ranking", {"order": [0, 1]}, "stands once"),
        ("rating", {"scores": {"Correct": 9, "Clear": 1}}, "1 to 5"),
        ("rating", {"scores": {"Correct": 1}}, "each criterion"),
        ("rating", {"scores": {"Correct": 1, "Clear": 1, "Odd": 1}}, "no criterion"),
        ("writing", {"text": "  "}, "characters"),
        ("chat", {"turns": {"0": "Harmless", "1": "Harmless"}}, "turns.0"),
        ("chat", {"turns": {}}, "turns.1"),
        (
            "geometry",
            drawn("box", [9, 9], [5, 12]),
            "empty box",
        ),
        ("geometry", drawn("point", [99, 9]), "in the image"),
        (
            "geometry",
            {"shapes": [{"id": "a", "form": "polygon", "label": "Cargo", "points": [[0, 0], [9, 9], [9, 0], [0, 9]]}]},
            "crosses itself",
        ),
        (
            "geometry",
            drawn("polygon", [0, 0], [9, 9]),
            "3 to 1000",
        ),
        (
            "geometry",
            {"shapes": [{"id": "a", "form": "line", "label": "Cargo", "points": [[0, 0], [9, 9]], "rotation": 5}]},
            "box alone",
        ),
    ],
)
def test_an_impossible_answer_is_refused_with_its_reason(name: str, value: dict[str, Any], word: str) -> None:
    kind, schema, data = parts(name)
    with pytest.raises(ApplianceError) as refused:
        kind.read_answer(schema, data, value)
    assert word in f"{refused.value.message} {refused.value.rule}"
    assert refused.value.rule


@pytest.mark.parametrize(
    ("text", "place"),
    [("a👩‍🚀b", 2), ("a👩‍🚀b", 3), ("n\u0303o", 1), ("🇩🇪🇫🇷", 1), ("🇩🇪🇫🇷", 3), ("👍🏽!", 1), ("a\r\nb", 2), ("❤️", 1)],
)
def test_a_span_does_not_begin_inside_a_character(text: str, place: int) -> None:
    kind = kind_of("spans")
    schema, data = kind.read_schema(EXAMPLES["spans"]["schema"]), kind.read_data({"text": text})
    with pytest.raises(ApplianceError, match="inside a character"):
        kind.read_answer(schema, data, {"spans": [span(place, len(text))]})


def test_offsets_of_label_studio_count_utf_16_units() -> None:
    kind, schema, data = parts("spans")
    (result,) = kind.to_results(schema, data, kind.read_answer(schema, data, {"spans": [span(42, 46, "Vessel")]}))
    assert (result["value"]["start"], result["value"]["end"], result["value"]["text"]) == (43, 47, "Iris")
    assert TEXT[SHIP] == "🚢"
    lying = [{"id": "a", "type": "labels", "value": {"start": 0, "end": 4, "text": "Iris", "labels": ["Vessel"]}}]
    with pytest.raises(ApplianceError, match="quotes"):
        kind.from_results(schema, data, lying)


@given(st.text(min_size=1, max_size=30), st.data())
def test_any_span_that_is_accepted_comes_back_from_label_studio_s_json(text: str, drawn: st.DataObject) -> None:
    kind = kind_of("spans")
    schema, data = kind.read_schema(EXAMPLES["spans"]["schema"]), kind.read_data({"text": text})
    start = drawn.draw(st.integers(0, len(text) - 1))
    end = drawn.draw(st.integers(start + 1, len(text)))
    try:
        answer = kind.read_answer(schema, data, {"spans": [span(start, end)]})
    except ApplianceError:
        return
    assert (
        kind.read_answer(schema, data, kind.from_results(schema, data, kind.to_results(schema, data, answer))) == answer
    )


@pytest.mark.parametrize(
    ("name", "schema", "word"),
    [
        ("classification", {"labels": []}, "labels"),
        ("classification", {"labels": [{"name": "a"}, {"name": "a"}]}, "twice"),
        ("classification", {"labels": [{"name": "a", "parent": "b"}]}, "not among them"),
        ("classification", {"labels": [{"name": "a", "parent": "b"}, {"name": "b", "parent": "a"}]}, "above itself"),
        ("classification", {"labels": [{"name": "a", "key": "x"}, {"name": "b", "key": "x"}]}, "key"),
        ("classification", {"labels": [{"name": str(n)} for n in range(10_001)]}, "10000"),
        ("rating", {"criteria": [{"name": "a", "low": 5, "high": 1}]}, "below"),
        ("pairwise", {"unknown": 1}, "unknown"),
    ],
)
def test_a_schema_that_cannot_be_is_refused(name: str, schema: dict[str, Any], word: str) -> None:
    with pytest.raises(ApplianceError, match=word):
        kind_of(name).read_schema(schema)


def test_ten_thousand_classes_are_a_schema_and_the_finest_is_chosen() -> None:
    kind = kind_of("classification")
    labels = [{"name": str(n), "parent": str(n // 10)} if n else {"name": "0"} for n in range(10_000)]
    schema, data = kind.read_schema({"labels": labels}), kind.read_data({"text": "x"})
    kind.read_answer(schema, data, {"labels": ["9999"]})
    with pytest.raises(ApplianceError, match="classes below it"):
        kind.read_answer(schema, data, {"labels": ["5"]})


@pytest.mark.parametrize(
    "image", ["", "x" * 80, "data:image/png;base64,AAAA", png(1, 1)[:30], "/9j/4AAQSkZJRg" + "A" * 60]
)
def test_what_is_no_png_is_no_image(image: str) -> None:
    with pytest.raises(ApplianceError, match="image"):
        kind_of("geometry").read_data({"image": image})


SCENE = {
    "scene": {"file": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "name": "harbour.ntf", "number": 1},
    "width": 300,
    "height": 200,
}


def test_a_turned_box_may_be_cut_off_by_the_edge_but_lies_in_the_image() -> None:
    kind, schema, _ = parts("geometry")
    data = kind.read_data(SCENE)

    def box(points: list[list[float]], rotation: float) -> dict[str, Any]:
        return {"shapes": [{"id": "s", "form": "box", "label": "Cargo", "points": points, "rotation": rotation}]}

    kind.read_answer(schema, data, box([[290, 20], [340, 30]], 90))  # its unturned corner alone lies outside
    kind.read_answer(schema, data, box([[280, 20], [310, 30]], 20))  # cut off by the edge
    refused: list[tuple[list[list[float]], float]] = [
        ([[290, 20], [340, 30]], 0.0),
        ([[290, 20], [340, 30]], 5.0),  # its middle lies outside
        ([[0, 0], [900, 1]], 45.0),
        ([[0, 0], [float("inf"), 1]], 45.0),
    ]
    for points, rotation in refused:
        with pytest.raises(ApplianceError, match="shapes"):
            kind.read_answer(schema, data, box(points, rotation))


@pytest.mark.parametrize("data", [{}, {**SCENE, "image": png()}, {"scene": {**SCENE["scene"], "name": ""}}])  # type: ignore[dict-item]
def test_a_task_of_shapes_shows_one_image(data: dict[str, Any]) -> None:
    with pytest.raises(ApplianceError, match=r"image|scene"):
        kind_of("geometry").read_data(data)


def test_a_size_that_the_header_does_not_say_is_not_believed() -> None:
    data = kind_of("geometry").read_data({"image": png(60, 40), "width": 6000, "height": 1})
    assert (data.width, data.height) == (60, 40)
