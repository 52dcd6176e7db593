"""The roll-up table: each rule right and wrong, laws over random documents, and what explains a banner."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.markings import Label, Marking, MarkingError, check, dominates, join, parse
from appliance.markings.rollup import Compilation, rollup
from appliance.markings.verify import verify
from appliance.markings.vocabulary import default
from tests.unit.markings.strategies import markings

# rule: portions, the banner that they demand, and banners that break the rule
TABLE: list[tuple[str, list[str], str, list[str]]] = [
    ("rollup-level", ["U", "S", "C"], "SECRET", ["TOP SECRET", "CONFIDENTIAL", "UNCLASSIFIED"]),
    ("rollup-level", ["//DEU R", "C//REL TO USA, DEU"], "CONFIDENTIAL//FGI DEU//NOFORN", ["SECRET//FGI DEU//NOFORN"]),
    (
        "rollup-sci",
        ["TS//SI//NF", "S//TK-ABC//NF"],
        "TOP SECRET//SI/TK-ABC//NOFORN",
        ["TOP SECRET//SI//NOFORN", "TOP SECRET//SI/TK-ABC-XYZ//NOFORN"],
    ),
    (
        "rollup-sap",
        ["S//SAR-ALPHA", "S//SAR-BRAVO/CHARLIE", "S//SAR-DELTA/ECHO"],
        "SECRET//SAR-MULTIPLE PROGRAMS",
        ["SECRET//SAR-ALPHA/BRAVO/CHARLIE/DELTA", "SECRET"],
    ),
    ("rollup-sap", ["S//SAR-BRAVO", "S//SAR-ALPHA"], "SECRET//SAR-ALPHA/BRAVO", ["SECRET//SAR-ALPHA"]),
    ("rollup-aea", ["S//RD-N", "C//FRD"], "SECRET//RD-CNWDI/FRD", ["SECRET//RD/FRD", "SECRET//RD-CNWDI"]),
    ("rollup-aea", ["S"], "SECRET", ["SECRET//RD"]),
    ("rollup-ucni", ["U//DCNI", "C"], "CONFIDENTIAL", []),
    ("rollup-ucni", ["U//DCNI", "U"], "UNCLASSIFIED//DOD UCNI", ["UNCLASSIFIED"]),
    ("rollup-fgi", ["S//FGI DEU", "S//FGI CAN"], "SECRET//FGI CAN DEU", ["SECRET//FGI CAN", "SECRET"]),
    ("rollup-fgi", ["S//FGI DEU", "S//FGI"], "SECRET//FGI", ["SECRET//FGI DEU"]),
    ("rollup-fgi", ["//DEU S//REL TO USA, DEU", "U"], "SECRET//FGI DEU//REL TO USA, DEU", ["SECRET//REL TO USA, DEU"]),
    (
        "rollup-noforn",
        ["S//NF", "S//REL TO USA, GBR", "S//RELIDO"],
        "SECRET//NOFORN",
        ["SECRET", "SECRET//REL TO USA, GBR", "SECRET//RELIDO"],
    ),
    (
        "rollup-rel",
        ["S//REL TO USA, CAN, GBR", "C//REL TO USA, GBR", "U"],
        "SECRET//REL TO USA, GBR",
        ["SECRET", "SECRET//REL TO USA, CAN, GBR", "SECRET//NOFORN"],
    ),
    ("rollup-rel", ["S//REL TO USA, GBR", "S"], "SECRET//NOFORN", ["SECRET//REL TO USA, GBR"]),
    ("rollup-rel", ["S//REL TO USA, GBR", "S//REL TO USA, CAN"], "SECRET//NOFORN", ["SECRET//REL TO USA, CAN, GBR"]),
    ("rollup-rel", ["S//REL TO USA, NATO", "S//REL TO USA, FVEY"], "SECRET//REL TO USA, CAN, GBR", []),
    (
        "rollup-display-only",
        ["S//DISPLAY ONLY FRA, GBR", "S//REL TO USA, GBR"],
        "SECRET//DISPLAY ONLY GBR",
        ["SECRET//DISPLAY ONLY FRA, GBR", "SECRET//REL TO USA, GBR"],
    ),
    ("rollup-relido", ["S//RELIDO", "C//RELIDO", "U"], "SECRET//RELIDO", ["SECRET", "SECRET//NOFORN"]),
    ("rollup-relido", ["S//RELIDO", "S"], "SECRET//NOFORN", ["SECRET//RELIDO"]),
    ("rollup-controls", ["S//OC", "S//IMC", "S//PR"], "SECRET//ORCON/IMCON/PROPIN", ["SECRET//IMCON", "SECRET//RSEN"]),
    ("rollup-fouo", ["U//FOUO", "U"], "UNCLASSIFIED//FOUO", ["UNCLASSIFIED"]),
    ("rollup-fouo", ["U//FOUO", "U//SBU"], "UNCLASSIFIED//SBU", ["UNCLASSIFIED//FOUO//SBU"]),
    ("rollup-fouo", ["U//FOUO", "S"], "SECRET", []),
    ("rollup-sbu-les", ["U//LES-NF", "C"], "CONFIDENTIAL//NOFORN//LES", ["CONFIDENTIAL//NOFORN"]),
    ("rollup-sbu-les", ["U//SBU-NF", "C"], "CONFIDENTIAL//NOFORN", ["CONFIDENTIAL//NOFORN//SBU"]),
    ("rollup-nodis", ["S//NF//XD", "S//NF//ND"], "SECRET//NOFORN//NODIS", ["SECRET//NOFORN//EXDIS"]),
    ("rollup-other", ["S//DS", "S//ACCM-DAISY"], "SECRET//LIMDIS/ACCM-DAISY", ["SECRET//LIMDIS", "SECRET"]),
    (
        "rollup-cui",
        ["CUI//SP-CTI//NF", "S", "CUI//EXPT"],
        "SECRET//CUI//SP-CTI//NOFORN",
        ["SECRET//NOFORN", "SECRET//CUI//NOFORN", "SECRET//CUI//SP-PRVCY//NOFORN"],
    ),
    ("rollup-owner", ["//NS", "//DEU S"], "SECRET//FGI DEU NATO", ["//NATO SECRET"]),
    ("rollup-owner", ["//NS", "//CTS//ATOMAL"], "//COSMIC TOP SECRET//ATOMAL", ["TOP SECRET//FGI NATO"]),
]


@pytest.mark.parametrize(("rule", "portions", "banner", "wrong"), TABLE)
def test_the_table(rule: str, portions: list[str], banner: str, wrong: list[str]) -> None:
    assert rollup(portions).marking.banner == banner
    assert verify(banner, portions) == []
    for text in wrong:
        found = {violation.rule: violation for violation in verify(text, portions)}
        assert rule in found or "rollup-noforn" in found
        assert all(violation.suggestion == banner for violation in found.values())


def test_every_roll_up_rule_has_a_case() -> None:
    elsewhere = {"compilation-reason", "rollup-cui-restricted-data"}
    assert {rule.id for rule in default().rules.values() if rule.check == "rollup"} - elsewhere == {
        row[0] for row in TABLE
    }


def test_a_banner_above_its_portions_needs_a_reason() -> None:
    higher = parse("TOP SECRET//SI//NOFORN")
    assert {violation.rule for violation in verify(higher, ["S//NF"])} == {"rollup-level", "rollup-sci"}
    assert verify(higher, ["S//NF"], compilation_reason="the sum reveals the method") == []
    assert rollup(["S//NF"], compilation=Compilation(higher, "the sum reveals the method")).marking == higher
    with pytest.raises(MarkingError) as caught:
        rollup(["S//NF"], compilation=Compilation(higher, " "))
    assert caught.value.rule == "compilation-reason"


def test_a_compilation_never_releases_more_and_never_adds_restricted_data() -> None:
    reason = "the sum reveals the method"
    assert {
        v.rule for v in verify("SECRET//REL TO USA, CAN, GBR", ["S//REL TO USA, GBR"], compilation_reason=reason)
    } == {"rollup-rel"}
    assert {v.rule for v in verify("SECRET//RD", ["S"], compilation_reason=reason)} == {"rollup-aea"}


def test_cui_beside_restricted_data_is_advised_against() -> None:
    assert [violation.rule for violation in rollup(["CUI//SP-CTI", "S//RD"]).advice] == ["rollup-cui-restricted-data"]


def test_portions_that_no_nation_may_read_together_are_told() -> None:
    result = rollup(["//DEU S", "S"])
    assert result.label == Label("S", rel=frozenset())
    assert result.advice


def test_explain_names_the_portions() -> None:
    lines = {
        (line.value, line.kept): line.portions
        for line in rollup(["U", "TS//SI//NF", "S//TK//NF", "U//FOUO"]).explanation
    }
    assert lines["TS", True] == (2,)
    assert lines["TK", True] == (3,)
    assert lines["NF", True] == (2, 3)
    assert lines["FOUO", False] == (4,)


def test_explain_gives_the_rule_of_what_is_left_out() -> None:
    result = rollup(["S//NF//XD", "S//NF//ND", "U//LES-NF", "S//OC-USGOV/NF", "S//OC/NF", "U//DCNI"])
    lines = {line.value: (line.kept, line.rule) for line in result.explanation}
    assert lines["XD"] == (False, "rollup-nodis")
    assert lines["LES-NF"] == (False, "rollup-sbu-les")
    assert lines["LES"] == (True, "rollup-sbu-les")
    assert lines["OC-USGOV"] == (False, "rollup-controls")
    assert lines["DCNI"] == (False, "rollup-ucni")


def test_a_document_without_portions_is_refused() -> None:
    with pytest.raises(MarkingError):
        rollup([])


@given(st.lists(markings, min_size=1, max_size=6))
@settings(max_examples=120)
def test_the_banner_of_valid_portions_is_valid_and_its_label_joins_theirs(portions: list[Marking]) -> None:
    result = rollup(portions)
    assert check(result.marking.banner) == []
    assert verify(result.marking, portions) == []
    parts = join(*(portion.label for portion in portions))
    assert dominates(result.label, parts)
    assert result.label.level == parts.level
    assert result.label.need == parts.need
    assert result.marking.label.rel is None or dominates(
        Label("U", rel=result.label.rel), Label("U", rel=result.marking.label.rel)
    )


@given(st.lists(markings, min_size=1, max_size=5), st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_the_order_and_the_number_of_equal_portions_do_not_matter(portions: list[Marking], random: Random) -> None:
    shuffled = [*portions, *portions]
    random.shuffle(shuffled)
    assert rollup(shuffled).marking == rollup(portions).marking
