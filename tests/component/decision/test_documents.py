"""Documents: read paragraph by paragraph, held back, refused, withdrawn."""

import io
import zipfile

import pytest
from fastapi.testclient import TestClient

from tests.component.decision.support import MARKING, REPORT, ask_for, question, upload, uploaded
from tests.unit.service.support import Monitor


def test_paragraphs_have_their_marks_and_those_without_take_the_banner(client: TestClient, monitor: Monitor) -> None:
    document = uploaded(client, REPORT, "report.txt", originator="1st Survey", reliability="B", credibility="2")
    page = ask_for(client, "GET", f"/decision/documents/{document}")
    assert page.status_code == 200
    assert page.headers["X-Classification"] == MARKING
    assert "Convoys of the 4th Brigade" in page.text
    assert "no mark of its own" in page.text
    assert "B2" in page.text
    assert [record["activity"] for record in monitor.records] == ["document.create"]


def test_a_document_that_contradicts_itself_is_held_back_until_somebody_else_releases_it(client: TestClient) -> None:
    text = "UNCLASSIFIED\n\n(U) The ferry is green.\n\n(C//REL TO USA, GBR) The ferry carries the brigade.\n"
    document = uploaded(client, text, "ferry.txt")
    assert question(client, "ferry")["quotations"] == []
    page = ask_for(client, "GET", f"/decision/documents/{document}")
    assert "asks for more than the banner" in page.text
    own = ask_for(client, "POST", f"/decision/documents/{document}/release")
    assert own.status_code == 409
    other = ask_for(client, "POST", f"/decision/documents/{document}/release", subject="lead")
    assert other.status_code == 303
    found = question(client, "ferry")["quotations"]
    assert {one["marking"] for one in found} == {"S//REL TO USA, GBR"}
    assert len(found) == 2


@pytest.mark.parametrize(
    ("text", "form", "words"),
    [
        ("TOP SECRET//NOFORN\n\n(TS//NF) Something.\n", {}, "above this enclave"),
        (f"{MARKING}\n\n(U) Fine. (TS) Not fine.\n", {}, "above this enclave"),
        (f"{MARKING}\n\n(S) Not releasable.\n", {}, "above this enclave"),
        ("Nothing is marked here.\n", {}, "no banner"),
        ("Nothing is marked here.\n", {"marking": "SECRETISH"}, "declared marking"),
        (f"{MARKING}\n", {}, "no text"),
    ],
)
def test_what_is_above_or_unmarked_is_refused_and_nothing_of_it_stays(
    client: TestClient, monitor: Monitor, text: str, form: dict[str, str], words: str
) -> None:
    answer = upload(client, text, "wrong.txt", **form)
    assert answer.status_code == 409
    assert words in answer.text
    assert "Something" not in answer.text
    assert ask_for(client, "GET", "/decision/api/documents").json()["documents"] == []
    assert not [record for record in monitor.records if record["activity"] == "document.create"]


def test_an_unmarked_document_takes_what_its_uploader_declares(client: TestClient) -> None:
    uploaded(client, "The harbour at Marlow is shallow.\n", "note.txt", marking="UNCLASSIFIED")
    (found,) = question(client, "harbour", marking="UNCLASSIFIED")["quotations"]
    assert (found["marking"], found["inherited"]) == ("U", True)


def test_a_withdrawn_document_is_found_no_more(client: TestClient) -> None:
    document = uploaded(client)
    assert question(client, "bridge")["quotations"]
    assert ask_for(client, "POST", f"/decision/documents/{document}/withdraw", subject="other").status_code == 409
    assert ask_for(client, "POST", f"/decision/documents/{document}/withdraw").status_code == 303
    assert question(client, "bridge")["quotations"] == []
    assert ask_for(client, "GET", f"/decision/documents/{document}").status_code == 404
    assert uploaded(client)  # and may come again


def test_the_same_file_is_taken_once(client: TestClient) -> None:
    uploaded(client)
    assert upload(client).status_code == 409


def test_without_a_durable_record_nothing_is_there(client: TestClient, monitor: Monitor) -> None:
    monitor.unrecordable.add("document.create")
    assert upload(client).status_code == 503
    assert ask_for(client, "GET", "/decision/api/documents").json()["documents"] == []


def docx(**parts: str) -> bytes:
    """A Word document of these parts of its body and its comments."""
    words = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as package:
        package.writestr("[Content_Types].xml", "<Types/>")
        for name, body in parts.items():
            package.writestr(f"word/{name}.xml", f'<w:document xmlns:w="{words}"><w:body>{body}</w:body></w:document>')
    return file.getvalue()


def paragraph(text: str, kind: str = "t") -> str:
    return f"<w:p><w:r><w:{kind}>{text}</w:{kind}></w:r></w:p>"


def test_deleted_text_and_comments_are_read_and_hold_back_what_hides_in_them(client: TestClient) -> None:
    body = paragraph("UNCLASSIFIED") + paragraph("(U) The mill is old.")
    hidden = paragraph("(C//REL TO USA, GBR) The mill stores fuel.", "delText")
    document = uploaded(client, docx(document=body + hidden, comments=paragraph("(U) Who says so?")), "mill.docx")
    page = ask_for(client, "GET", f"/decision/documents/{document}").text
    assert "Held back" in page
    assert "does not show" in page
    assert "Who says so?" in page


def test_a_hostile_file_ends_its_own_process_alone(client: TestClient) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("word/document.xml", b"<w>" + b" " * (80 << 20) + b"</w>")
    assert upload(client, file.getvalue(), "bomb.docx").status_code == 409
    entity = docx(document=paragraph("&x;"))
    assert upload(client, entity, "entity.docx").status_code == 409
    assert upload(client, b"\x00\x01\x02", "noise.pdf").status_code == 409
    assert upload(client, b"MZ", "tool.exe").status_code == 409
    assert uploaded(client)
