"""Settings name the file and the field that is wrong."""

import json
from pathlib import Path

import pytest

from appliance.errors import ApplianceError
from appliance.service.settings import Paths, ServiceSettings
from tests.unit.service.support import settings_for


def test_settings_are_read_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "service.json"
    path.write_text(settings_for("inference").model_dump_json())
    assert ServiceSettings.load(path) == settings_for("inference")


@pytest.mark.parametrize(("field", "value"), [("label", None), ("colour", "red")])
def test_a_wrong_field_is_named(tmp_path: Path, field: str, value: str | None) -> None:
    path = tmp_path / "service.json"
    path.write_text(json.dumps(settings_for("inference").model_dump() | {field: value}))
    with pytest.raises(ApplianceError, match=field):
        ServiceSettings.load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ApplianceError, match=r"service\.json"):
        ServiceSettings.load(tmp_path / "service.json")


def test_the_environment_moves_a_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("APPLIANCE_MODELS", str(tmp_path))
    assert Paths.from_environment().models == tmp_path
    assert Paths.from_environment().state == Path("/var/lib/appliance")
