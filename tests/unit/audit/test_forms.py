"""CEF and ECS: the map in docs/audit-export.md is complete, and says what the lines have."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import appliance.audit
from appliance.audit.events import forms
from appliance.audit.events import kinds as events
from appliance.audit.events.kinds import Call
from appliance.audit.events.ocsf import Event
from tests.unit.audit.test_events import DENIED, EVENTS, SCOPE

ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in Path("docs/audit-export.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| OCSF")
]
SCHEMAS = sorted((Path(appliance.audit.__file__).parent / "schemas").glob("*.json"))


def leaves(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Paths of all attributes in a JSON schema that are no objects."""
    inner = schema.get("items", schema)
    if "properties" not in inner:
        yield path
    for name, part in inner.get("properties", {}).items():
        yield from leaves(part, f"{path}.{name}".strip("."))


def keys(value: dict[str, Any], path: str = "") -> Iterator[str]:
    """Paths of all values in nested objects."""
    for name, part in value.items():
        yield from keys(part, f"{path}{name}.") if isinstance(part, dict) else [path + name]


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda path: path.stem)
def test_every_attribute_that_can_be_recorded_is_in_the_map(schema: Path) -> None:
    mapped = re.findall(r"[a-z_0-9.]+", " ".join(row[0] for row in ROWS))
    for leaf in leaves(json.loads(schema.read_text())):
        if leaf != "unmapped":
            assert leaf in mapped or leaf.split(".")[0] in mapped, leaf


def test_the_map_names_the_fields_of_the_lines_and_no_others() -> None:
    cef: set[str] = set()
    ecs: set[str] = set()
    for event in EVENTS:
        cef |= set(re.findall(r"(?:^|\s)([A-Za-z0-9]+)=", forms.cef(event, 1).split("|")[-1]))
        ecs |= set(keys(json.loads(forms.ecs(event, 1))))
    named = " ".join(row[1] for row in ROWS)
    assert {key for key in cef if not re.search(rf"\b{key}\b", named)} == set()
    written = {
        word for row in ROWS for word in re.findall(r"\b(?:cs[1-6]|cn1|flexString[12]|[a-z]+[A-Z][a-z]+)\b", row[1])
    }
    assert written <= cef
    assert {word for row in ROWS for word in re.findall(r"@?[a-z]+(?:\.[a-z]+)*", row[2].partition("(")[0])} == ecs


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.message)
def test_every_kind_of_event_has_a_line_of_cef_and_of_ecs(event: Event) -> None:
    assert f"rt={event.time}" in forms.cef(event, 1)
    line = json.loads(forms.ecs(event, 1))
    assert line["user"]["name"] == event.subject
    assert line["event"]["original"].encode() == event.record()[1]


def test_cef_cannot_be_broken_by_what_people_wrote() -> None:
    call = Call(method="GET", path="/a|b\\c=d act=allowed", action="read|x")
    line = forms.cef(events.decision(SCOPE, "a|b=c", call, DENIED), 7)
    head, _, extension = line.partition("rt=")
    assert head.count("|") - head.count("\\|") == 7
    assert "suser=a|b\\=c " in extension
    assert "request=/a|b\\\\c\\=d act\\=allowed " in extension


@pytest.mark.parametrize("size", [0, 300, 900, 1023, 5_000, 60_000])
@pytest.mark.parametrize("text", ["a", "=", "\\\\", "|", "é", "\U0001f600", "a b="])
def test_a_message_of_cef_is_short_and_nothing_of_a_long_event_is_lost(size: int, text: str) -> None:
    detail: dict[str, Any] = {"about": (text * size)[:size]} if size else {}
    event = events.activity(SCOPE, "anna", "records.create", detail=detail) if detail else EVENTS[0]
    lines = forms.cef(event, 7).split("\n")
    whole: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        assert len(line.encode()) <= 1023
        assert line.startswith("CEF:0|")
        fields = extension(line)
        assert (fields["rt"], fields["cn1"], fields["cs4"]) == (str(event.time), "7", event.label)
        if len(lines) > 1:
            assert (fields["cn2"], fields["cn3"]) == (str(number), str(len(lines)))
        for name in fields.keys() - {"rt", "cn1", "cs4", "cn2", "cn3"}:
            whole[name] = fields[name] if name.endswith("Label") else whole.get(name, "") + fields[name]
    assert whole["suser"] == event.subject
    assert json.loads(whole.get("msg", "{}")) == detail
    assert len(lines) < 3 + size // 100


def test_a_long_name_of_an_event_and_a_long_path_are_divided() -> None:
    call = Call(method="GET", path="/x" * 2_000, action="read")
    lines = forms.cef(events.decision(SCOPE, "anna", call, DENIED), 7).split("\n")
    assert all(len(line.encode()) <= 1023 for line in lines)
    assert "".join(extension(line).get("request", "") for line in lines) == call.path


def extension(line: str) -> dict[str, str]:
    """The fields of a line of CEF, as a collector reads them."""
    text = re.split(r"(?<!\\)(?:\\\\)*\|", line, maxsplit=7)[7]
    found = re.findall(r"(?:^| )([A-Za-z0-9]+)=((?:\\.|[^\\=])*?)(?= [A-Za-z0-9]+=|$)", text)
    return {name: re.sub(r"\\(.)", r"\1", value) for name, value in found}
