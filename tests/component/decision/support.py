"""Marked reports, and what people do with them over HTTP."""

from typing import Any

from fastapi.testclient import TestClient
from httpx2 import Response

from tests.unit.service.support import headers_for

MARKING = "SECRET//REL TO USA, GBR"
REPORT = f"""{MARKING}

(U) Bridge inspection at Marlow

(U) The northern bridge at Marlow carries vehicles of up to forty tonnes. It was inspected in March.

(S//REL TO USA, GBR) Convoys of the 4th Brigade cross the northern bridge at night between 2100Z and 2300Z.

(U) The southern bridge is closed for repairs until June.

Paragraph without a mark about the ferry at Marlow.

Derived From: Multiple Sources
Declassify On: 20501231

{MARKING}
"""


def ask_for(
    client: TestClient, method: str, url: str, /, *, form: Any = None, body: Any = None, **context: Any
) -> Response:
    """A request with the context that a gateway would add."""
    headers = headers_for(method, url, **context)
    return client.request(method, url, json=body, data=form, headers=headers, follow_redirects=False)


def upload(
    client: TestClient, text: str | bytes = REPORT, name: str = "report.txt", /, *, context: Any = None, **form: Any
) -> Response:
    """Upload a file."""
    data = text.encode() if isinstance(text, str) else text
    headers = headers_for("POST", "/decision/documents", **(context or {}))
    files = {"files": (name, data, "application/octet-stream")}
    return client.post("/decision/documents", data=form, files=files, headers=headers, follow_redirects=False)


def uploaded(client: TestClient, *args: Any, **form: Any) -> str:
    """Upload a file that is taken; the document's identifier."""
    answer = upload(client, *args, **form)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"]).rpartition("/")[2]


def question(
    client: TestClient, text: str, /, *, marking: str = "", claims: bool = False, **context: Any
) -> dict[str, Any]:
    """Ask; the answer."""
    asked = {"text": text, "marking": marking, "claims": claims}
    answer = ask_for(client, "POST", "/decision/api/questions", body=asked, **{"action": "job"} | context)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found
