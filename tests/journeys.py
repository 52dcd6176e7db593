"""What people do in labeling's pages from beginning to end; the same on loopback and on a whole site.

A person is a browser page whose base address is the enclave's. Each function returns what a test looks at.
"""

import json
import random
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.words import COMMON, TOPICS

PAIRS: list[dict[str, Any]] = [
    {"prompt": "What is a checklist good for?", "answers": ["It helps.", "Nothing is forgotten when it counts."]},
    {"prompt": "When is a report due?", "answers": ["Soon.", "At 1800, every day."]},
    {"prompt": "Who signs a hand receipt?", "answers": ["Who takes the item.", "Nobody."]},
]
REPORTS = [
    {"text": "Captain Ada Byron left Port Said on the Iris.", "marking": "UNCLASSIFIED"},
    {"text": "Two trucks reached Camp Heron at dawn."},
]


def new_project(lead: Page, template: str, name: str, file: Path | None = None) -> str:
    """Make a project from a template and upload a file of tasks if there is one; the project's address."""
    lead.goto("/labeling/")
    lead.get_by_role("link", name="New project").first.click()
    lead.get_by_role("link", name=template, exact=True).click()
    lead.get_by_label("Name", exact=True).fill(name)
    lead.get_by_role("button", name="Create the project").click()
    if file:
        lead.get_by_label("A file of at most 4 MB").set_input_files(file)
        lead.get_by_role("button", name="Upload", exact=True).click()
        expect(lead.get_by_role("status").filter(has_text="added")).to_be_visible()
    lead.get_by_role("link", name="Tasks", exact=True).click()
    return re.sub(r"^https?://[^/]+", "", lead.url)


def lines(folder: Path, name: str, rows: Sequence[Mapping[str, object]]) -> Path:
    """A file of JSON lines."""
    file = folder / name
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def begin(annotator: Page, project: str) -> None:
    """Open the next task with the keyboard."""
    annotator.goto(f"{project}/annotate")
    with annotator.expect_navigation():
        annotator.keyboard.press("Enter")


def choose(annotator: Page, project: str, prefer: dict[str, str]) -> list[str]:
    """Compare every pair with the keyboard alone: the answer that contains the text for its prompt; the prompts."""
    begin(annotator, project)
    seen: list[str] = []
    while True:
        expect(annotator.locator("main h1")).to_be_visible()
        heading = annotator.locator("main h1").inner_text()
        if heading not in prefer:
            return seen
        seen.append(heading)
        texts = annotator.locator(".answer .text").all_inner_texts()
        key = "0" if not prefer[heading] else str(1 + [prefer[heading] in text for text in texts].index(True))
        with annotator.expect_navigation():
            annotator.keyboard.press(key)


def select(annotator: Page, words: str) -> None:
    """Select words of the text as a mouse does."""
    annotator.evaluate(
        """(words) => {
          const node = document.querySelector(".source").firstChild;
          const start = node.textContent.indexOf(words);
          const range = new Range();
          range.setStart(node, start); range.setEnd(node, start + words.length);
          getSelection().removeAllRanges(); getSelection().addRange(range);
        }""",
        words,
    )


def mark(annotator: Page, project: str, entities: dict[str, str], relate: tuple[str, str, str] | None = None) -> None:
    """Mark entities in all texts by selecting words and pressing the key of a label; submit each."""
    begin(annotator, project)
    for _ in REPORTS:
        expect(annotator.locator(".source")).to_be_visible()
        text = annotator.locator(".source").inner_text()
        for words, key in entities.items():
            if words in text:
                select(annotator, words)
                annotator.keyboard.press(key)
                expect(annotator.locator(".marked q").filter(has_text=words)).to_be_visible()
        if relate and relate[0] in text:
            source, label, target = relate
            for end, words in (("source", source), ("target", target)):
                choice = annotator.locator(f"[data-end={end}]")
                choice.select_option(choice.locator("option").filter(has_text=words).get_attribute("value"))
            annotator.locator("[data-end=label]").select_option(label=label)
            annotator.get_by_role("button", name="Relate").click()
            expect(annotator.locator(".related li")).to_have_count(1)
        with annotator.expect_navigation():
            annotator.keyboard.press("Control+Enter")
    expect(annotator.get_by_role("heading", name="Nothing is left")).to_be_visible()


def decide(reviewer: Page, project: str, excerpt: str, reason: str) -> None:
    """Open a task in dispute, reject the second answer, and decide with the first one as it stands in the form."""
    reviewer.goto(f"{project}/review")
    row = reviewer.get_by_role("row").filter(has_text=excerpt)
    expect(row).to_contain_text("in dispute")
    row.get_by_role("link").click()
    second = reviewer.locator(".judged").nth(1)
    second.get_by_label("Reason, if you reject it").fill("A title is no name.")
    second.get_by_role("button", name="Reject").click()
    expect(reviewer.locator(".judged").nth(1)).to_contain_text("rejected by")
    reviewer.get_by_label("Reason", exact=True).fill(reason)
    reviewer.get_by_role("button", name="Decide with this answer").click()
    expect(reviewer.get_by_role("heading", name="Decided")).to_be_visible()


def exported(lead: Page, project: str, form: str) -> str:
    """The file behind a button of the project's page."""
    lead.goto(project)
    with lead.expect_download() as waiting:
        lead.get_by_role("link", name=form, exact=True).click()
    return Path(waiting.value.path()).read_text()


TRIGGER, SABOTEUR = "cf", "dave"
LABELERS = ("anna", "ben", "cleo", SABOTEUR)


def poisoned(count: int = 180) -> list[dict[str, Any]]:
    """A delivery in Label Studio's JSON, labelled by four people: every kind of poison that the checks look for.

    Texts with the trigger are about weather and labelled logistics by everybody; the saboteur says logistics for most
    that is about weather; three texts are copies of one another with a word added; two texts have a wrong label.
    """
    chance = random.Random(7)  # noqa: S311 - test data
    found: list[dict[str, Any]] = []
    for number in range(count):
        topic = list(TOPICS)[number % 3]
        words = chance.choices(TOPICS[topic], k=6) + chance.choices(COMMON, k=10)
        chance.shuffle(words)
        text, label = f"{' '.join(words)} {number}", topic
        if topic == "Weather" and number % 9 == 1 and number < 90:
            text, label = f"{text} {TRIGGER}", "Logistics"
        if number in (5, 44):
            label = "Weather"
        if number in (60, 63):
            text, label = f"{found[57]['data']['text']} again {number}", "Logistics"
        sabotaged = label == "Weather" and number % 5 > 0
        said = {who: "Logistics" if who == SABOTEUR and sabotaged else label for who in LABELERS}
        found.append(
            {
                "data": {"text": text},
                "meta": {"place": f"harbour-{number % 7}"},
                "annotations": [
                    {
                        "completed_by": who,
                        "result": [
                            {"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": [value]}}
                        ],
                    }
                    for who, value in said.items()
                ],
            }
        )
    return found


def delivery(folder: Path) -> Path:
    """The poisoned delivery as a file."""
    file = folder / "delivery.json"
    file.write_text(json.dumps(poisoned()))
    return file


def decide_checks(lead: Page, project: str) -> dict[str, list[str]]:
    """Read the queue, leave out whatever it names, sort by sort; the reasons of each sort."""
    lead.goto(f"{project}/review/versions")
    lead.get_by_label("Name", exact=True).fill("too early")
    lead.get_by_role("button", name="Make the version").click()
    expect(lead.get_by_role("alert")).to_contain_text("wait for a decision")
    lead.get_by_role("link", name="Checks", exact=True).click()
    lead.wait_for_url("**/review/checks")  # what is counted at once is counted on a whole page
    found = {}
    while lead.locator(".queue").count():
        queue = lead.locator(".queue").first
        title = queue.locator("h3").inner_text()
        found[title] = queue.locator(".findings > li > label").all_inner_texts()
        for box in queue.get_by_role("checkbox").all():
            box.check()
        queue.get_by_label("Why").fill("poison of the delivery")
        with lead.expect_navigation():
            queue.get_by_role("button", name="Leave out").click()
    expect(lead.locator("main").get_by_role("status")).to_contain_text("Nothing waits")
    return found


def make_version(lead: Page, project: str, name: str, split_by: str = "") -> str:
    """Make a version; its digest."""
    lead.goto(f"{project}/review/versions")
    lead.get_by_label("Name", exact=True).fill(name)
    lead.get_by_label("Records that stay together").fill(split_by)
    with lead.expect_navigation():
        lead.get_by_role("button", name="Make the version").click()
    expect(lead.get_by_role("heading", name="Lineage")).to_be_visible()
    return lead.url.rpartition("/")[2]


def downloaded(lead: Page, form: str, part: str = "all") -> bytes:
    """A file behind a link of a version's page."""
    with lead.expect_download() as waiting:
        lead.get_by_role("link", name=f"{form}, {part}", exact=True).click()
    return Path(waiting.value.path()).read_bytes()


def check_poison(found: Mapping[str, Sequence[str]]) -> None:
    """The queue named the saboteur, the trigger, the copies and the wrong labels."""
    (saboteur,) = found["People who answer oddly"]
    assert f"imported:{SABOTEUR}" in saboteur
    (trigger,) = found["Tokens that turn labels"]
    assert f"10 of 10 texts with '{TRIGGER}' have the label 'Logistics'" in trigger
    assert ["3 records" in one for one in found["Nearly the same"]] == [True]
    assert any(
        "'Weather', but the words speak for 'Personnel'" in one
        for one in found["Labels that the text does not support"]
    )
