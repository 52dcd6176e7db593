"""The report of a job as PDF: every page is marked, nothing is dropped, and the same results give the same bytes."""

import io
from typing import Any

import pypdf

from appliance.contract.certification import standard
from images.evaluation.app.model import Job
from images.evaluation.app.results import printed
from images.evaluation.app.results.sheet import BOTTOM, HEIGHT, Sheet, encodable, width, wrapped
from images.evaluation.app.results.summary import summarise
from tests.unit.inference.test_certificate import results, suite
from tests.unit.service.support import MARKING
from workbench.evaluation import suites


def text_of(data: bytes) -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages]


def report(**changes: Any) -> printed.Report:
    done = results(suites=[suite("reliability-abstain", 60, dimension="reliability")])
    job = Job(id=done.job, model="smollm2", tier=done.tier, evaluator="ann", state="done", queued=done.started,
              reached=False, reasons=("reliability.abstain: too few",) * 3, **changes)  # fmt: skip
    return printed.Report(job, summarise(done, standard(), suites.standard()), MARKING)


def test_every_page_of_a_long_report_is_marked_at_top_and_bottom() -> None:
    long = report(need_to_know=("falcon",))
    long.job.reasons = tuple(f"reason {number} " * 30 for number in range(60))
    pages = text_of(printed.pdf(long))
    assert len(pages) > 3
    assert all(page.count(MARKING) == 2 for page in pages)
    assert "falcon" in "".join(pages)
    assert printed.pdf(long) == printed.pdf(long)


def test_what_the_font_lacks_is_written_and_never_dropped() -> None:
    assert encodable("Zürich → 雪\x07") == "Zürich \\u2192 \\u96ea\\u0007"
    sheet = Sheet("t", MARKING)
    sheet.text("Zürich → 雪")
    assert "Zürich \\u2192 \\u96ea" in text_of(sheet.data())[0]


def test_no_line_is_wider_than_its_room_and_none_is_below_the_banner() -> None:
    for text in ("word " * 200, "x" * 500, "", "a \n\n b"):
        for line in wrapped(text, 9, 100):
            assert width(line, 9) <= 100
    sheet = Sheet("t", MARKING)
    for _ in range(200):
        sheet.text("line")
        sheet.table(("a", "b"), [("x " * 300, "y")], (1, 1))
        assert BOTTOM - 25 <= sheet._y <= HEIGHT
