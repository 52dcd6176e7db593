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
    ("rollup-aea", ["S//RD-N", "C//FRD"], "SECRET//RD-CNWDI", ["SECRET//RD", "SECRET//FRD"]),
    ("rollup-aea", ["S//RD//NF", "S//TFNI//NF"], "SECRET//RD//NOFORN", ["SECRET//TFNI//NOFORN"]),
    ("rollup-aea", ["S//FRD//NF", "S//TFNI//NF"], "SECRET//FRD//NOFORN", ["SECRET//TFNI//NOFORN"]),
    (
        "rollup-aea",
        ["S//RD-SG 20//NF", "S//FRD-SG 14//NF"],
        "SECRET//RD-SIGMA 14 20//NOFORN",
        ["SECRET//RD-SIGMA 20//NOFORN"],
    ),
    ("rollup-aea", ["C//RD//NF", "S//FRD-SG 14 18//NF"], "SECRET//RD-SIGMA 14 18//NOFORN", ["SECRET//RD//NOFORN"]),
    ("rollup-aea", ["S"], "SECRET", ["SECRET//RD"]),
    ("rollup-ucni", ["U//DCNI", "C"], "CONFIDENTIAL", []),
    ("rollup-ucni", ["U//DCNI", "S//REL TO USA, GBR"], "SECRET//NOFORN", ["SECRET//REL TO USA, GBR"]),
    ("rollup-ucni", ["U//UCNI", "S//RELIDO"], "SECRET//NOFORN", ["SECRET//RELIDO"]),
    ("rollup-ucni", ["U//UCNI", "S//DISPLAY ONLY GBR"], "SECRET//NOFORN", ["SECRET//DISPLAY ONLY GBR"]),
    ("rollup-caveated", ["U//FISA", "S//REL TO USA, GBR"], "SECRET//NOFORN/FISA", ["SECRET//REL TO USA, GBR/FISA"]),
    ("rollup-caveated", ["U//FISA", "S//RELIDO"], "SECRET//RELIDO/FISA", []),
    ("rollup-caveated", ["U//FISA", "S//DISPLAY ONLY GBR"], "SECRET//NOFORN/FISA", []),
    ("rollup-caveated", ["U//REL TO USA, GBR/FISA", "S//REL TO USA, GBR"], "SECRET//REL TO USA, GBR/FISA", []),
    ("rollup-caveated", ["U//LES", "S//REL TO USA, GBR"], "SECRET//NOFORN//LES", ["SECRET//REL TO USA, GBR//LES"]),
    ("rollup-caveated", ["U//REL TO USA, FVEY//LES", "S//REL TO USA, FVEY"], "SECRET//REL TO USA, FVEY//LES", []),
    ("rollup-caveated", ["U//DSEN", "S//REL TO USA, GBR"], "SECRET//NOFORN/DEA SENSITIVE", []),
    ("rollup-caveated", ["U//DS", "S//REL TO USA, GBR"], "SECRET//NOFORN", ["SECRET//REL TO USA, GBR"]),
    ("rollup-caveated", ["U//FOUO", "S//REL TO USA, GBR"], "SECRET//REL TO USA, GBR", []),
    (
        "rollup-nato",
        ["//CTS//BOHEMIA//REL TO USA, NATO", "TS//NF"],
        "TOP SECRET//BOHEMIA//FGI NATO//NOFORN",
        ["TOP SECRET//FGI NATO//NOFORN"],
    ),
    (
        "rollup-nato",
        ["//NS//ATOMAL", "S//RD//NF", "TS//SI//SAR-BP//NF"],
        "TOP SECRET//SI//SAR-BP//RD/ATOMAL//FGI NATO//NOFORN",
        ["TOP SECRET//SI//SAR-BP//RD//FGI NATO//NOFORN"],
    ),
    ("rollup-nato", ["//CTS//BALK", "TS//SAR-BP//NF"], "TOP SECRET//SAR-BP/BALK//FGI NATO//NOFORN", []),
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
    ("rollup-rel", ["S//REL TO USA, NATO", "S//REL TO USA, FVEY"], "SECRET//NOFORN", ["SECRET//REL TO USA, CAN, GBR"]),
    ("rollup-rel", ["S//REL TO USA, FVEY", "S//REL TO USA, TEYE"], "SECRET//REL TO USA, AUS, GBR", []),
    ("rollup-rel", ["S//REL TO USA, KFOR", "S//REL TO USA, GBR, KFOR"], "SECRET//REL TO USA, KFOR", ["SECRET//NOFORN"]),
    ("rollup-rel", ["//JOINT S GBR USA//REL TO USA, GBR", "S//NF"], "SECRET//FGI GBR//NOFORN", []),
    ("rollup-rel", ["S//REL", "S//REL TO USA, GBR"], "SECRET//NOFORN", []),
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
    ("rollup-fouo", ["U//FOUO", "U//SBU"], "UNCLASSIFIED//SBU", ["UNCLASSIFIED//FOUO"]),
    ("rollup-fouo", ["U//FOUO", "U//NF"], "UNCLASSIFIED//FOUO/NOFORN", ["UNCLASSIFIED//NOFORN"]),
    ("rollup-fouo", ["U//FOUO", "U//DSEN"], "UNCLASSIFIED//DEA SENSITIVE", ["UNCLASSIFIED//FOUO"]),
    ("rollup-fouo", ["U//FOUO", "S"], "SECRET", []),
    ("rollup-sbu-les", ["U//LES-NF", "C"], "CONFIDENTIAL//NOFORN//LES", ["CONFIDENTIAL//NOFORN"]),
    ("rollup-sbu-les", ["U//SBU-NF", "C"], "CONFIDENTIAL//NOFORN", ["CONFIDENTIAL//NOFORN//LES"]),
    ("rollup-sbu-les", ["U//SBU-NF", "U//REL TO USA, FVEY"], "UNCLASSIFIED//NOFORN//SBU", ["UNCLASSIFIED//SBU NOFORN"]),
    ("rollup-sbu-les", ["U//SBU-NF", "U//FOUO/NF"], "UNCLASSIFIED//NOFORN//SBU", []),
    ("rollup-sbu-les", ["U//LES-NF", "U//NF"], "UNCLASSIFIED//NOFORN//LES", ["UNCLASSIFIED//LES NOFORN"]),
    ("rollup-sbu-les", ["U//SBU-NF", "U//SBU", "U"], "UNCLASSIFIED//SBU NOFORN", ["UNCLASSIFIED//SBU"]),
    ("rollup-nodis", ["S//NF//XD", "S//NF//ND"], "SECRET//NOFORN//NODIS", ["SECRET//NOFORN//EXDIS"]),
    ("rollup-nodis", ["U//NF//XD", "U//SBU"], "UNCLASSIFIED//NOFORN//EXDIS", ["UNCLASSIFIED//NOFORN//SBU"]),
    ("rollup-limdis", ["U//DS", "S//NF"], "SECRET//NOFORN", []),
    ("rollup-limdis", ["U//DS", "U//FOUO"], "UNCLASSIFIED//LIMDIS", ["UNCLASSIFIED//FOUO"]),
    ("rollup-cui-controls", ["CUI//DL ONLY", "CUI//FED ONLY"], "CUI//DL ONLY", ["CUI//FED ONLY"]),
    ("rollup-cui-controls", ["CUI//FEDCON", "CUI//FED ONLY"], "CUI//FED ONLY", ["CUI//FEDCON"]),
    ("rollup-cui-controls", ["CUI//FEDCON", "CUI//NOCON"], "CUI//FED ONLY", ["CUI//FEDCON", "CUI//NOCON"]),
    ("rollup-other", ["S//SSI", "S//ACCM-DAISY"], "SECRET//SSI/ACCM-DAISY", ["SECRET//SSI", "SECRET"]),
    (
        "rollup-cui",
        ["CUI//SP-CTI//NF", "S", "CUI//EXPT"],
        "SECRET//CUI//SP-CTI//NOFORN",
        ["SECRET//NOFORN", "SECRET//CUI//NOFORN", "SECRET//CUI//SP-PRVCY//NOFORN"],
    ),
    ("rollup-owner", ["//NS", "//DEU S"], "SECRET//FGI DEU NATO", ["//NATO SECRET"]),
    ("rollup-owner", ["//NIS//REL TO USA, ISAF, NATO", "S//NF"], "SECRET//FGI ISAF NATO//NOFORN", []),
    ("rollup-owner", ["//CAN GBR S//REL TO USA, CAN, GBR", "U"], "SECRET//FGI CAN GBR//REL TO USA, CAN, GBR", []),
    ("rollup-fgi", ["//FGI S//NF", "//DEU S//REL TO USA, DEU"], "SECRET//FGI//NOFORN", ["SECRET//FGI DEU//NOFORN"]),
    ("rollup-owner", ["//NS", "//CTS//ATOMAL"], "//COSMIC TOP SECRET//ATOMAL", ["TOP SECRET//FGI NATO"]),
]


@pytest.mark.parametrize(("rule", "portions", "banner", "wrong"), TABLE)
def test_the_table(rule: str, portions: list[str], banner: str, wrong: list[str]) -> None:
    assert rollup(portions).marking.banner == banner
    assert verify(banner, portions) == []
    for text in wrong:
        found = {violation.rule: violation for violation in verify(text, portions)}
        assert {rule, "rollup-noforn"} & found.keys()
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


def test_portions_that_repeat_the_banner_are_checked_with_it() -> None:
    portions = ["(S//REL)", "(S//REL TO USA, JPN, NZL)", "(U)"]
    assert verify("SECRET//REL TO USA, NZL", portions) == []
    assert {
        violation.rule for violation in verify("SECRET//REL TO USA, JPN, NZL", ["S//REL", "S//REL TO USA, NZL"])
    } == {"rollup-rel"}
    assert rollup(portions).marking.banner == "SECRET//NOFORN"
    joint = "//JOINT SECRET CAN GBR USA//REL TO USA, CAN, GBR"
    assert verify(joint, ["(//JOINT S//REL)", "(//JOINT S CAN GBR USA//REL TO USA, FVEY)"]) == []
    assert verify("SECRET//REL TO USA, FVEY/RELIDO", ["S//REL/RELIDO", "C//REL TO USA, FVEY/RELIDO"]) == []


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
