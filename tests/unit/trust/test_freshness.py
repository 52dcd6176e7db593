"""Attacks on a repository that is carried on media: rollback, freeze, mix-and-match, fast-forward, wrong people.

The names follow "Attacks and weaknesses" of the TUF specification, section 1.5.2.
"""

from pathlib import Path

import pytest

from appliance.errors import ApplianceError
from appliance.trust.canonical import decode, encode
from appliance.trust.repository import hybrid
from appliance.trust.repository.chain import RootChain, approval_name
from appliance.trust.repository.freshness import Freshness
from appliance.trust.repository.root import make_root
from tests.unit.trust.simulator import (
    ANNA,
    BERT,
    CARL,
    DAY,
    DORA,
    EVE,
    FRED,
    START,
    Simulator,
    enrol,
    first_root,
    without_quantum_safe_key,
)


@pytest.fixture
def medium() -> Simulator:
    return Simulator()


def refused(medium: Simulator, match: str, **arguments: object) -> None:
    with pytest.raises(ApplianceError, match=match):
        medium.accept(**arguments)  # type: ignore[arg-type]


def test_an_honest_medium_is_accepted(medium: Simulator) -> None:
    repository = medium.accept()
    assert repository.version == 1
    assert repository.signers["hybrid"] == ("anna", "bert")
    assert list(repository.targets) == ["models/small.gguf"]


def test_a_newer_edition_is_accepted(medium: Simulator) -> None:
    medium.accept()
    medium.publish(2)
    assert medium.accept().version == 2


def test_the_same_edition_again(medium: Simulator) -> None:
    medium.accept()
    assert medium.accept().version == 1


def test_an_edition_may_be_skipped(medium: Simulator) -> None:
    medium.accept()
    medium.publish(7)
    assert medium.accept().version == 7


# rollback


def test_rollback_to_an_older_edition(medium: Simulator) -> None:
    older = medium.files
    medium.publish(2)
    medium.accept()
    medium.files = older
    refused(medium, "timestamp.json: older than what this host accepted")


def test_rollback_of_the_snapshot_under_a_newer_timestamp(medium: Simulator) -> None:
    medium.publish(2)
    medium.accept()
    snapshot, timestamp = medium.signed("snapshot.json"), medium.signed("timestamp.json")
    snapshot.version, timestamp.version = 1, 3
    medium.files["timestamp.json"] = b""
    medium.publish(3)
    medium.forge("snapshot.json", snapshot)
    refused(medium, "timestamp.json: older than what this host accepted.*snapshot")


def test_rollback_of_the_targets_under_a_newer_snapshot(medium: Simulator) -> None:
    targets = medium.signed("targets.json")
    medium.publish(2)
    medium.accept()
    medium.publish(3)
    medium.forge("targets.json", targets)
    refused(medium, "snapshot.json: older than what this host accepted")


def test_another_document_under_the_same_version(medium: Simulator) -> None:
    medium.accept()
    medium.publish(1, expires=START + 101 * DAY)
    refused(medium, "has the version of the one this host accepted, but is another file")


def test_expired_memory_still_protects_from_rollback(medium: Simulator) -> None:
    older = medium.files
    medium.publish(2, expires=START + 2 * DAY)
    medium.accept()
    medium.files = older
    refused(medium, "older than what this host accepted", now=START + 3 * DAY)


# freeze


def test_freeze(medium: Simulator) -> None:
    refused(medium, "timestamp.json: .*expired", now=START + 100 * DAY)


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_each_role_expires(medium: Simulator, role: str) -> None:
    signed = medium.signed(f"{role}.json")
    signed.expires = START + DAY
    medium.forge(f"{role}.json", signed)
    refused(medium, f"{role}(.json)?.* expired", now=START + DAY)


def test_the_root_expires(medium: Simulator) -> None:
    medium.publish(1, expires=START + 2000 * DAY)
    refused(medium, "root.json is expired", now=START + 1000 * DAY)


def test_a_clock_set_back_is_corrected_by_the_medium(medium: Simulator) -> None:
    medium.publish(1, created=START + 50 * DAY)
    assert medium.accept(now=START - 900 * DAY).reference_time == START + 50 * DAY
    medium.publish(2, created=START + 50 * DAY, expires=START + 10 * DAY)
    refused(medium, "expired", now=START)


def test_what_was_accepted_last_proves_the_time(medium: Simulator) -> None:
    medium.publish(2, created=START + 60 * DAY)
    medium.accept()
    medium.publish(3, created=START, expires=START + 50 * DAY)
    refused(medium, "expired", now=START)


def test_the_site_refuses_and_warns_by_its_own_thresholds(medium: Simulator, tmp_path: Path) -> None:
    file = tmp_path / "freshness.yml"
    file.write_text("warn_days: 20\nmaximum_age_days: 90\n")
    thresholds = Freshness.load(file)
    assert thresholds.judge(medium.accept(now=START + 79 * DAY)) == []
    (warning,) = thresholds.judge(medium.accept(now=START + 81 * DAY))
    assert "expires in 19 days" in warning
    with pytest.raises(ApplianceError, match="made 91 days ago"):
        thresholds.judge(medium.accept(now=START + 91 * DAY))


@pytest.mark.parametrize("text", ["", "warn_days: soon", "warn_day: 1", "warn_days: 1\nwarn_days: 2"])
def test_thresholds_that_are_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "freshness.yml").write_text(text)
    with pytest.raises(ApplianceError, match=r"freshness.yml"):
        Freshness.load(tmp_path / "freshness.yml")


def test_the_thresholds_that_we_ship_are_the_default() -> None:
    assert Freshness.load(Path(__file__).parents[3] / "policies" / "freshness.yml") == Freshness()


# mix-and-match


def test_targets_of_another_edition(medium: Simulator) -> None:
    targets = medium.files["targets.json"]
    medium.publish(2)
    medium.files["targets.json"] = targets
    medium.cover(ANNA, BERT)
    refused(medium, "targets.json: older than .* or not the version")


def test_a_snapshot_of_another_edition(medium: Simulator) -> None:
    snapshot = medium.files["snapshot.json"]
    medium.publish(2)
    medium.files["snapshot.json"] = snapshot
    medium.cover(ANNA, BERT)
    refused(medium, "older than .* or not the version that was signed with it")


def test_one_file_exchanged_after_both_algorithms_signed(medium: Simulator) -> None:
    envelope = medium.files[hybrid.FILE]
    medium.publish(2)
    medium.files[hybrid.FILE] = envelope
    refused(medium, "hybrid.dsse.json: .* is not the file that was signed")


# fast-forward


def test_recovery_after_fast_forward(medium: Simulator) -> None:
    timestamp = medium.signed("timestamp.json")
    timestamp.version = 2**31
    medium.forge("timestamp.json", timestamp)
    medium.accept()
    medium.publish(2)
    refused(medium, "older than what this host accepted")
    medium.rotate(enrol(CARL, DORA, FRED), ANNA, BERT, CARL, DORA)
    medium.signers = [CARL, DORA]
    medium.publish(2)
    assert medium.accept().version == 2


# people


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_one_person_alone_signs_no_role(medium: Simulator, role: str) -> None:
    medium.forge(f"{role}.json", medium.signed(f"{role}.json"), ANNA)
    if role == "targets":
        snapshot = medium.signed("snapshot.json")
        medium.forge("snapshot.json", snapshot, ANNA, BERT)
    elif role == "snapshot":
        medium.forge("timestamp.json", medium.signed("timestamp.json"), ANNA, BERT)
    medium.cover(ANNA, BERT)
    refused(medium, f"{role}.json: {role} was signed by 1/2 keys")


def test_a_stranger_beside_enough_people(medium: Simulator) -> None:
    medium.forge("targets.json", medium.signed("targets.json"), ANNA, BERT, EVE)
    refused(medium, "of no permitted person")


def test_broken_ecdsa_alone_signs_nothing(medium: Simulator) -> None:
    medium.forge("targets.json", medium.signed("targets.json"), *map(without_quantum_safe_key, (ANNA, BERT)))
    refused(medium, "hybrid.dsse.json: signature . is of no known person")


def test_ecdsa_signatures_alone(medium: Simulator) -> None:
    envelope = decode(medium.files[hybrid.FILE], "hybrid")
    classical = {ANNA.classical.public.keyid, BERT.classical.public.keyid}
    envelope["signatures"] = [each for each in envelope["signatures"] if each["keyid"] in classical]
    medium.files[hybrid.FILE] = encode(envelope)
    refused(medium, "0 people signed with both algorithms; 2 must")


def test_two_people_with_one_algorithm_each(medium: Simulator) -> None:
    envelope = decode(medium.files[hybrid.FILE], "hybrid")
    one_each = {ANNA.classical.public.keyid, BERT.quantum_safe.public.keyid}
    envelope["signatures"] = [each for each in envelope["signatures"] if each["keyid"] in one_each]
    medium.files[hybrid.FILE] = encode(envelope)
    refused(medium, "0 people signed with both algorithms")


# roots


def test_a_lost_key_is_replaced(medium: Simulator) -> None:
    medium.accept()
    medium.rotate(enrol(BERT, CARL, DORA), BERT, CARL)
    medium.signers = [CARL, DORA]
    medium.publish(2)
    assert medium.accept().signers["targets"] == ("carl", "dora")


def test_a_revoked_person_no_longer_counts(medium: Simulator) -> None:
    medium.rotate(enrol(BERT, CARL, DORA), BERT, CARL)
    medium.signers = [CARL, DORA]
    medium.publish(2)
    medium.forge("targets.json", medium.signed("targets.json"), ANNA, BERT)
    refused(medium, "of no permitted person")


def test_the_hosts_newer_root_judges_an_older_medium(medium: Simulator) -> None:
    stolen = Simulator.publish
    medium.rotate(enrol(BERT, CARL, DORA), BERT, CARL)
    medium.signers = [CARL, DORA]
    medium.publish(2)
    medium.accept()
    medium.chain = RootChain({"1.root.json": medium.chain.roots[0]})
    medium.signers = [ANNA, BERT]
    stolen(medium, 3)
    refused(medium, "of no permitted person")


def root_by(medium: Simulator, *signers: object, approved_by: tuple[object, ...]) -> None:
    """A second root for strangers, signed by whoever is given, put on the medium without the honest checks."""
    data = make_root(enrol(EVE, FRED), version=2, expires=START + 1000 * DAY, signers=signers)  # type: ignore[arg-type]
    approval = hybrid.sign({"2.root.json": data}, approved_by)  # type: ignore[arg-type]
    medium.chain = RootChain(medium.chain.files | {"2.root.json": data, approval_name(2): approval})
    medium.signers = [EVE, FRED]
    medium.publish(2)


def test_a_root_that_only_the_newcomers_sign(medium: Simulator) -> None:
    root_by(medium, EVE, FRED, approved_by=(EVE, FRED))
    refused(medium, r"2.root.hybrid.dsse.json: signature 1 is of no known person")


def test_a_root_that_one_person_approves(medium: Simulator) -> None:
    root_by(medium, ANNA, EVE, FRED, approved_by=(ANNA,))
    refused(medium, r"2.root.hybrid.dsse.json: 1 people signed with both")


def test_a_root_by_broken_ecdsa(medium: Simulator) -> None:
    thieves = tuple(map(without_quantum_safe_key, (ANNA, BERT)))
    root_by(medium, *thieves, EVE, FRED, approved_by=thieves)
    refused(medium, r"2.root.hybrid.dsse.json: signature . is of no known person")


def test_a_root_that_the_newcomers_do_not_sign(medium: Simulator) -> None:
    root_by(medium, ANNA, BERT, approved_by=(ANNA, BERT))
    refused(medium, "2.root.json: .*root was signed by 0/2 keys")


def test_a_root_version_exists_once(medium: Simulator) -> None:
    start = medium.chain
    medium.rotate(enrol(BERT, CARL, DORA), BERT, CARL)
    medium.signers = [BERT, CARL]
    medium.publish(2)
    medium.accept()
    medium.chain = start
    medium.rotate(enrol(BERT, CARL, FRED), BERT, CARL)
    medium.publish(3)
    refused(medium, "2.root.json: differs from the one that this host accepted")


def test_a_chain_with_a_gap(medium: Simulator) -> None:
    medium.rotate(enrol(BERT, CARL, DORA), BERT, CARL)
    medium.rotate(enrol(BERT, CARL, FRED), BERT, CARL)
    medium.signers = [BERT, CARL]
    medium.publish(2)
    medium.accept()
    del medium.files["2.root.json"]
    refused(medium, "not a chain from 1")


def test_another_first_root(medium: Simulator) -> None:
    medium.chain = first_root(EVE, FRED)
    medium.signers = [EVE, FRED]
    medium.publish(2)
    refused(medium, "its fingerprint is")


def test_a_root_for_one_person_alone_is_not_made() -> None:
    with pytest.raises(ApplianceError, match="1 of 2 people cannot be a threshold"):
        first_root(ANNA, BERT, threshold=1)


# form


def change(medium: Simulator, name: str, **fields: object) -> None:
    document = decode(medium.files[name], name)
    document["signed"] |= fields
    medium.files[name] = encode(document)


def test_an_unknown_version_of_the_specification(medium: Simulator) -> None:
    change(medium, "targets.json", spec_version="2.0.0")
    refused(medium, "targets.json: signed.spec_version")


def test_an_unknown_field(medium: Simulator) -> None:
    change(medium, "snapshot.json", comment="hello")
    refused(medium, "snapshot.json: signed.comment")


def test_delegations_are_not_part_of_the_format(medium: Simulator) -> None:
    change(medium, "targets.json", delegations={"keys": {}, "roles": []})
    refused(medium, "signed.delegations")


def test_metadata_of_another_role(medium: Simulator) -> None:
    medium.files["timestamp.json"] = medium.files["snapshot.json"]
    refused(medium, "timestamp.json: signed._type")


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../up", "a/../../b", "a//b", "a\\b", "./b", "a\nb", "b\n", "ü", "a/" * 600]
)
def test_a_path_that_leaves_the_folder(medium: Simulator, path: str) -> None:
    targets = medium.signed("targets.json")
    targets.targets = {path: targets.targets["models/small.gguf"]}
    medium.forge("targets.json", targets)
    refused(medium, "not a plain relative path")


def test_a_target_that_is_a_folder_too(medium: Simulator) -> None:
    targets = medium.signed("targets.json")
    targets.targets["models"] = targets.targets["models/small.gguf"]
    medium.forge("targets.json", targets)
    refused(medium, "models is a file and a folder at once")


def test_a_target_without_a_label(medium: Simulator) -> None:
    targets = medium.signed("targets.json")
    targets.targets["models/small.gguf"].unrecognized_fields["custom"] = {"kind": "model"}
    medium.forge("targets.json", targets)
    refused(medium, "models/small.gguf.custom.label")
