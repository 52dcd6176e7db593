"""Products: composed from what a question found, marked, signed, and taken along as files."""

import io
import zipfile
from typing import Any

from fastapi.testclient import TestClient

from appliance.markings.documents.office import read_docx
from tests.component.decision.support import MARKING, ask_for, question, uploaded
from tests.unit.service.support import Monitor


def composed(client: TestClient, template: str = "bluf", /, **fields: str) -> tuple[str, dict[str, Any]]:
    """A product from a question about the bridge; its address, and the question."""
    asked = question(client, "northern bridge at night")
    form = {
        "template": template,
        "title": "Crossing at Marlow",
        "title-marking": "UNCLASSIFIED",
        "judgement-0": "Cross at the northern bridge <before> 2100Z & not later.",
        "likelihood-0": "likely (55-80%)",
        "confidence-0": "moderate confidence",
        "quotation-1": "1",
    } | fields
    answer = ask_for(client, "POST", f"/decision/questions/{asked['id']}/products", form=form)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"]), asked


def test_a_product_is_marked_signed_and_taken_along(client: TestClient, monitor: Monitor) -> None:
    uploaded(client)
    address, _ = composed(client)
    page = ask_for(client, "GET", address)
    assert page.headers["X-Classification"] == MARKING
    assert "DRAFT: not a source" in page.text
    sha256 = page.text.split('name="sha256" value="')[1][:64]
    assert ask_for(client, "POST", f"{address}/sign", form={"sha256": "0" * 64}).status_code == 409
    assert ask_for(client, "POST", f"{address}/sign", form={"sha256": sha256}, subject="lead").status_code == 303
    assert "Signed by lead" in ask_for(client, "GET", address).text
    text = ask_for(client, "GET", f"{address}/export/md", action="export").text
    assert text.startswith(f"{MARKING}\n")
    assert text.rstrip().endswith(MARKING)
    assert "(S//REL TO USA, GBR) Convoys of the 4th Brigade" in text
    assert "Declassify On: 20501231" in text
    assert r"\<before\>" in text
    assert [record["activity"] for record in monitor.records[-3:]] == [
        "product.create",
        "product.sign",
        "product.export",
    ]


def test_a_word_file_has_its_banner_on_each_page_and_nobody_s_name_in_it(client: TestClient) -> None:
    uploaded(client)
    address, _ = composed(client)
    answer = ask_for(client, "GET", f"{address}/export/docx", action="export")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="(S--REL TO USA, GBR) bluf')
    assert answer.content == ask_for(client, "GET", f"{address}/export/docx", action="export").content
    read = read_docx(answer.content)
    assert [one.text for one in read.paragraphs if one.part == "margin"] == [MARKING, MARKING]
    names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert not [name for name in names if "docProps" in name]
    assert b"TargetMode" not in answer.content
    assert uploaded(client, answer.content, "product.docx")  # what we write, we read with all its marks


def test_what_nobody_may_read_any_more_is_in_no_product_of_theirs(client: TestClient) -> None:
    falcon: dict[str, Any] = {"groups": ("falcon",)}
    uploaded(client, context=falcon, groups=["falcon"])
    asked = question(client, "northern bridge at night", **falcon)
    form = {"template": "bluf", "title": "Crossing", "judgement-0": "Cross.", "quotation-1": "1"}
    path = f"/decision/questions/{asked['id']}/products"
    assert ask_for(client, "POST", path, form=form).status_code == 404
    made = ask_for(client, "POST", path, form=form, **falcon)
    assert made.status_code == 303
    address = str(made.headers["location"])
    assert ask_for(client, "GET", address).status_code == 404
    assert ask_for(client, "GET", address, subject="other", **falcon).status_code == 200
    assert "Crossing" not in ask_for(client, "GET", "/decision/products").text


def test_nothing_under_originator_control_leaves_without_a_decision(client: TestClient) -> None:
    paragraph = "(S//OC/REL TO USA, GBR) The northern bridge carries the reserve at night."
    text = f"SECRET//ORCON/REL TO USA, GBR\n\n{paragraph}\n\nDeclassify On: 20501231\n"
    uploaded(client, text, "oc.txt")
    address, _ = composed(client)
    assert "Originator controlled" in ask_for(client, "GET", address).text
    assert ask_for(client, "GET", f"{address}/export/md", action="export").status_code == 409
    decided = ask_for(client, "GET", f"{address}/export/md", action="export", originator_decision="2026-114")
    assert decided.status_code == 200
    assert "ORCON" in decided.headers["X-Classification"]


def test_courses_are_compared_with_what_would_change_the_choice(client: TestClient) -> None:
    uploaded(client)
    grid = {
        "option-0": "North", "option-1": "South", "criterion-0": "Speed", "weight-0": "6", "score-0-0": "5",
        "score-0-1": "2", "criterion-1": "Cover", "weight-1": "4", "score-1-0": "2", "score-1-1": "4", "rests-1": "1",
    }  # fmt: skip
    address, _ = composed(client, "coa", **grid)
    page = ask_for(client, "GET", address).text
    assert "North leads." in page
    assert "South would lead if the weight of Cover were beyond 9" in page
    assert "quotation 1" in page


def test_a_product_that_says_nothing_or_until_no_day_is_refused(client: TestClient) -> None:
    uploaded(client, f"{MARKING}\n\n(S//REL TO USA, GBR) The northern bridge holds at night.\n", "x.txt")
    asked = question(client, "northern bridge at night")
    path = f"/decision/questions/{asked['id']}/products"
    empty = ask_for(client, "POST", path, form={"template": "bluf", "title": "T"})
    assert (empty.status_code, "the product is empty" in empty.text) == (409, True)
    form = {"template": "bluf", "title": "T", "judgement-0": "Cross.", "quotation-1": "1"}
    silent = ask_for(client, "POST", path, form=form)
    assert (silent.status_code, "declassify on" in silent.text) == (409, True)
    stated = ask_for(client, "POST", path, form=form | {"declassify": "20501231"})
    assert stated.status_code == 303
