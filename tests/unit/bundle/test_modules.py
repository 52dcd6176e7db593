"""An image gets the modules that its code imports, the data of these, and nothing else of the project."""

import zipfile
from pathlib import Path

import pytest

from appliance.bundle.build.modules import OwnCode, imported_code
from appliance.bundle.inputs.collect import Artifact, sha256_of
from appliance.errors import ApplianceError

CONTENT = {
    "appliance/__init__.py": "",
    "appliance/py.typed": "",
    "appliance/errors.py": "",
    "appliance/contract/__init__.py": "from .shape import Shape\n",
    "appliance/contract/shape.py": "class Shape: ...\n",
    "appliance/contract/page.css": "b{}",
    "appliance/contract/deep/notes.txt": "data in a folder that is no package",
    "appliance/contract/shape/round.txt": "data in a folder that has the name of a module",
    "appliance/contract/policy/__init__.py": "",
    "appliance/contract/policy/default.yml": "data of a package that nobody imports",
    "appliance/late.py": "",
    "appliance/host/__init__.py": "",
    "appliance/host/podman.py": "",
    "appliance/host/table.yml": "",
}
CONTRACT = {f"contract/{name}" for name in ("__init__.py", "shape.py", "page.css", "deep/notes.txt", "shape/round.txt")}


def wheel(folder: Path, name: str, content: dict[str, str]) -> Artifact:
    path = folder / f"{name}-1.0-py3-none-any.whl"
    listed = [*content, f"{name}-1.0.dist-info/METADATA", f"{name}-1.0.dist-info/entry_points.txt"]
    record = "".join(f"{line},,\n" for line in [*listed, f"{name}-1.0.dist-info/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in {
            **content,
            listed[-2]: "Name: x",
            listed[-1]: "x",
            listed[-1].replace("entry_points.txt", "RECORD"): record,
        }.items():
            archive.writestr(member, text)
    return Artifact("wheel", name, "1.0", path, sha256_of(path))


def choose(folder: Path, code: str, *others: Artifact) -> OwnCode:
    app = folder / "app"
    app.mkdir()
    (app / "main.py").write_text(code)
    return imported_code(app, [wheel(folder, "small", CONTENT), *others])


@pytest.mark.parametrize(
    ("code", "expected", "why"),
    [
        ("import json\n", set(), "nothing of the project"),
        ("import appliance.errors\n", {"errors.py"}, "the module that is named"),
        ("from appliance import errors\n", {"errors.py"}, "a module that is a name of its package"),
        ("def run():\n    import appliance.late\n", {"late.py"}, "a module that is imported when it is used"),
        (
            "from appliance.contract import Shape\n",
            CONTRACT,
            "what the module imports in turn, and the data of the package",
        ),
        (
            "from appliance.contract.shape import Shape\n",
            CONTRACT,
            "the package that Python runs first",
        ),
        ("from .appliance import errors\n", set(), "a module of its own that has the name"),
    ],
)  # fmt: skip
def test_it_gets_what_it_imports(tmp_path: Path, code: str, expected: set[str], why: str) -> None:
    found = choose(tmp_path, code).files
    assert {name for name in found if ".dist-info" not in name} == (
        {f"appliance/{name}" for name in {*expected, "__init__.py", "py.typed"}} if expected else set()
    ), why


def test_the_metadata_lists_what_is_there_and_no_program(tmp_path: Path) -> None:
    own = choose(tmp_path, "import appliance.errors\n")
    listed = [line.partition(",")[0] for line in own.files["small-1.0.dist-info/RECORD"].decode().splitlines()]
    assert sorted(listed) == sorted(own.files)
    assert "small-1.0.dist-info/METADATA" in listed
    assert "small-1.0.dist-info/entry_points.txt" not in listed


def test_a_wheel_of_which_nothing_is_used_is_no_part_of_the_image(tmp_path: Path) -> None:
    unused = wheel(tmp_path, "other", {"workbench/__init__.py": "", "workbench/x.py": "", "workbench/py.typed": ""})
    own = choose(tmp_path, "import appliance.errors\n", unused)
    assert [item.name for item in own.wheels] == ["small"]
    assert not any(name.startswith(("workbench", "other")) for name in own.files)


def test_modules_of_one_wheel_bring_those_of_the_other(tmp_path: Path) -> None:
    content = {"workbench/__init__.py": "", "workbench/x.py": "import appliance.errors\n"}
    (tmp_path / "there").mkdir()
    own = choose(tmp_path, "import workbench.x\n", wheel(tmp_path / "there", "other", content))
    assert [item.name for item in own.wheels] == ["small", "other"]
    assert {"appliance/errors.py", "workbench/x.py"} <= own.files.keys()


def test_code_of_the_host_is_refused_and_the_importing_file_named(tmp_path: Path) -> None:
    with pytest.raises(ApplianceError, match=r"app/main\.py: imports appliance\.host, which no image holds"):
        choose(tmp_path, "from appliance.host import podman\n")
