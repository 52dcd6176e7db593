"""Imagery is kept only under the marking that its headers say, or that a person declared where headers say none."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from appliance.markings.formats.nitf import NitfSecurity
from appliance.service.settings import Paths
from tests.component.labeling.support import ask, new_project
from tests.component.labeling.test_objects import owner, read, upload
from tests.unit.service.support import Monitor
from tests.unit.workbench.imagery.writing import Part, ism, nitf, secura

OURS = "S//REL TO USA, GBR"
"""The marking of the enclave of these tests, which a file has when nothing else is declared."""
TIFF = b"II*\0" + bytes(200)
BLANK = NitfSecurity("2.1", {"CLAS": ""})


def refused(client: TestClient, paths: Paths, monitor: Monitor, data: bytes, marking: str | None) -> str:
    """Why a file was refused; nothing of it stays, and the record says the same."""
    declared = {} if marking is None else {"marking": marking}
    url, job = upload(client, new_project(client), data, name="scene.ntf", **declared)
    assert job["state"] == "failed", job
    assert read(client, url).status_code == 404
    assert not list((paths.state / "objects").iterdir())
    shown = ask(client, "GET", url).json()
    assert (shown["state"], shown["sha256"]) == ("refused", None)
    (record,) = [one for one in monitor.records if one["activity"].startswith("file.")]
    assert (record["activity"], record["subject"], record["outputs"]) == ("file.refuse", "analyst", [])
    assert record["detail"]["why"] == shown["message"]
    assert job["message"].startswith(shown["message"]), "and then what to do"
    with owner(paths) as connection:
        assert connection.execute("SELECT key FROM appliance.object").fetchall() == [(None,)]
        assert connection.execute("SELECT used FROM appliance.object_space").fetchall() == [(0,)]
    return str(shown["message"])


@pytest.mark.parametrize(
    ("data", "marking", "why"),
    [
        (
            nitf([Part("image", "S//NF")], "U"),
            "U",
            "image 1: ISCLAS at byte 527 and its fields mean SECRET//NOFORN, above",
        ),
        (nitf([Part("image", "U"), Part("text", OURS)], "U"), "U", "text 1: TSCLAS at byte "),
        (nitf([Part("data extension", "S//NF")], "U"), "U", "data extension 1: DESCLAS at byte "),
        (nitf([Part("image", BLANK)], OURS), None, "image 1: ISCLAS at byte 527 is ' ', and should be one of"),
        (nitf([], NitfSecurity("2.1", {"CLAS": "X"})), None, "file header: FSCLAS at byte 119 is 'X'"),
        (nitf([Part("image", "TS//SI//NF")], "TS//SI//NF"), None, "TOP SECRET//SI//NOFORN, and the file was uploaded"),
        (nitf([Part("image", "U")], "U"), None, "UNCLASSIFIED, and the file was uploaded as SECRET//REL TO USA, GBR"),
        (nitf([Part("image", OURS)], OURS), "U", "and the file was uploaded as UNCLASSIFIED"),
        (nitf([], "S//OC/REL TO USA, GBR"), OURS, "without originator control"),
        (nitf([Part("image", "U", extensions=[secura(ism("TS", "NF"))])], OURS), None, "image 1: SECURA at byte "),
        (nitf([Part("image")], OURS)[:-1], None, "file header: FL at byte 342 says "),
        (nitf([Part("image")], OURS) + b"hidden", None, "file header: FL at byte 342 says "),
    ],
)
def test_nitf_that_is_above_blank_unknown_or_otherwise_declared_is_refused(
    client: TestClient, paths: Paths, monitor: Monitor, data: bytes, marking: str | None, why: str
) -> None:
    assert why in refused(client, paths, monitor, data, marking)


@pytest.mark.parametrize("version", ["2.1", "2.0"])
def test_nitf_of_several_parts_is_kept_under_the_join_of_its_markings(client: TestClient, version: str) -> None:
    pixels = Part("image", "U", values={"rows": 2100, "columns": 2100})
    data = nitf([pixels, Part("text", OURS, b"seen at dawn")], OURS, version)
    url, job = upload(client, new_project(client), data, name="scene.ntf")
    assert job["result"]["media_type"] == "application/vnd.nitf", job
    answer = read(client, url)
    assert answer.content == data
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''scene.ntf"
    assert answer.headers["X-Classification"] == "SECRET//REL TO USA, GBR"
    lower, job = upload(client, new_project(client), nitf([Part("image")], "U", version), name="low.ntf", marking="U")
    assert job["state"] == "done", job
    assert read(client, lower).headers["X-Classification"] == "UNCLASSIFIED"


def test_nitf_under_originator_control_keeps_it(client: TestClient) -> None:
    marking = "S//OC/REL TO USA, GBR"
    url, job = upload(client, new_project(client), nitf([Part("image")], marking), name="a.ntf", marking=marking)
    assert job["state"] == "done", job
    assert ask(client, "GET", url).json()["marking"] == marking
    assert read(client, url).status_code == 404, "it leaves with the originator's decision alone"


def test_a_tiff_needs_a_marking_that_a_person_declared(client: TestClient, paths: Paths, monitor: Monitor) -> None:
    assert refused(client, paths, monitor, TIFF, None).startswith("marking: a TIFF file cannot say how it is marked")
    for data in (TIFF, b"MM\0+" + bytes(200)):
        url, job = upload(client, new_project(client), data, name="scene.tif", marking=OURS)
        assert job["result"]["media_type"] == "image/tiff", job
        assert read(client, url).content == data


def test_what_only_points_at_other_files_is_never_imagery(client: TestClient) -> None:
    """A VRT, a WMS description and a sidecar are text here, whatever they are called, and no program opens them."""
    passwords = b"<SourceFilename>/etc/passwd</SourceFilename>"
    for data in (b"<VRTDataset>" + passwords, b"<GDAL_WMS>" + passwords, b"<PAMDataset>" + passwords):
        for name in ("scene.tif", "scene.tif.ovr", "scene.ntf"):
            url, job = upload(client, new_project(client), data, name=name)
            assert job["result"]["media_type"] == "text/plain", job
            answer = read(client, url)
            assert answer.content == data
            assert answer.headers["Content-Disposition"].startswith("attachment")


def test_a_refusal_that_cannot_be_recorded_keeps_nothing_readable(
    client: TestClient, paths: Paths, monitor: Monitor
) -> None:
    project = new_project(client)
    monitor.unrecordable = {"file.refuse"}
    url, job = upload(client, project, nitf([Part("image", "S//NF")], "U"), name="scene.ntf", marking="U")
    assert job["state"] == "failed", job
    assert ask(client, "GET", url).json()["state"] == "checking"
    assert read(client, url).status_code == 404
    assert list(Path(paths.state / "objects").iterdir()), "it waits to be looked at again"
