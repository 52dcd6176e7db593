"""Laws of versions: parts that do not move, digests that follow from the content, differences that add up."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from appliance.markings import Restriction
from appliance.markings.vocabulary import default
from images.labeling.app.restrictions import Marked, Restrictions
from workbench.exchange.record import Given, Record
from workbench.tasks import kind_of
from workbench.versions.content import content_of, digest_of, record_of
from workbench.versions.manifest import Lineage, Manifest, Member, difference
from workbench.versions.splits import SHARES, cluster_of, split_of

NAMES = st.text(alphabet="abcdef", min_size=1, max_size=4)
EMPTY = Lineage(sources={}, models={}, annotators={}, reviewers={}, adjudicators={}, reviews={}, certainty={})


@given(st.lists(NAMES, unique=True, min_size=1, max_size=50), NAMES)
def test_a_cluster_s_part_follows_from_its_name_alone(clusters: list[str], seed: str) -> None:
    parts = {name: split_of(name, seed) for name in clusters}
    assert all(parts[name] == split_of(name, seed) for name in reversed(clusters))
    assert set(parts.values()) <= set(SHARES)


def test_parts_are_as_large_as_they_should_be() -> None:
    parts = [split_of(str(number), "seed") for number in range(10_000)]
    for name, share in SHARES.items():
        assert abs(parts.count(name) / 10_000 - share) < 0.02, name


def test_a_cluster_is_a_place_or_a_day_or_the_record_itself() -> None:
    source = {"place": "Said", "time": "2026-11-27T05:00:00Z", "deep": {"sensor": 4}}
    assert cluster_of({}, source, "source.place", "x") == cluster_of({}, {"place": "Said"}, "source.place", "y")
    later = source | {"time": "2026-11-27 23:59"}
    assert cluster_of({}, source, "source.time", "x") == cluster_of({}, later, "source.time", "y")
    assert cluster_of({}, source, "source.deep.sensor", "x") == "field:4"
    for field in ("", "source.none", "source.place.further", "data.place"):
        assert cluster_of({}, source, field, "x") == "record:x" != cluster_of({}, source, field, "y")


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    records = draw(st.dictionaries(NAMES, st.tuples(st.sampled_from("01"), st.sampled_from(list(SHARES))), max_size=12))
    members = tuple(
        Member(id=name, digest=f"sha256:{digest * 64}", marking="U", groups=(), split=split)
        for name, (digest, split) in records.items()
    )
    project: dict[str, Any] = {"id": "p", "name": "p", "kind": "pairwise", "schema": {}}
    return Manifest(
        project=project, name="v", restriction="U;;*||", marking="UNCLASSIFIED", groups=(), parent=None, made_by="lead",
        made="2026-11-28", split_by="", shares=SHARES, records=members, checks=(), lineage=EMPTY,
    )  # fmt: skip


@given(manifests(), manifests())
def test_differences_add_up_and_turn_round(one: Manifest, other: Manifest) -> None:
    there, back = difference(one, other), difference(other, one)
    assert len(there.added) + len(there.changed) + there.same == len(other.records)
    assert (set(there.added), set(there.removed)) == (set(back.removed), set(back.added))
    assert (set(there.changed), set(there.moved), there.same) == (set(back.changed), set(back.moved), back.same)
    assert difference(one, one).same == len(one.records)


@given(manifests(), manifests())
def test_a_digest_is_of_one_manifest(one: Manifest, other: Manifest) -> None:
    assert (one.digest == other.digest) == (one == other)
    assert Manifest.model_validate_json(one.text()) == one


CHOICES = st.lists(st.sampled_from(["a", "b", "tie"]), min_size=1, max_size=5)


@given(CHOICES, st.booleans())
def test_each_label_says_how_sure_it_is_and_who_dissents(choices: list[str], decided: bool) -> None:
    kind = kind_of("pairwise")
    answers = tuple(Given(f"p{n}", {"choice": one, "reason": ""}, "2026") for n, one in enumerate(choices))
    verdict = {"adjudicator": "x", "value": {"choice": "a", "reason": ""}, "reason": "r", "created": "2026"}
    data = {"prompt": "p", "answers": ["1", "2"]}
    record = Record("r", "U", (), data, {}, None, answers, verdict if decided else None)
    schema = kind.read_schema({})
    text = content_of(kind, schema, record)
    again = record_of(text)
    assert content_of(kind, schema, again) == text
    said = json.loads(text)
    settled = record.settled(kind, schema)
    assert said["settled"] == settled
    assert said["certainty"]["of"] == len(choices)
    expected = [f"p{n}" for n, one in enumerate(choices) if settled is None or one != settled["choice"]]
    assert said["dissent"] == expected
    assert said["certainty"]["agree"] == len(choices) - len(expected)


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32), NAMES)
def test_a_digest_covers_its_salt(one: bytes, other: bytes, text: str) -> None:
    assert (digest_of(text, one.hex()) == digest_of(text, other.hex())) == (one == other)


PORTIONS = st.sampled_from(
    ["U", "C//REL TO USA, GBR", "C//OC/REL TO USA, GBR", "S//REL TO USA, FRA, GBR", "S//NF", "S//OC/NF"]
)
PARTS = st.lists(st.tuples(PORTIONS, st.sets(st.sampled_from(["falcon", "heron"]))), min_size=1, max_size=5)


@given(PARTS)
def test_the_join_of_parts_is_written_as_a_marking_that_says_it(parts: list[tuple[str, set[str]]]) -> None:
    """What the database keeps of a version's restriction is its portion: it must say what the join says."""
    marked = [Marked.of(portion, groups) for portion, groups in parts]
    whole = Restrictions("SECRET//NOFORN", default()).joined(marked)
    expected: Restriction = marked[0].restriction
    for part in marked:
        expected = expected.join(part.restriction)
    assert whole.restriction == expected
    assert Marked.of(whole.portion, whole.groups).restriction == expected
