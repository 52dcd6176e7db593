"""The four jobs of docs/user.md in a browser on the whole site: gateway, monitor, access policy, containers."""

import hashlib
import json
from pathlib import Path

from demo.browser import check_banners, page_of
from demo.instance import Instance, stand_in
from demo.users import MARKINGS
from tests import journeys, scenes
from tests.integration.data import recorded

ENCLAVE = "unclassified"
LEAD, ANN, BOB = stand_in("analyst"), stand_in("annotator"), stand_in("annotator-2")


def test_preference_data_for_tuning(site: Instance, tmp_path: Path) -> None:
    file = journeys.lines(tmp_path, "pairs.jsonl", journeys.PAIRS)
    prompts = [pair["prompt"] for pair in journeys.PAIRS]
    better = dict(zip(prompts, ("forgotten", "1800", "takes"), strict=True))
    with page_of(site, LEAD, ENCLAVE) as lead:
        project = journeys.new_project(lead, "Preference data for tuning", "Helpful answers", file)
        check_banners(lead, MARKINGS[ENCLAVE])
    for annotator, prefer in ((ANN, better), (BOB, better | {prompts[2]: ""})):
        with page_of(site, annotator, ENCLAVE) as page:
            assert journeys.choose(page, project, prefer) == prompts
    with page_of(site, LEAD, ENCLAVE) as lead:
        text = journeys.exported(lead, project, "Preference pairs (JSON lines)")
    pairs = [json.loads(line) for line in text.splitlines()]
    assert [pair["chosen"] for pair in pairs] == ["Nothing is forgotten when it counts.", "At 1800, every day."]
    assert {pair["marking"] for pair in pairs} == {"U"}
    recorded(site, "records.export", lambda detail: detail.get("form") == "preference")


def test_entities_in_marked_reports_with_review_and_decision(site: Instance, tmp_path: Path) -> None:
    file = journeys.lines(tmp_path, "reports.jsonl", journeys.REPORTS)
    with page_of(site, LEAD, ENCLAVE) as lead:
        project = journeys.new_project(lead, "Entities in reports", "Harbour reports", file)
    right = {"Ada Byron": "p", "Port Said": "l", "Camp Heron": "l"}
    with page_of(site, ANN, ENCLAVE) as page:
        journeys.mark(page, project, right, relate=("Ada Byron", "located at", "Port Said"))
        refused = page.goto(f"{project}/review")
        assert refused
        assert refused.status == 404, "who annotates does not see the answers of others"
    with page_of(site, BOB, ENCLAVE) as page:
        journeys.mark(page, project, {"Captain Ada Byron": "p", "Camp Heron": "l"})
    with page_of(site, LEAD, ENCLAVE) as lead:
        journeys.decide(lead, project, "Captain Ada Byron", "The name alone.")
        text = journeys.exported(lead, project, "CoNLL (BIO)")
    assert "marking: U\nCaptain\tO\nAda\tB-Person\nByron\tI-Person\n" in text
    assert "Camp\tB-Location\nHeron\tI-Location\n" in text


def test_a_poisoned_delivery_is_cleaned_before_a_version_is_made(site: Instance, tmp_path: Path) -> None:
    file = journeys.delivery(tmp_path)
    with page_of(site, LEAD, ENCLAVE) as lead:
        project = journeys.new_project(lead, "Topics of messages", "Delivery 12", file)
        journeys.check_poison(journeys.decide_checks(lead, project))
        digest = journeys.make_version(lead, project, "Messages, cleaned", "source.label_studio.meta.place")
        check_banners(lead, MARKINGS[ENCLAVE])
        manifest = journeys.downloaded(lead, "Manifest: its SHA-256 is the version")
    assert f"sha256:{hashlib.sha256(manifest).hexdigest()}" == digest
    recorded(site, "check.decide", lambda detail: detail.get("sort") == "trigger")
    recorded(site, "records.version", lambda detail: detail.get("records") == len(json.loads(manifest)["records"]))
    recorded(site, "records.export", lambda detail: detail.get("version") == digest)
    with page_of(site, ANN, ENCLAVE) as page:
        refused = page.goto(f"{project}/review/versions/{digest}")
        assert refused
        assert refused.status == 404, "who annotates sees no version"


def test_vessels_on_a_scene_from_upload_to_coco_and_geojson(site: Instance, tmp_path: Path) -> None:
    file = scenes.harbour(tmp_path, "U")
    with page_of(site, LEAD, ENCLAVE) as lead:
        project = journeys.new_project(lead, "Vessels on satellite scenes", "Port Said")
        scenes.upload(lead, project, file)
        check_banners(lead, MARKINGS[ENCLAVE])
    for annotator in (ANN, BOB):
        with page_of(site, annotator, ENCLAVE) as page:
            journeys.begin(page, project)
            scenes.ready(page)
            scenes.label_vessels(page)
            with page.expect_navigation():
                page.keyboard.press("Control+Enter")
    with page_of(site, LEAD, ENCLAVE) as lead:
        coco = json.loads(journeys.exported(lead, project, "COCO"))
        geojson = json.loads(journeys.exported(lead, project, "GeoJSON"))
    assert [(one["file_name"], one["marking"]) for one in coco["images"]] == [("harbour.ntf#1", "U")]
    assert [one["properties"]["label"] for one in geojson["features"]] == list(scenes.VESSELS)
    recorded(site, "scene.open", lambda detail: detail.get("project") in project)
