"""Two whole jobs in a browser: preference data for tuning, and entities in marked reports with review and decision.

Each person has a gateway of their own on loopback, which names actions by the shipped access policy.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, Page, expect
from starlette.types import Receive, Scope, Send

from appliance.monitor.decide.policy import parse_policy
from appliance.service.settings import Paths
from images.labeling.app.main import service
from tests import journeys
from tests.component.service.browser import chromium, complaints, fits, served
from tests.kinds import png
from tests.unit.service.support import Monitor, headers_for, settings_for

__all__ = ["chromium"]
POLICY = parse_policy(yaml.safe_load((Path(__file__).parents[3] / "policies" / "access.yml").read_text()))


ROLES = {"lead": "analyst", "ann": "annotator", "bob": "annotator", "reviewer": "analyst"}


@contextmanager
def gateway(paths: Paths) -> Iterator[str]:
    """The service behind what names the person and the action of each request; its address."""
    app = service.build(settings_for("labeling"), paths)

    async def decide(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            subject = dict(scope["headers"])[b"cookie"].decode().partition("=")[2]
            route = POLICY.route("labeling", scope["method"], scope["path"])
            action = route.action if route else "none"
            allowed = action in POLICY.roles[ROLES[subject]].get("labeling", ())
            path = scope["path"] if allowed else "/labeling/none"
            token = headers_for(scope["method"], path, subject=subject, action=action)
            own = [(name.lower().encode(), value.encode()) for name, value in token.items()]
            kept = [header for header in scope["headers"] if header[0] != b"x-appliance-context"]
            scope = {**scope, "path": path, "raw_path": path.encode(), "headers": [*kept, *own]}
        await app(scope, receive, send)

    with served(decide) as url:
        yield url


@pytest.fixture
def people(chromium: Browser, paths: Paths, monitor: Monitor) -> Iterator[dict[str, Page]]:
    """A page for each person; nothing may go wrong in any of them."""
    with gateway(paths) as url:
        pages, wrong = {}, {}
        for name in ROLES:
            context = chromium.new_context(base_url=url, viewport={"width": 1280, "height": 900})
            context.add_cookies([{"name": "person", "value": name, "url": url}])
            pages[name] = context.new_page()
            wrong[name] = complaints(pages[name])
        yield pages
        for page in pages.values():
            page.context.close()
    assert [
        text for texts in wrong.values() for text in texts if "404" not in text and "409 (Conflict)" not in text
    ] == []


@pytest.mark.slow
def test_preference_data_for_tuning(people: dict[str, Page], tmp_path: Path) -> None:
    file = journeys.lines(tmp_path, "pairs.jsonl", journeys.PAIRS)
    project = journeys.new_project(people["lead"], "Preference data for tuning", "Helpful answers", file)
    prompts = [pair["prompt"] for pair in journeys.PAIRS]
    agreed = dict(zip(prompts, ("forgotten", "1800", "takes"), strict=True))
    assert journeys.choose(people["ann"], project, agreed) == prompts
    assert journeys.choose(people["bob"], project, agreed | {prompts[2]: ""}) == prompts
    people["lead"].goto(f"{project}/review/quality")
    assert "ann and bob" in people["lead"].inner_text("main")
    pairs = [
        json.loads(line)
        for line in journeys.exported(people["lead"], project, "Preference pairs (JSON lines)").splitlines()
    ]
    assert [pair["chosen"] for pair in pairs] == ["Nothing is forgotten when it counts.", "At 1800, every day."]
    assert {pair["marking"] for pair in pairs} == {"S//REL TO USA, GBR"}


@pytest.mark.slow
def test_entities_in_marked_reports_with_review_and_decision(people: dict[str, Page], tmp_path: Path) -> None:
    file = journeys.lines(tmp_path, "reports.jsonl", journeys.REPORTS)
    project = journeys.new_project(people["lead"], "Entities in reports", "Harbour reports", file)
    right = {"Ada Byron": "p", "Port Said": "l", "Camp Heron": "l"}
    journeys.mark(people["ann"], project, right, relate=("Ada Byron", "located at", "Port Said"))
    journeys.mark(people["bob"], project, {"Captain Ada Byron": "p", "Camp Heron": "l"})
    assert people["ann"].goto(f"{project}/review").status == 404  # type: ignore[union-attr]  # a page answered
    journeys.decide(people["reviewer"], project, "Captain Ada Byron", "The name alone.")
    text = journeys.exported(people["lead"], project, "CoNLL (BIO)")
    assert "marking: U\nCaptain\tO\nAda\tB-Person\nByron\tI-Person\n" in text
    assert "Camp\tB-Location\nHeron\tI-Location\n" in text
    assert "marking: S//REL TO USA, GBR" in text
    whole = [json.loads(line) for line in journeys.exported(people["lead"], project, "JSON lines").splitlines()]
    assert whole[0]["adjudication"]["adjudicator"] == "reviewer"
    assert whole[0]["settled"]["relations"] == [{"source": "s0", "target": "s1", "label": "located at"}]
    assert [one["reviews"] != [] for one in whole[0]["annotations"]] == [False, True]


@pytest.mark.slow
def test_words_are_chosen_and_shapes_are_drawn_by_keyboard(people: dict[str, Page], tmp_path: Path) -> None:
    ann = people["ann"]
    file = journeys.lines(tmp_path, "reports.jsonl", journeys.REPORTS[:1])
    project = journeys.new_project(people["lead"], "Entities in reports", "By keyboard", file)
    journeys.begin(ann, project)
    ann.locator(".source").focus()
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowRight", "p"):
        ann.keyboard.press(key)
    assert ann.locator(".marked q").all_inner_texts() == ["Ada Byron"]
    expect(ann.locator(".saved")).to_have_text("Draft kept")
    ann.reload()
    assert ann.locator(".marked q").all_inner_texts() == ["Ada Byron"], "the draft is kept"

    file = journeys.lines(tmp_path, "scenes.jsonl", [{"image": png(60, 40)}])
    project = journeys.new_project(people["lead"], "Vessels on satellite scenes", "Scenes", file)
    journeys.begin(ann, project)
    ann.locator(".canvas").focus()
    for key in ("Enter", "Shift+ArrowRight", "Shift+ArrowDown", "Enter", "r"):
        ann.keyboard.press(key)
    expected = {"id": "s0", "form": "box", "label": "Cargo", "points": [[30, 20], [40, 30]], "rotation": 5}
    assert json.loads(ann.input_value("input[name=value]"))["shapes"] == [expected]
    ann.keyboard.press("Alt+2")
    ann.keyboard.press("2")
    box = ann.locator(".canvas svg").bounding_box()
    assert box
    for x, y in ((0.1, 0.1), (0.3, 0.1), (0.2, 0.4)):
        ann.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
    ann.keyboard.press("c")
    shapes = json.loads(ann.input_value("input[name=value]"))["shapes"]
    assert [(shape["form"], shape["label"], len(shape["points"])) for shape in shapes] == [
        ("box", "Cargo", 2),
        ("polygon", "Tanker", 3),
    ]
    with ann.expect_navigation():
        ann.keyboard.press("Control+Enter")
    assert "Nothing is left" in ann.inner_text("main")


@pytest.mark.slow
def test_a_poisoned_delivery_is_cleaned_before_a_version_is_made(
    people: dict[str, Page], monitor: Monitor, tmp_path: Path
) -> None:
    lead, delivery = people["lead"], journeys.delivery(tmp_path)
    project = journeys.new_project(lead, "Topics of messages", "Delivery 12", delivery)
    assert people["ann"].goto(f"{project}/review/checks").status == 404  # type: ignore[union-attr]  # a page answered
    journeys.check_poison(journeys.decide_checks(lead, project))
    digest = journeys.make_version(lead, project, "Messages, cleaned", "source.label_studio.meta.place")
    content = journeys.downloaded(lead, "Manifest: its SHA-256 is the version")
    assert f"sha256:{hashlib.sha256(content).hexdigest()}" == digest
    assert [one["outputs"] for one in monitor.records if one["activity"] == "records.version"] == [[digest]]
    texts = journeys.downloaded(lead, "JSON lines").decode()
    assert journeys.SABOTEUR not in texts
    assert f' {journeys.TRIGGER}"' not in texts
    records = json.loads(content)["records"]
    held_out = sorted({one["split"] for one in records})
    parts = [journeys.downloaded(lead, "JSON lines", part).decode() for part in held_out]
    assert sum(part.count("\n") for part in parts) == texts.count("\n") == len(records)
    lead.goto(f"{project}/review/withdrawals")
    lead.get_by_label("The person, or the record's identifier").fill("imported:cleo")
    lead.get_by_label("Why").fill("contract ended")
    lead.get_by_role("button", name="Withdraw", exact=True).click()
    expect(lead.locator("main").get_by_role("status")).to_contain_text("Withdrawn: 180 answers")
    lead.goto(f"{project}/review/versions/{digest}")
    expect(lead.locator("main").get_by_role("status")).to_contain_text("withdrawn since")
    again = journeys.downloaded(lead, "Manifest: its SHA-256 is the version")
    assert again == content
    assert journeys.downloaded(lead, "JSON lines") == b""


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390, 320])
def test_the_pages_of_versions_fit_and_say_what_to_do(
    people: dict[str, Page], client: TestClient, tmp_path: Path, width: int
) -> None:
    lead = people["lead"]
    project = journeys.new_project(lead, "Topics of messages", "Delivery", journeys.delivery(tmp_path))
    lead.set_viewport_size({"width": width, "height": 800})
    for path in ("checks", "versions", "withdrawals"):
        lead.goto(f"{project}/review/{path}")
        assert fits(lead), path
    journeys.decide_checks(lead, project)
    assert fits(lead)
    one = journeys.make_version(lead, project, "First")
    assert fits(lead)
    lead.goto(f"{project}/review/checks")
    lead.get_by_role("button", name="decide again").first.click()
    lead.get_by_label("Why").fill("it is no poison")
    lead.get_by_role("button", name="Keep").click()
    two = journeys.make_version(lead, project, "Second")
    lead.get_by_role("link", name="what changed since").click()
    expect(lead.get_by_role("heading", name="From First to Second")).to_be_visible()
    assert fits(lead)
    assert one != two
