"""What the documents claim is enforced, a test shows: each link names a test that exists, and no cell is forgotten."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
LINK = re.compile(r"\[[^\]]+\]\((\.\./tests/[^)#]+)#(\w+)\)")
CLASSES = [
    "Identity and context, forged and replayed", "Header and path tricks", "Streaming, slow paths and floods",
    "Direct ports", "Other networks and names", "Shared volumes and /proc", "Images swapped by tag or entrypoint",
    "Environment injection", "Database settings and SQL through labels", "Timing and error text", "Cached pages",
    "Podman's side doors", "Writing down through reading", "Media and signed statements",
]  # fmt: skip
ACTORS = [
    "outsider without a certificate", "insider at a lower level", "insider at the level, without need to know",
    "script of a low enclave in a high user's browser", "shell in a service container", "careless sysadmin with podman",
]  # fmt: skip


@pytest.mark.parametrize("document", ["attacks.md", "officer.md"])
def test_every_linked_test_exists(document: str) -> None:
    links = LINK.findall((DOCS / document).read_text())
    assert links
    for file, name in links:
        source = (DOCS / file).resolve()
        assert source.is_file(), file
        assert re.search(rf"^def {name}\(", source.read_text(), re.MULTILINE), f"{file} has no {name}"


def test_every_class_has_a_cell_for_every_actor_and_each_says_test_or_why_none() -> None:
    by_hand, _, _ = (DOCS / "attacks.md").read_text().partition("\n## Every attempt of `make attack`\n")
    sections = re.split(r"^## ", by_hand, flags=re.MULTILINE)[1:]
    assert [section.splitlines()[0] for section in sections] == CLASSES
    for section in sections:
        rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", section, re.MULTILINE)[1:]
        assert [who for who, _ in rows] == ACTORS, section.splitlines()[0]
        for who, cell in rows:
            assert LINK.search(cell) or re.match(r"none: \w", cell), (section.splitlines()[0], who)


def test_every_claim_of_the_officers_page_links_to_its_test() -> None:
    text = (DOCS / "officer.md").read_text()
    section = text.partition("## What is enforced where, and what is not\n")[2].partition("\n## ")[0]
    enforced, _, limits = section.partition("### What is not")
    claims = re.findall(r"^- .*(?:\n  .*)*", enforced, re.MULTILINE)
    assert len(claims) >= 10
    assert all(LINK.search(claim) for claim in claims)
    assert limits.strip(), "what is not enforced must be said"
