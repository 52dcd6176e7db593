"""Events are whole OCSF, begin with their label, and refuse what an officer could not see."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue, ValidationError

from appliance.audit.events import kinds as events
from appliance.audit.events import ocsf, schema
from appliance.audit.events.classes import CLASSES
from appliance.audit.events.kinds import Call, Entity, Lineage, Scope, Verdict
from appliance.audit.events.ocsf import Event
from appliance.audit.events.schema import EventError
from appliance.audit.events.text import printable
from appliance.audit.log import bodies
from appliance.audit.log.tiles import LogError

SCOPE = Scope(label="S;;GBR,USA", enclave="secret", service="labeling", request="0" * 32)
ALLOWED = Verdict(allowed=True, rule="dominance", policy="sha256:" + "a" * 64)
DENIED = Verdict(
    allowed=False, rule="dominance", policy="sha256:" + "a" * 64, reason="the label is above the clearance"
)
CALL = Call(method="GET", path="/labeling/api/tasks", action="read")
IMAGE = Entity(kind="image", name="labeling", digest="sha256:" + "b" * 64)
LINEAGE = Lineage(inputs=("sha256:" + "c" * 64,), outputs=("sha256:" + "d" * 64,))
EVENTS = [
    events.decision(SCOPE, "analyst", CALL, ALLOWED),
    events.decision(SCOPE, "analyst", CALL, DENIED, workload="service:evaluation"),
    events.session(SCOPE, "analyst", "S;;GBR,USA", ALLOWED),
    events.session(SCOPE, "analyst", "S;;GBR,USA", ALLOWED, opened=False),
    events.configuration(SCOPE, "officer", "load", Entity(kind="policy", name="access", digest="e" * 64), ALLOWED),
    events.admission(SCOPE, "secret_labeling_1", IMAGE, DENIED),
    events.inference(SCOPE, "analyst", Entity(kind="model", name="smollm2"), LINEAGE, detail={"tokens": 12}),
    events.activity(SCOPE, "officer", "certificate.sign", LINEAGE, detail={"job": "j1", "samples": 100}),
    events.activity(SCOPE, "annotator", "records.export", LINEAGE),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.message)
def test_every_kind_of_event_is_taken_by_the_log_and_read_back(event: Event) -> None:
    label, body = event.record()
    bodies.check(label, body)
    assert ocsf.read(body).model_dump() == event.model_dump()
    plain = json.loads(body)
    assert plain["type_uid"] == plain["class_uid"] * 100 + plain["activity_id"]
    assert plain["category_uid"] == plain["class_uid"] // 1000
    assert next(iter(plain)) == "label"


def test_a_denial_says_who_what_where_and_by_which_rule() -> None:
    event = EVENTS[1]
    assert (event.subject, event.decision, event.activity) == ("analyst", "denied", "read")
    assert (event.policy.name, event.policy.uid) == ("dominance", DENIED.policy) if event.policy else False
    assert (event.unmapped.enclave, event.unmapped.reason) == ("secret", DENIED.reason)
    assert event.metadata.correlation_uid == SCOPE.request


@pytest.mark.parametrize("text", ["a\nb", "a\x1b[2Jb", "a\x7f", "a\u202eb", "a\u2028b", "a\u200bb", "", "x" * 257])
def test_a_name_nobody_can_read_is_refused(text: str) -> None:
    with pytest.raises(EventError, match="name"):
        events.decision(SCOPE, text, CALL, ALLOWED)


@pytest.mark.parametrize("detail", [{"a": "\n"}, {"a": [{"b": "\u202e"}]}, {"a\x00": 1}])
def test_detail_is_searched_to_its_bottom(detail: dict[str, JsonValue]) -> None:
    with pytest.raises(EventError, match="detail"):
        events.activity(SCOPE, "officer", "records.export", detail=detail)


@given(st.text(max_size=2000))
def test_untrusted_text_made_printable_can_always_be_recorded(text: str) -> None:
    shown = printable(text)
    event = events.decision(SCOPE, "analyst", Call(method="GET", path=shown, action="read"), ALLOWED)
    assert len(shown) <= 1024
    bodies.check(*event.record())


def test_bytes_that_are_no_event_are_refused() -> None:
    for body in (b"", b"{}", b'{"label":"U;;*"}', b"\xff"):
        with pytest.raises(EventError):
            ocsf.read(body)


def test_a_method_nobody_knows_is_recorded_too() -> None:
    event = events.decision(SCOPE, "analyst", Call(method="BREW", path="/x", action="request"), DENIED)
    event.record()
    assert event.request == "BREW /x"


GOOD = json.loads(EVENTS[0].record()[1])
BAD: dict[str, tuple[bytes, str]] = {
    "missing label": (json.dumps({k: v for k, v in GOOD.items() if k != "label"}).encode(), "label"),
    "missing actor": (json.dumps({k: v for k, v in GOOD.items() if k != "actor"}).encode(), "actor"),
    "unknown class": (json.dumps(GOOD | {"class_uid": 6099}).encode(), "no known class"),
    "no class": (b'{"label":"U;;*"}', "no known class"),
    "unknown activity": (json.dumps(GOOD | {"activity_id": 7}).encode(), "activity_id"),
    "type of another class": (json.dumps(GOOD | {"type_uid": 600399}).encode(), "type_uid"),
    "severity out of range": (json.dumps(GOOD | {"severity_id": 7}).encode(), "severity_id"),
    "unknown attribute": (json.dumps(GOOD | {"extra": 1}).encode(), "extra"),
    "invalid UTF-8": (EVENTS[0].record()[1].replace(b"analyst", b"anal\xff"), "not UTF-8"),
    "no JSON": (b'{"label":"U;;*",', "not JSON"),
    "nested without end": (b"[" * 60_000, "not JSON"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_ocsf_event_is_refused_and_the_field_named(kind: str) -> None:
    body, problem = BAD[kind]
    with pytest.raises(EventError, match=problem):
        schema.check(body)


def _places(value: JsonValue) -> list[tuple[str, ...]]:
    """The path of every attribute below ``value``."""
    if not isinstance(value, dict):
        return []
    return [(name, *rest) for name, below in value.items() for rest in [(), *_places(below)]]


EVERY_NAME = sorted(
    set(ocsf.Event.model_fields) | {place[-1] for event in EVENTS for place in _places(event.model_dump(mode="json"))}
)
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 100)
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from(["GET", "host"]),
    lambda below: st.lists(below, max_size=2) | st.dictionaries(st.sampled_from(EVERY_NAME), below, max_size=2),
    max_leaves=3,
)


@given(st.sampled_from(EVENTS), st.data())
def test_what_the_type_of_a_class_takes_is_ocsf(event: Event, data: st.DataObject) -> None:
    """However an event is changed: its type refuses it, or OCSF's own definition takes it."""
    changed = event.model_dump(mode="json", exclude_none=True)
    for _ in range(data.draw(st.integers(1, 3))):
        *path, name = data.draw(st.sampled_from(_places(changed)))
        inner = changed
        for step in path:
            inner = inner[step]
        name = data.draw(st.just(name) | st.sampled_from(EVERY_NAME))
        if data.draw(st.booleans()):
            inner[name] = data.draw(ANYTHING)
        else:
            inner.pop(name, None)
    try:
        _, body = CLASSES[event.class_uid].model_validate(changed).record()
    except (ValidationError, EventError):
        return
    schema.check(body)


def test_the_types_and_the_definitions_are_of_the_same_classes() -> None:
    assert {number: schema.CLASSES[number].replace("_", "") for number in CLASSES} == {
        number: kind.__name__.lower() for number, kind in CLASSES.items()
    }


def test_an_event_over_64_kib_is_refused() -> None:
    detail: dict[str, JsonValue] = {f"k{n}": "x" * 200 for n in range(400)}
    label, body = events.activity(SCOPE, "officer", "records.export", detail=detail).record()
    with pytest.raises(LogError, match="the event has"):
        bodies.check(label, body)
