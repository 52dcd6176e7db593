"""Where manuals disagree a profile decides; without one the stricter reading applies."""

from pathlib import Path

import pytest

from appliance.markings import LEVELS, MarkingError, check, parse, parse_by_any, read_clearance
from appliance.markings.rollup import rollup
from appliance.markings.vocabulary import choices, chosen, default, home, load, profiles

FIVE = [f"TS//SAR-{name}//NF" for name in ("AA", "BB", "CC", "DD", "EE")]
NATO = ["S//REL TO USA, NATO", "S//REL TO USA, DEU, FRA"]


@pytest.mark.parametrize(
    ("profile", "portions", "banner"),
    [
        ("", FIVE, "TOP SECRET//SAR-MULTIPLE PROGRAMS//NOFORN"),
        ("dod", FIVE, "TOP SECRET//SAR-MULTIPLE PROGRAMS//NOFORN"),
        ("ic", FIVE, "TOP SECRET//SAR-AA/BB/CC/DD/EE//NOFORN"),
        ("", NATO, "SECRET//NOFORN"),
        ("ic", NATO, "SECRET//REL TO USA, DEU, FRA"),
        ("nato", NATO, "SECRET//REL TO USA, DEU, FRA"),
        ("", ["CUI//SP-CTI", "S//NF"], "SECRET//CUI//SP-CTI//NOFORN"),
        ("dod", ["CUI//SP-CTI//FED ONLY", "S//NF"], "SECRET//NOFORN"),
        ("cui", ["CUI//SP-CTI", "U"], "CUI//SP-CTI"),
    ],
)
def test_the_profile_decides_the_banner(profile: str, portions: list[str], banner: str) -> None:
    words = default(profile)
    result = rollup(portions, vocabulary=words)
    assert result.marking.banner == banner
    assert check(banner, words) == []


def test_the_label_is_enforced_whatever_the_banner_shows() -> None:
    assert "SP-CTI" in rollup(["CUI//SP-CTI", "S//NF"], vocabulary=default("dod")).label.need


def test_dod_reads_the_old_sigma_numbers_and_the_register_does_not() -> None:
    assert parse("SECRET//RD-SIGMA 1 2", default("dod")).label.encode() == "S;RD,RD-SG-1,RD-SG-2;USA"
    assert parse("SECRET//RD-SIGMA 2 14", default("dod")).banner == "SECRET//RD-SIGMA 2 14"
    assert check("SECRET//RD-SIGMA 1 2")


def test_the_portion_mark_of_cnwdi_is_written_as_the_profile_has_it_and_read_in_both_forms() -> None:
    for profile, portion in (("", "S//RD-N"), ("dod", "S//RD-N"), ("ic", "S//RD-CNWDI")):
        for text in ("S//RD-N", "S//RD-CNWDI"):
            assert parse(text, default(profile)).portion == portion


def test_a_profile_of_cui_refuses_classified_markings() -> None:
    assert "profile-level" in {violation.rule for violation in check("SECRET", default("cui"))}
    assert check("CUI//SP-CTI//NOFORN", default("cui")) == []


@pytest.mark.parametrize("path", sorted((home() / "profiles").glob("*.toml")), ids=lambda path: path.stem)
def test_every_profile_states_its_sources(path: Path) -> None:
    profile = load(home(), path.stem).profile
    assert profile.name == path.stem
    assert profile.sources


@pytest.mark.parametrize("name", ["nosuch", "../ic", "ic/../ic", "/etc/passwd"])
def test_an_unknown_profile_is_refused(name: str) -> None:
    with pytest.raises((OSError, ValueError)):
        load(home(), name)


def test_the_profiles_are_the_files_of_their_folder() -> None:
    assert profiles() == tuple(sorted(file.stem for file in (home() / "profiles").iterdir()))
    assert [chosen(name).profile.name for name in choices()] == ["strict", *profiles()]


@pytest.mark.parametrize(
    ("text", "label"), [("TOP SECRET//SI", "TS;SI;USA"), ("SECRET//RD-SIGMA 1", "S;RD,RD-SG-1;USA"), ("U", "U;;*")]
)
def test_a_text_of_another_profile_stays_readable_and_means_the_same_in_all_that_allow_it(
    text: str, label: str
) -> None:
    assert parse_by_any(text).label.encode() == label
    assert {parse(text, words).label.encode() for words in map(chosen, choices()) if not check(text, words)} == {label}


def test_what_no_profile_allows_is_refused_with_what_the_stricter_reading_finds() -> None:
    with pytest.raises(MarkingError) as refusal:
        parse_by_any("SECRET//NOFORN//REL TO USA, GBR")
    assert list(refusal.value.violations) == check("SECRET//NOFORN//REL TO USA, GBR")


def test_a_clearance_is_no_matter_of_the_levels_of_a_profile() -> None:
    assert read_clearance("TOP SECRET//SI/TK", vocabulary=default("cui")).level == LEVELS[-1]
