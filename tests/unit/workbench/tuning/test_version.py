"""A version is proven byte by byte, and its restriction is never lower than what it holds."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import ApplianceError
from appliance.markings import Label, joined
from tests.unit.workbench.tuning.data import exported, writing
from workbench.tuning.version import Version, read_version, restriction_of

ENCLAVE = Label.decode("S;;GBR,USA")


def read(digest: str, manifest: str, proof: str) -> Version:
    return read_version(manifest, proof.split("\n"), digest, ENCLAVE)


def test_a_version_is_read_as_it_was_made() -> None:
    version = read(*exported(writing(4), parts=["train", "test", "validation", "train"]))
    assert [one.answer for one in version.examples("train")] == ["Answer 1.", "Answer 4."]
    assert [one.prompt for one in version.examples("validation")] == [(("user", "Question 3?"),)]
    assert version.restriction.encode() == "S;;GBR,USA||"


@given(st.data())
def test_no_byte_can_be_changed(data: st.DataObject) -> None:
    digest, manifest, proof = exported(writing(3))
    texts = {"manifest": manifest, "proof": proof}
    which = data.draw(st.sampled_from(sorted(texts)))
    place = data.draw(st.integers(0, len(texts[which].rstrip()) - 1))
    letter = data.draw(st.characters(codec="ascii").filter(lambda one: one != texts[which][place]))
    texts[which] = texts[which][:place] + letter + texts[which][place + 1 :]
    try:
        found = read(digest, texts["manifest"], texts["proof"])
    except (ApplianceError, ValueError):
        return
    # What stands between the members of a line may differ: nothing is read of it.
    assert found == read(digest, manifest, proof)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda line: line | {"salt": "0" * 64, "content": line["content"] + " "}, "another digest"),
        (lambda line: line | {"content": None, "salt": None, "tombstone": "spilled"}, "was withdrawn"),
        (lambda line: line | {"more": 1}, "more"),
        (lambda line: None, "2 contents for 3 records"),
    ],
)
def test_a_proof_that_does_not_hold_is_refused(change: Any, reason: str) -> None:
    digest, manifest, proof = exported(writing(3))
    first, *others = [json.loads(line) for line in proof.splitlines()]
    changed = [line for line in (change(first), *others) if line is not None]
    with pytest.raises(ApplianceError, match=reason):
        read(digest, manifest, "\n".join(map(json.dumps, changed)))


@pytest.mark.parametrize(
    ("marking", "groups", "own", "reason"),
    [
        ("TOP SECRET//NOFORN", (), "TS;;USA||", "above this enclave"),
        ("SECRET//REL TO USA, GBR", ("falcon",), "S;;GBR,USA||", "limits more than the version says"),
        ("SECRET//ORCON/REL TO USA, GBR", (), "S;;GBR,USA||", "limits more than the version says"),
        ("SECRET//REL TO USA, GBR", (), "U;;*||", "limits more than the version says"),
    ],
)
def test_a_version_that_says_less_than_its_records_is_refused(
    marking: str, groups: tuple[str, ...], own: str, reason: str
) -> None:
    records = [*writing(2), *writing(3, marking=marking, groups=groups)[2:]]
    with pytest.raises(ApplianceError, match=reason):
        read(*exported(records, restriction=own))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["U", "SECRET//REL TO USA, GBR", "CONFIDENTIAL//REL TO USA, GBR"]),
            st.frozensets(st.sampled_from(["falcon", "heron"])),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_the_restriction_is_never_lower_than_that_of_a_record(made: list[tuple[str, frozenset[str]]]) -> None:
    records = [
        writing(number + 1, marking=marking, groups=tuple(sorted(groups)))[number]
        for number, (marking, groups) in enumerate(made)
    ]
    digest, manifest, proof = exported(records, restriction="S;;GBR,USA|falcon,heron|OC")
    version = read(digest, manifest, proof)
    limits = [restriction_of(member) for member in version.manifest.records]
    assert joined(*limits).within(version.restriction)
