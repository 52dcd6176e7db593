"""The page "why is this banner right?": what it shows, what it refuses, and that it keeps nothing."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Browser

from appliance.markings import Marking, dominates
from appliance.markings.vocabulary import chosen
from appliance.service.web.app import create_app
from appliance.service.web.marking_check import MOST_LINES, check_typed
from tests.component.service.browser import chromium, complaints, fits, served
from tests.unit.markings import strategies
from tests.unit.service.support import headers_for, make_paths, settings_for

__all__ = ["chromium"]

PAGE = "/labeling/markings"
STRICT = chosen("strict")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(create_app(settings_for("labeling"), make_paths(tmp_path))) as client:
        yield client


def answer(client: TestClient, portions: str, banner: str = "", **headers: str) -> tuple[int, str]:
    data = {"portions": portions, "banner": banner}
    response = client.post(PAGE, data=data, headers=headers_for("POST", PAGE, action="read") | headers)
    text = html.unescape(re.sub(r"<[^>]+>", " ", response.text))
    return response.status_code, " ".join(text.split())


def test_the_page_shows_the_banner_its_rules_and_who_may_read(client: TestClient) -> None:
    status, text = answer(client, "(S//REL TO USA, GBR)\r\n\r\n(C//REL TO USA, CAN, GBR)", "SECRET//REL TO USA, GBR")
    assert status == 200
    for expected in (
        "The banner SECRET//REL TO USA, GBR",
        "The banner of the document is what its portions demand.",
        "CAN is left out, because of line 1",
        "ISM-ID-00088",
        "every nationality of a reader is one of GBR, USA",
    ):
        assert expected in text
    assert "2001.21(b)" in text


@pytest.mark.parametrize(
    ("portions", "banner", "expected"),
    [
        ("(C//REL TO USA, GBR)", "SECRET//REL TO USA, GBR", "banner of the document is wrong"),
        ("(S//REL TO USA, GER)", "", "Instead: DEU"),
        ("(S//REL TO GBR, USA)", "", "Instead: USA, GBR"),
        ("(S//REL TO USA, GBR)", "SECRET//REL", "The banner is wrong"),
        ("(S//REL)", "SECRET//REL TO USA, GBR", "(S//REL) SECRET//REL TO USA, GBR"),
        ("(S//REL TO USA, GBR)\n(U//LES)", "", "above this enclave"),
        ("", "", "Nothing was typed"),
        ("<script>alert(1)</script>", "", "is wrong"),
    ],
)
def test_what_is_wrong_is_explained(client: TestClient, portions: str, banner: str, expected: str) -> None:
    status, text = answer(client, portions, banner)
    assert (status, expected in text) == (200, True), text


@pytest.mark.parametrize(
    "typed",
    [
        "(TS//NF)",
        "(S//NF)",
        "(S//SI//REL TO USA, GBR)",
        "(S//SAR-ZEBRA//REL TO USA, GBR)",
        "(S//REL TO USA, CAN)",
        "(TS//SI-ABCDE//REL TO)",
        "ts//si//nf",
        "((TS",
        "TS",
        "S TOP SECRET//ZEBRA",
        "TOP-SECRET/ZEBRA",
        "//CTS//ZEBRA",
        "(U//TALENT KEYHOLE)",
        "(S//RD-ZEBRA)",
        "\u0422S//ZEBRA",
    ],
)
@pytest.mark.parametrize("place", ["portions", "banner"])
def test_what_is_above_the_enclave_is_refused_and_not_shown_again(client: TestClient, typed: str, place: str) -> None:
    fields = (
        {"portions": f"(U)\n{typed}", "banner": ""} if place == "portions" else {"portions": "(U)", "banner": typed}
    )
    status, text = answer(client, fields["portions"], fields["banner"])
    assert status == 409
    assert "Refused: above this enclave" in text
    assert typed.strip("()") not in text.replace("SECRET//REL TO USA, GBR", "")
    assert "The banner UNCLASSIFIED" not in text


def test_what_is_typed_is_in_no_log_and_no_file(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    with TestClient(create_app(settings_for("labeling"), make_paths(tmp_path))) as client:
        for typed in ("(S//ZEBRA)", "(TS//SAR-ZEBRA//NF)", "(S//REL TO USA, GBR)"):
            answer(client, typed, "ZEBRA")
    written = capsys.readouterr()
    assert PAGE in written.out, "the requests themselves are logged"
    assert "ZEBRA" not in written.out + written.err + caplog.text
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and b"ZEBRA" in file.read_bytes()]


def test_a_higher_session_cannot_type_into_the_page_of_a_lower_enclave(client: TestClient) -> None:
    high = "TS;SI;USA"
    assert client.get(PAGE, headers=headers_for("GET", PAGE, working=high)).status_code == 404
    typed = client.post(PAGE, data={"portions": "(U)"}, headers=headers_for("POST", PAGE, working=high))
    assert typed.status_code == 404


@pytest.mark.parametrize(
    "body",
    [b"portions=%00", b"portions=" + b"A" * 60_000, b"&".join(b"x%d=1" % number for number in range(50)), b"\xff"],
)
def test_odd_bodies_are_refused_or_answered_but_never_break_the_page(client: TestClient, body: bytes) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    response = client.post(PAGE, content=body, headers=headers_for("POST", PAGE) | kind)
    assert response.status_code in {200, 413, 422}
    assert response.headers["X-Classification"] == "SECRET//REL TO USA, GBR"


def test_more_lines_than_the_page_reads_are_not_silently_left_out(client: TestClient) -> None:
    status, text = answer(client, "\n".join(["(U)"] * MOST_LINES + ["(S//REL TO USA, GBR)"]))
    assert (status, "more than" in text) == (200, True)
    assert "The banner UNCLASSIFIED" not in text


@given(st.lists(strategies.markings, min_size=1, max_size=4), strategies.markings)
def test_nothing_is_shown_that_the_enclave_does_not_dominate(portions: list[Marking], enclave: Marking) -> None:
    label = enclave.label
    found = check_typed("\n".join(marking.portion for marking in portions), "", label, STRICT)
    for line in found.lines:
        assert line.why.marking is not None
        assert line.why.marking.repeats or dominates(label, line.why.marking.label)
    assert found.result is None or not found.above


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_and_works_by_keyboard_without_script(
    tmp_path: Path, chromium: Browser, width: int, scheme: str
) -> None:
    app = create_app(settings_for("labeling"), make_paths(tmp_path))
    with served(app, "off") as url:
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            java_script_enabled=False,
            color_scheme="dark" if scheme == "dark" else "light",
        )
        page = context.new_page()
        found = complaints(page)
        page.goto(url + PAGE)
        page.get_by_label("Portion marks").focus()
        page.keyboard.type("(S//REL TO USA, GBR)\n(U)")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_selector(".shown")
        assert page.locator(".shown").inner_text() == "SECRET//REL TO USA, GBR"
        assert page.get_by_role("status").last.inner_text() == "The banner is SECRET//REL TO USA, GBR."
        mark, banner = page.locator(".portion").first, page.locator(".shown")
        for name in ("background-color", "color"):
            colour = f"element => getComputedStyle(element).getPropertyValue('{name}')"
            assert mark.evaluate(colour) == banner.evaluate(colour), "a portion has the colours of its marking"
        page.locator("summary").last.press("Enter")
        assert page.locator("details[open]").count() == 1
        assert page.get_by_label("Portion marks").input_value() == "(S//REL TO USA, GBR)\n(U)"
        assert found == []
        context.close()


@pytest.fixture
def htmx() -> Path:
    """The file that the images carry, where they were built on this machine."""
    layers = Path("/var/cache/appliance/layers")
    found = next(layers.glob("*/tree/opt/appliance/static/htmx.min.js"), None)
    if found is None:
        pytest.skip("no image was built here: htmx is vendored in the images alone")
    return found


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_answers_while_somebody_types(tmp_path: Path, chromium: Browser, width: int, htmx: Path) -> None:
    paths = make_paths(tmp_path)
    (paths.static / "htmx.min.js").write_bytes(htmx.read_bytes())
    with served(create_app(settings_for("labeling"), paths), "off") as url:
        page = chromium.new_page(viewport={"width": width, "height": 900})
        page.route(f"{url}/", lambda route: route.fulfill(json={"pages": [], "session": None}))  # the monitor's page
        found = complaints(page)
        page.goto(url + PAGE)
        page.get_by_label("Portion marks").press_sequentially("(S//REL TO USA, GBR)")
        page.wait_for_selector(".shown")
        assert "GBR" in page.get_by_role("status").last.inner_text()
        page.get_by_label("Portion marks").press_sequentially("\n(TS)")
        page.wait_for_selector("text=Refused: above this enclave")
        assert page.locator(".shown").count() == 0
        assert fits(page)
        assert found == []
        assert "(TS)" not in page.url
