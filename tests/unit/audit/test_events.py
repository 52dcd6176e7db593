"""Events are whole OCSF, begin with their label, and refuse what an officer could not see."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from appliance.audit import bodies, events, forms
from appliance.audit.events import Call, Entity, EventError, Lineage, Scope, Verdict

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
def test_every_kind_of_event_is_taken_by_the_log_and_read_back(event: events.Event) -> None:
    label, body = event.record()
    bodies.check(label, body)
    assert events.read(body) == event
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
    shown = events.printable(text)
    event = events.decision(SCOPE, "analyst", Call(method="GET", path=shown, action="read"), ALLOWED)
    assert len(shown) <= 1024
    bodies.check(*event.record())


def test_bytes_that_are_no_event_are_refused() -> None:
    for body in (b"", b"{}", b'{"label":"U;;*"}', b"\xff"):
        with pytest.raises(EventError):
            events.read(body)


def test_cef_cannot_be_broken_by_what_people_wrote() -> None:
    call = Call(method="GET", path="/a|b\\c=d act=allowed", action="read|x")
    line = forms.cef(events.decision(SCOPE, "a|b=c", call, DENIED), 7)
    head, _, extension = line.partition("rt=")
    assert head.count("|") - head.count("\\|") == 7
    assert "suser=a|b\\=c " in extension
    assert "request=/a|b\\\\c\\=d act\\=allowed " in extension


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.message)
def test_every_kind_of_event_has_a_line_of_cef_and_of_ecs(event: events.Event) -> None:
    assert f"rt={event.time}" in forms.cef(event, 1)
    assert json.loads(forms.ecs(event, 1))["user"]["name"] == event.subject
