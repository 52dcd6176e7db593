"""The generated pages are what the code says now, and the lists behind them are complete."""

import ast
import re
from pathlib import Path

import pytest
import yaml

from appliance.audit.events.activities import ACTIVITIES as HOSTS
from appliance.audit.log.storage import Storage
from appliance.monitor.decide.policy import parse_policy
from tests.catalogue import CATALOGUE, ON_DEMAND
from tests.docs import commands, routes, settings
from tests.docs.activities import SERVICES
from tests.docs.markdown import REPOSITORY
from tests.docs.reference import FOLDER, PAGES, made

SOURCES = [
    source
    for folder in (REPOSITORY / "appliance", *REPOSITORY.glob("images/*/app"))
    for source in sorted(folder.rglob("*.py"))
]
RECORDING = {"record", "_record", "activity", "_alarm", "configuration", "_own", "admission"}
NO_ACTIVITIES = {"hammer.write", "reconciler.differs", "reconciler.expelled", "reconciler.resolved"}
"""What the log's endurance test writes, and rules of the watcher."""
ACTIVITIES = (*SERVICES, *HOSTS)
NO_VARIABLES = {"APPLIANCE_SIGNED_BY_SEVERAL_PEOPLE", "APPLIANCE_COMPLETE"}
"""A level in a verification summary; what shells ask the completion with."""


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_what_the_code_says(name: str) -> None:
    file = FOLDER / name
    assert file.is_file(), f"{file} is missing: run `make docs`"
    assert file.read_text() == made(name), f"docs/reference/{name} is not what the code says: run `make docs`"


def test_no_other_page_lies_among_the_generated_ones() -> None:
    assert {file.name for file in FOLDER.iterdir()} == set(PAGES)


def test_every_command_and_option_is_on_its_page_with_a_text() -> None:
    page = made("commands.md")
    for path, command in commands.leaves():
        section = page.partition(f"# {path}\n")[2]
        assert section, path
        for parameter in command.params:
            for option in parameter.opts if parameter.param_type_name == "option" else ():
                assert option in section, f"{path} {option}"


def test_examples_leave_the_text_and_become_lines_to_type() -> None:
    text, examples = commands._split(
        "Do it.\n\nMore.\n\nExample: appliance a b \\\n    --c d\n\n\b\nExamples:\n  appliance e\n  appliance f"
    )
    assert text == "Do it.\n\nMore."
    assert examples == "appliance a b \\\n    --c d\nappliance e\nappliance f"


def _constants() -> dict[str, str]:
    """Module-level constants of the appliance that are texts, by name."""
    found = {}
    for source in SOURCES:
        for node in ast.parse(source.read_text()).body:
            if isinstance(node, ast.Assign):
                targets = [t for one in node.targets for t in (one.elts if isinstance(one, ast.Tuple) else [one])]
                values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
                for target, value in zip(targets, values, strict=False):
                    if isinstance(target, ast.Name) and isinstance(value, ast.Constant):
                        found[f"{source.stem}.{target.id}"] = str(value.value)
    return found


def _recorded(source: Path, constants: dict[str, str]) -> set[str]:
    """Names of activities that a file hands to a function that records."""
    found = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for argument in node.args if name in RECORDING else ():
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                found.add(argument.value)
            elif isinstance(argument, ast.Name):
                found.add(constants.get(f"{source.stem}.{argument.id}", ""))
            elif isinstance(argument, ast.Attribute):
                found |= {value for key, value in constants.items() if key.endswith(f".{argument.attr}")}
    return {name for name in found if re.fullmatch(r"[a-z-]+\.[a-z-]+|[a-z]+_[a-z_]+", name)} - NO_ACTIVITIES


def test_every_activity_that_the_code_records_is_in_the_list() -> None:
    constants = _constants()
    listed = {one.name: one for one in HOSTS}
    assert len(listed) == len(HOSTS), "an activity is listed twice"
    for source in SOURCES:
        for name in _recorded(source, constants):
            if source.is_relative_to(REPOSITORY / "images"):
                service = source.relative_to(REPOSITORY).parts[1]
                manifest = ON_DEMAND.get(service) or CATALOGUE[service]
                assert name in manifest.activities, f"{source} records {name}: add it to {service}'s manifest"
            else:
                assert name in listed, f"{source} records {name}: add it to appliance/audit/events/activities.py"


def test_no_activity_of_the_list_is_gone_from_the_code() -> None:
    text = "".join(source.read_text() for source in SOURCES if source.name != "activities.py")
    made_up = {f"storage.{state}" for state in Storage}
    assert [one.name for one in ACTIVITIES if f'"{one.name}"' not in text and one.name not in made_up] == []


def test_the_recorders_that_are_commands_exist() -> None:
    known = {path for path, _ in commands.leaves()}
    named = {name for one in ACTIVITIES for name in one.recorders if name.startswith("appliance ")}
    assert named <= known


def test_every_route_of_the_access_policy_serves_a_route_of_a_service() -> None:
    policy = parse_policy(yaml.safe_load((REPOSITORY / "policies" / "access.yml").read_text()))
    for service, granted in policy.routes.items():
        used = {
            policy.route(service, method, routes.example(path))
            for path, methods, _ in routes._routes(service)
            for method in methods
        }
        unused = [route.path for route in granted if route not in used]
        assert unused == [], f"{service}: {unused} match nothing that it answers"


def test_every_variable_of_the_code_is_explained_and_no_other() -> None:
    tests = [file for file in (REPOSITORY / "tests").rglob("*.py") if file.parent != Path(__file__).parent]
    files = [
        *SOURCES,
        *tests,
        *(REPOSITORY / "demo").rglob("*.py"),
        REPOSITORY / "Makefile",
        REPOSITORY / "Vagrantfile",
    ]
    found = {name for file in files for name in re.findall(r"APPLIANCE_[A-Z0-9_]+", file.read_text())}
    assert found - NO_VARIABLES == set(re.findall(r"`(APPLIANCE_\w+)`", made("settings.md")))


@pytest.mark.parametrize("model", [model for _, models in settings.STATEMENTS.values() for model in models])
def test_every_field_has_a_meaning(model: type) -> None:
    assert set(settings.described(model)) == set(model.model_fields)  # type: ignore[attr-defined]
