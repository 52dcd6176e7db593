"""Laws of changing classes: what was said is mapped and never lost, and a change that is taken back was never there."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import ApplianceError
from workbench.ontology.changes import Change, Merge, Relabel, Rename, Split, apply, mapped, mapped_back, moved
from workbench.ontology.history import Entry, moves_since, standing
from workbench.ontology.values import KINDS, classes_in, in_classes_of_today
from workbench.quality.agreement import cohen
from workbench.tasks import kind_of
from workbench.tasks.labels import Label, check_labels, leaves

NAMES = [f"class {number}" for number in range(12)]


def rename(label: str, to: str) -> Rename:
    return Rename(change="rename", label=label, to=to)


def merge(labels: Sequence[str], into: str) -> Merge:
    return Merge(change="merge", labels=tuple(labels), into=into)


def split(label: str, *into: str) -> Split:
    return Split(change="split", label=label, into=into)


def relabel(label: str, to: str) -> Relabel:
    return Relabel(change="relabel", label=label, to=to)


@st.composite
def trees(draw: st.DrawFn) -> tuple[Label, ...]:
    """Classes, each below one before it or below none."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=2, max_size=8))
    return tuple(
        Label(name=name, parent=draw(st.sampled_from([None, *names[:place]])) if place else None)
        for place, name in enumerate(names)
    )


def changes_of(names: Sequence[str]) -> st.SearchStrategy[Change]:
    known, any_name = st.sampled_from(list(names)), st.sampled_from(NAMES)
    return st.one_of(
        st.builds(rename, known, any_name),
        st.builds(merge, st.lists(known, min_size=1, max_size=4, unique=True), any_name),
        st.builds(lambda label, into: split(label, *into), known, st.lists(any_name, min_size=2, max_size=3)),
        st.builds(relabel, known, known),
    )


@st.composite
def changed(draw: st.DrawFn) -> tuple[tuple[Label, ...], tuple[Change, ...], tuple[Label, ...]]:
    """Classes, changes that are possible, and the classes after them."""
    before = after = draw(trees())
    done: list[Change] = []
    for _ in range(draw(st.integers(1, 4))):
        change = draw(changes_of([label.name for label in after]))
        try:
            after = apply(after, [change], finest=True)
        except ApplianceError:
            continue
        done.append(change)
    return before, tuple(done), after


@given(changed())
def test_whatever_could_be_said_has_a_class_after_a_change_or_asks_a_person(
    found: tuple[tuple[Label, ...], tuple[Change, ...], tuple[Label, ...]],
) -> None:
    before, changes, after = found
    check_labels(after)
    given_before, given_after = ({one.name for one in leaves(labels)} for labels in (before, after))
    moves, way_back = mapped(changes), mapped_back(changes)
    for name in given_before:
        assert moved(moves, name) in {*given_after, None}, (name, changes)
    for name in {one.name for one in after}:
        assert moved(way_back, name) in {*(one.name for one in before), None}, (name, changes)


@given(changed(), st.integers(0, 3))
def test_a_change_that_is_taken_back_was_never_there(
    found: tuple[tuple[Label, ...], tuple[Change, ...], tuple[Label, ...]], since: int
) -> None:
    before, changes, _ = found
    entries = [Entry(number=number + 1, changes=(change,)) for number, change in enumerate(changes)]
    history = list(entries)
    for entry in reversed(entries):
        history.append(Entry(number=len(history) + 1, changes=entry.changes, undoes=entry.number))
    assert standing(history) == []
    assert all(moved(moves_since(history, 0), label.name) == label.name for label in before)
    # What was said in the middle comes out the same, whether the changes after it were taken back or never made.
    since = min(since, len(entries))
    middle = [entry for entry in entries if entry.number <= since]
    shorter = list(middle)
    for entry in reversed(middle):
        shorter.append(Entry(number=len(shorter) + 1, changes=entry.changes, undoes=entry.number))
    for name in NAMES:
        assert moved(moves_since(history, since), name) == moved(moves_since(shorter, since), name)


@given(trees(), st.data())
def test_rename_then_undo_is_the_identity_for_all_that_was_said(labels: tuple[Label, ...], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([label.name for label in labels]))
    change = rename(name, "another name")
    after = apply(labels, [change], finest=True)
    assert apply(after, [rename("another name", name)], finest=True) == labels
    history = [Entry(number=1, changes=(change,)), Entry(number=2, changes=(change,), undoes=1)]
    for label in labels:
        assert moved(moves_since(history, 0), label.name) == label.name, "said before"
    for old, new in zip(labels, after, strict=True):
        assert moved(moves_since(history, 1), new.name) == old.name, "said in between"


ANSWERS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=6, unique=True)


@given(ANSWERS, st.lists(st.sampled_from(NAMES), min_size=1, max_size=8, unique=True), st.sampled_from(sorted(KINDS)))
def test_a_merge_loses_no_answer(classes: list[str], merged: list[str], kind: str) -> None:
    values: dict[str, dict[str, Any]] = {
        "classification": {"labels": classes},
        "spans": {
            "spans": [{"id": f"s{n}", "start": n, "end": n + 1, "label": name} for n, name in enumerate(classes)],
            "relations": [],
        },
        "geometry": {
            "shapes": [
                {"id": f"s{n}", "form": "point", "label": name, "points": [[n, n]]} for n, name in enumerate(classes)
            ]
        },
        "chat": {"turns": {str(number): name for number, name in enumerate(classes)}, "comment": "so"},
    }  # fmt: skip
    moves = mapped([merge(merged, "one")])
    today = in_classes_of_today(kind, values[kind], moves)
    assert today is not None
    kind_of(kind).answer_model.model_validate(today)
    assert set(classes_in(kind, today)) == {"one" if name in merged else name for name in classes}
    if kind != "classification":
        assert len(classes_in(kind, today)) == len(classes), "each span, shape and turn is still there"
    assert in_classes_of_today(kind, values[kind], {}) == values[kind]


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), min_size=2, max_size=30))
def test_agreement_is_that_of_the_mapped_classes(pairs: list[tuple[str, str]]) -> None:
    """People who differ only between classes that were merged agree; a rename changes no agreement."""
    moves = mapped([merge(NAMES[:6], "low"), merge(NAMES[6:], "high")])
    today = [(str(moved(moves, one)), str(moved(moves, other))) for one, other in pairs]
    same = [one == other for one, other in today]
    assert same == [(one in NAMES[:6]) == (other in NAMES[:6]) for one, other in pairs]
    renamed = mapped([rename(name, f"new {name}") for name in NAMES])
    other = [(str(moved(renamed, one)), str(moved(renamed, other))) for one, other in pairs]
    assert cohen(list(other)) == pytest.approx(cohen(list(pairs)), nan_ok=True)


TREE = tuple(
    Label(name=name, parent=parent)
    for name, parent in [
        ("Vessel", None),
        ("Cargo", "Vessel"),
        ("Tanker", "Vessel"),
        ("Oil", "Tanker"),
        ("Other", None),
    ]
)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (rename("None", "X"), "is no class of this project"),
        (rename("Cargo", "Tanker"), "is a class already"),
        (rename("Cargo", "two\nlines"), "cannot be read"),
        (rename("Cargo", "hidden\u200b"), "cannot be read"),
        (merge(["Vessel"], "Oil"), "is above itself"),
        (merge(["Other"], "Tanker"), "has classes below it"),
        (merge(["Other", "None"], "Tanker"), "is no class of this project"),
        (split("Vessel", "A", "B"), "has classes below it"),
        (split("Cargo", "Other", "B"), "is a class already"),
        (split("Cargo", "B", "B"), "stands twice"),
        (relabel("Cargo", "Tanker"), "has classes below it"),
        (relabel("Cargo", "None"), "is no class of this project"),
    ],
)
def test_what_is_not_possible_is_refused(change: Change, said: str) -> None:
    with pytest.raises(ApplianceError, match=said) as refused:
        apply(TREE, [rename("Oil", "Oil tanker"), rename("Oil tanker", "Oil"), change], finest=True)
    assert refused.value.message.startswith("changes.2")
    assert refused.value.rule


def test_changes_one_after_another_go_in_no_circle() -> None:
    swap = [rename("Cargo", "x"), rename("Other", "Cargo"), rename("x", "Other")]
    assert [label.name for label in apply(TREE, swap, finest=True)] == ["Vessel", "Other", "Tanker", "Oil", "Cargo"]
    assert mapped(swap)["Cargo"] == "Other"
    assert mapped(swap)["Other"] == "Cargo"
    there_and_back = mapped([relabel("Cargo", "Other"), relabel("Other", "Cargo")])
    assert {moved(there_and_back, name) for name in ("Cargo", "Other")} == {"Cargo"}


def test_a_class_that_is_split_and_keeps_its_name_asks_about_what_was_said_before() -> None:
    change = split("Cargo", "Cargo", "Container")
    after = apply(TREE, [change], finest=True)
    assert [label.name for label in after if label.parent == "Vessel"] == ["Cargo", "Container", "Tanker"]
    history = [Entry(number=1, changes=(change,))]
    assert moved(moves_since(history, 0), "Cargo") is None
    assert moved(moves_since(history, 1), "Cargo") == "Cargo"
    history.append(Entry(number=2, changes=(change,), undoes=1))
    assert {moved(moves_since(history, 1), name) for name in ("Cargo", "Container")} == {"Cargo"}


def test_ten_thousand_classes_become_one() -> None:
    labels = [Label(name=f"class {number}") for number in range(10_000)]
    change = merge([label.name for label in labels], "all")
    assert [label.name for label in apply(labels, [change], finest=True)] == ["all"]
    with pytest.raises(ApplianceError, match="10001 classes"):
        apply(labels, [split("class 0", "a", "b")], finest=True)
