"""What is published in `schemas/v1/` is what the code accepts, and a change that breaks a reader is refused."""

import json
from typing import Any

import fastjsonschema
import pytest
import yaml

from tests.docs.markdown import REPOSITORY
from tests.docs.schemas import FOLDER, MODELS, encoded, incompatible, made

NAME: dict[str, Any] = {"type": "string", "maxLength": 40}
OLD: dict[str, Any] = {
    "type": "object",
    "properties": {"name": NAME, "level": {"enum": ["C", "S"]}},
    "required": ["name"],
}


@pytest.mark.parametrize("name", MODELS)
def test_the_published_schema_is_that_of_the_code(name: str) -> None:
    file = FOLDER / f"{name}.json"
    assert file.is_file(), f"{file} is missing: run `make docs`"
    assert list(incompatible(json.loads(file.read_text()), made(name))) == [], "make schemas/v2 instead"
    assert file.read_text() == encoded(made(name)), f"{file.name} is not what the code says: run `make docs`"


def test_no_other_schema_lies_there() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == set(MODELS)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("site", "site.example.yml"),
        ("access", "policies/access.yml"),
        *(("service-manifest", str(file.relative_to(REPOSITORY))) for file in REPOSITORY.glob("images/*/service.yml")),
    ],
)
def test_the_files_of_the_repository_hold_by_their_schemas(name: str, file: str) -> None:
    validate = fastjsonschema.compile(json.loads((FOLDER / f"{name}.json").read_text()))
    validate(yaml.safe_load((REPOSITORY / file).read_text()))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"properties": {"level": {"enum": ["C", "S"]}}}, "name: was taken away"),
        ({"required": ["name", "level"]}, "level is demanded now"),
        ({"properties": OLD["properties"] | {"name": NAME | {"maxLength": 20}}}, "40 became 20"),
        ({"properties": OLD["properties"] | {"level": {"enum": ["C"]}}}, "'S' was taken away"),
        ({"properties": OLD["properties"] | {"name": NAME | {"type": "integer"}}}, "became 'integer'"),
        ({"properties": OLD["properties"] | {"name": NAME | {"pattern": "^a"}}}, "is demanded now"),
    ],
)
def test_a_change_that_refuses_what_was_accepted_is_found(change: dict[str, Any], problem: str) -> None:
    found = list(incompatible(OLD, OLD | change))
    assert len(found) == 1
    assert problem in found[0]


@pytest.mark.parametrize(
    "change",
    [
        {"description": "In other words."},
        {"properties": OLD["properties"] | {"group": {"type": "string"}}},
        {"properties": OLD["properties"] | {"level": {"enum": ["C", "S", "TS"]}}},
        {"required": []},
    ],
)
def test_a_change_that_accepts_more_is_none(change: dict[str, Any]) -> None:
    assert list(incompatible(OLD, OLD | change)) == []
