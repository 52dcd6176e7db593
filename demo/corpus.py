"""The small corpus of the demonstration: marked reports, all made up, and questions about them."""

from pathlib import Path
from typing import Any

import httpx

from demo.instance import Instance, require, stand_in
from demo.users import MARKINGS, user, wait_until

REPORTS = Path(__file__).parent / "reports"
LATE = "arrives.txt"
"""A report that the tour has arrive later."""
QUESTION = "Which vehicles can cross the northern bridge at Marlow?"
ANALYST = stand_in("analyst")


def upload(client: httpx.Client, file: Path) -> None:
    """Have one report read into passages; one that is there already stays."""
    answer = client.post("/decision/documents", files={"files": (file.name, file.read_bytes(), "text/plain")})
    require(answer.status_code == 303 or "already" in answer.text, f"{file.name}: {answer.text[:300]}")


def ask(client: httpx.Client, question: str, *, claims: bool = False) -> dict[str, Any]:
    """Ask the documents; the answer with its quotations."""
    answer = client.post("/decision/api/questions", json={"text": question, "claims": claims})
    require(answer.status_code == 201, answer.text)
    found: dict[str, Any] = answer.json()
    return found


def read_and_ask(instance: Instance) -> dict[str, Any]:
    """The analyst has reports read at two levels and asks at each; every quotation stands in its report."""
    told: dict[str, Any] = {}
    for enclave in ("unclassified", "secret"):
        folder = REPORTS / enclave
        with user(instance, ANALYST, enclave, session=True) as client:
            for file in sorted(folder.glob("*.txt")):
                if file.name != LATE:
                    upload(client, file)
            found = ask(client, QUESTION, claims=True)
            texts = {file.name: file.read_text() for file in folder.glob("*.txt")}
            for quotation in found["quotations"]:
                require(any(quotation["quotation"] in text for text in texts.values()), f"not in a report: {quotation}")
            answered = wait_until(lambda client=client, found=found: _answered(client, found["id"]), 300, "the claims")
        require(found["quotations"], f"nothing answers in {enclave}")
        told[enclave] = {
            "quotations": len(found["quotations"]),
            "marking": MARKINGS[enclave],
            "claims": len(answered["claims"]),
            "state": answered["state"],
        }
    return told


def _answered(client: httpx.Client, identifier: str) -> dict[str, Any] | None:
    found: dict[str, Any] = client.get(f"/decision/api/questions/{identifier}").json()
    return found if found["state"] != "asking" else None
