"""Answers: quotations word for word, computed banners, and nothing that hidden documents change."""

import re
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient

from tests.component.decision.conftest import empty
from tests.component.decision.support import MARKING, REPORT, ask_for, question, uploaded
from tests.unit.service.support import Monitor

FALCON: dict[str, Any] = {"groups": ("falcon",)}


def test_an_answer_quotes_word_for_word_with_mark_place_and_source(client: TestClient, monitor: Monitor) -> None:
    document = uploaded(client, REPORT, "report.txt", originator="1st Survey")
    found = question(client, "What crosses the northern bridge at night?")
    first = found["quotations"][0]
    assert (
        first["quotation"] == "Convoys of the 4th Brigade cross the northern bridge at night between 2100Z and 2300Z."
    )
    assert (first["document"], first["marking"]) == (document, "S//REL TO USA, GBR")
    assert first["source"]["originator"] == "1st Survey"
    assert [record["activity"] for record in monitor.records] == ["document.create", "question.ask"]
    page = ask_for(client, "GET", f"/decision/questions/{found['id']}")
    assert page.headers["X-Classification"] == MARKING
    assert "<mark>bridge</mark>" in page.text


def test_the_banner_is_the_join_of_all_that_is_shown(client: TestClient) -> None:
    uploaded(client, "UNCLASSIFIED\n\nThe mill at Marlow grinds corn.\n", "mill.txt")
    low = question(client, "mill", marking="UNCLASSIFIED")
    assert ask_for(client, "GET", f"/decision/questions/{low['id']}").headers["X-Classification"] == "UNCLASSIFIED"
    secret = question(client, "mill")  # a question takes the enclave's marking unless its author says another
    assert ask_for(client, "GET", f"/decision/questions/{secret['id']}").headers["X-Classification"] == MARKING
    uploaded(client)  # an unclassified paragraph of a secret document is shown with a title that is secret
    title = question(client, "southern repairs", marking="UNCLASSIFIED")
    assert title["quotations"][0]["marking"] == "U"
    assert title["classification"]["marking"] == MARKING


def test_questions_are_read_by_who_asked_and_under_their_current_groups(client: TestClient) -> None:
    uploaded(client, context=FALCON, groups=["falcon"])
    found = question(client, "bridge", **FALCON)
    assert found["quotations"]
    address = f"/decision/questions/{found['id']}"
    assert ask_for(client, "GET", address, **FALCON).status_code == 200
    assert ask_for(client, "GET", address, subject="other", **FALCON).status_code == 404
    assert ask_for(client, "GET", address).status_code == 404  # no member any more
    assert "bridge" not in ask_for(client, "GET", "/decision/").text
    assert question(client, "bridge")["quotations"] == []


def shape(found: dict[str, Any]) -> str:
    """An answer without the random identifiers of its own."""
    return re.sub(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "id", str(found))


@pytest.mark.parametrize("hidden", [0, 300])
def test_hidden_documents_change_nothing(
    client: TestClient, cluster: Path, hidden: int, request: pytest.FixtureRequest
) -> None:
    """Two twins, one with documents of a group that the reader is no member of: the bytes are the same."""
    known = request.config.stash.setdefault(TWINS, {})
    empty(cluster)
    uploaded(client, REPORT, "a.txt")
    for number in range(hidden // 100):
        one = f"(U) The northern bridge {number} crosses at night. Brigade convoys again.\n"
        uploaded(client, f"{MARKING}\n\n{one * 100}", f"h{number}.txt", context=FALCON, groups=["falcon"])
    uploaded(client, "UNCLASSIFIED\n\nThe mill by the bridge grinds corn.\n", "b.txt")
    seen = [shape(question(client, text)) for text in ("bridge", "northern bridge at night", "corn", "brigade convoys")]
    pages = [
        re.sub(r"\d\d \w{3} \d{4} \d\d:\d\dZ|sha256:\w+", "", shape({"page": ask_for(client, "GET", path).text}))
        for path in ("/decision/", "/decision/documents", "/decision/products")
    ]
    known[hidden] = seen + pages
    if len(known) == 2:
        assert known[0] == known[300]


TWINS: pytest.StashKey[dict[int, list[str]]] = pytest.StashKey()


def test_no_key_or_index_begins_with_anything_but_a_restriction(cluster: Path) -> None:
    with psycopg.connect(f"host={cluster} dbname=decision user=postgres") as connection:
        found = connection.execute(
            """
            SELECT c.relname, a.attname FROM pg_index AS i
            JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
            JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
            WHERE n.nspname = 'decision'
            """
        ).fetchall()
    assert len(found) > 8
    assert {column for _, column in found} == {"restriction_id"}


def test_a_question_needs_words(client: TestClient) -> None:
    answer = ask_for(client, "POST", "/decision/api/questions", body={"text": "the of and"}, action="job")
    assert answer.status_code == 409
    assert "no word to look for" in answer.text
    above = ask_for(
        client, "POST", "/decision/api/questions", body={"text": "bridge", "marking": "TOP SECRET"}, action="job"
    )
    assert above.status_code == 409
    assert "TOP" not in above.text
