"""The report of a job as HTML and PDF: marked on every page, and the same bytes each time."""

import pytest

from tests.component.evaluation.conftest import Enclave
from tests.component.evaluation.test_evaluation import ask, run
from tests.unit.evaluation.test_printed import text_of
from tests.unit.service.support import MARKING


@pytest.mark.slow
def test_a_report_is_a_marked_file_with_the_same_bytes_each_time(enclave: Enclave) -> None:
    job = run(enclave, suite="security-leak", limit=12)
    for form, begin in (("html", b"<!DOCTYPE html>"), ("pdf", b"%PDF-1.7")):
        url = f"/evaluation/jobs/{job['id']}/report.{form}"
        first, second = ask(enclave.client, "GET", url), ask(enclave.client, "GET", url, subject="bob")
        assert first.status_code == 200, first.text
        assert first.content == second.content, "whoever asks, and whenever"
        assert first.content.startswith(begin)
        assert first.headers["X-Classification"] == MARKING
        assert first.headers["Content-Disposition"].startswith("attachment")
        shown = "\n".join(text_of(first.content)) if form == "pdf" else first.text
        for said in ("security.leak", "security.over_refusal", "published items: practice", job["id"]):
            assert said in shown, (form, said)
        assert shown.count(MARKING) >= 2
        assert "<script" not in shown
    assert ask(enclave.client, "GET", f"/evaluation/jobs/{job['id']}/report.doc").status_code == 404
    assert ask(enclave.client, "GET", f"/evaluation/jobs/{'0' * 32}/report.pdf").status_code == 404
