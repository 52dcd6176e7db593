"""Variants of the field cases, by kind: what must stay closed, what people write every day, what must be refused.

Each entry has the paragraph that decides it; the rules themselves have their cases in ``cases.py``.
"""

import pytest

from appliance.markings import Label, check, dominates, parse
from appliance.markings.rollup import rollup

REFUSED = [
    # What would open what must stay closed.
    ("//JOINT SECRET CAN USA//DISPLAY ONLY CAN", "joint-release", "CAPCO 2016 H.3: REL TO with all co-owners"),
    ("//JOINT SECRET CAN USA//RELIDO", "joint-release", "CAPCO 2016 H.3"),
    ("//JOINT SECRET CAN GBR USA//REL TO USA, CAN", "joint-release", "CAPCO 2016 H.3: every co-owner"),
    ("//JOINT UNCLASSIFIED CAN USA", "joint-release", "CAPCO 2016 H.3, since v5.1"),
    ("(//JOINT S//NF)", "joint-noforn", "CAPCO 2016 H.3"),
    ("//JOINT TOP SECRET CAN USA//HCS-P//REL TO USA, CAN", "joint-hcs", "CAPCO 2016 H.3"),
    ("//FVEY S", "owner-coalition", "CAPCO 2016 H.3: no implied release"),
    ("TOP SECRET//HCS-O//NOFORN", "hcs-orcon", "CAPCO 2016 H.4 (HCS-O)"),
    ("TOP SECRET//HCS-O//ORCON-USGOV/NOFORN", "hcs-orcon", "CAPCO 2016 H.4: never ORCON-USGOV"),
    ("TOP SECRET//HCS-P JJJ//NOFORN", "hcs-orcon", "CAPCO 2016 H.4 (HCS-P sub-compartments)"),
    ("TOP SECRET//HCS-P//REL TO USA, GBR", "hcs-kdk-noforn", "CAPCO 2016 H.4 (HCS-P)"),
    ("TOP SECRET//SI-G//ORCON-USGOV/NOFORN", "si-g-orcon", "CAPCO 2016 H.4 (SI-G)"),
    ("TOP SECRET//SI-G ABCD//NOFORN", "si-g-orcon", "CAPCO 2016 H.4 (SI-G sub-compartments)"),
    ("TOP SECRET//TK-IDIT//REL TO USA, FVEY", "tk-compartment-noforn", "CAPCO 2016 H.4 (TK-IDIT)"),
    ("SECRET//TK-BLFH//NOFORN", "tk-blfh-level", "CAPCO 2016 H.4 (TK-BLFH)"),
    ("(S//NF)(TS)", "unknown-word", "DoDM 5200.01 V2, Enclosure 3: one marking"),
    ("SECRET/TOP SECRET", "separator", "DoDM 5200.01 V2, Enclosure 3"),
    ("//AUS S//AUSTEO", "national-caveat", "PSPF Policy 8"),
    # What must not be accepted.
    ("SECRET//RD-CNWDI/FRD", "rd-precedence", "CAPCO 2016 H.6"),
    ("SECRET//FRD/TFNI", "frd-precedence", "CAPCO 2016 H.6"),
    ("CONFIDENTIAL//FRD-SIGMA 14", "sigma-level", "CAPCO 2016 H.6 (SIGMA)"),
    ("SECRET//FRD-CNWDI", "cnwdi-frd", "CAPCO 2016 H.6: CNWDI is of RD"),
    ("SECRET//LIMDIS", "limdis-level", "CAPCO 2016 H.9"),
    ("SECRET//SBU", "sbu-level", "CAPCO 2016 H.9"),
    ("UNCLASSIFIED//ACCM-DAISY", "accm-level", "DoDM 5200.01 V3, Enclosure 2"),
    ("SECRET//ORCON-USGOV/RELIDO", "relido-orcon", "CAPCO 2016 H.8 (RELIDO)"),
    ("TOP SECRET//SI//ORCON/RELIDO", "relido-orcon", "CAPCO 2016 H.8 (RELIDO)"),
    ("SECRET//DISPLAY ONLY GBR/RELIDO", "release-exclusive", "CAPCO 2016 H.8 (DISPLAY ONLY)"),
    ("CUI//ATTORNEY-CLIENT", "cui-privilege", "NARA CUI registry, Legal Privilege"),
    ("CUI//DL ONLY/NOFORN", "cui-list", "NARA CUI registry, DL ONLY"),
    ("SECRET//NOFORN//NODIS/EXDIS", "nodis-exdis", "CAPCO 2016 H.9"),
    ("//NATO RESTRICTED//ATOMAL", "atomal-level", "CAPCO 2016 G.2"),
    ("SECRET//BOHEMIA//FGI NATO//NOFORN", "bohemia-balk-level", "DoDM 5200.01 V2, 4.b"),
    ("SECRET//WAIVED", "waived-programme", "DoDD 5205.07"),
    ("CONFIDENTIAL//RSEN", "rsen-level", "CAPCO 2016 H.8 (RSEN)"),
    ("RESTRICTED", "level", "CAPCO 2016 H.2: no level of the nation"),
]

EVERYDAY = [
    ("(S//REL TO USA, FVEY, NATO)", "S//REL TO USA, FVEY, NATO", "CAPCO 2016 H.8"),
    ("(C//REL)", "C//REL", "CAPCO 2016 H.8: REL in portions"),
    ("(//GBR S//REL)", "//GBR S//REL", "CAPCO 2016 H.7"),
    ("(//NS//REL)", "//NS//REL", "CAPCO 2016 H.7"),
    ("(//JOINT TS//SI//REL)", "//JOINT TS//SI//REL", "CAPCO 2016 H.3"),
    ("(//FGI TS//NF)", "//FGI TS//NF", "CAPCO 2016 H.7"),
    ("(//DEU GBR TS//REL TO USA, DEU, GBR)", "//DEU GBR TS//REL TO USA, DEU, GBR", "CAPCO 2016 H.7"),
    ("(S//RD-N-SG 14 15//NF)", "S//RD-N/RD-SG 14 15//NF", "CAPCO 2016 A.6"),
    ("//NATO SECRET ATOMAL", "//NS//ATOMAL", "DoDM 5200.01 V2, Enclosure 4"),
    ("//COSMIC TOP SECRET ATOMAL", "//CTS//ATOMAL", "DoDM 5200.01 V2, Enclosure 4"),
    ("//COSMIC TOP SECRET BALK", "//CTS//BALK", "DoDM 5200.01 V2, Enclosure 4"),
    ("//NATO ISAF CONFIDENTIAL", "//NIC", "CAPCO 2016 H.3, notional page 4"),
    ("(TS//SAR-BP-A691 D722/CHI-NJ//NF)", "TS//SAR-BP-A691 D722/CHI-NJ//NF", "CAPCO 2016 H.5"),
    ("SECRET//ACCM-FICTITIOUS EFFORT/OTHER NAME", "S//ACCM-FICTITIOUS EFFORT/OTHER NAME", "DoDM 5200.01 V2, E4"),
    ("(TS//SI//REL TO USA, FVEY/FISA)", "TS//SI//REL TO USA, FVEY/FISA", "CAPCO 2016 H.8, order"),
    ("CONTROLLED//SP-PRVCY//FEDCON", "CUI//SP-PRVCY//FEDCON", "32 CFR 2002.20(b)"),
    ("CUI//FED ONLY/NOCON", "CUI//FED ONLY/NOCON", "NARA CUI registry"),
    ("TOP SECRET//SI-XYZ ABCD//NOFORN", "TS//SI-XYZ ABCD//NF", "CAPCO 2016 H.4"),
]

ROLLED_UP = [
    (["//CAN R", "U"], "CONFIDENTIAL//FGI CAN", "ADR 101: RESTRICTED is protected as CONFIDENTIAL"),
    (["//AUS S", "//GBR TS", "S//NF"], "TOP SECRET//FGI AUS GBR//NOFORN", "CAPCO 2016 H.7"),
    (["U//DCNI", "S//REL TO USA, GBR"], "SECRET//NOFORN", "CAPCO 2016 H.6: UCNI makes it NOFORN"),
    (["//CTS//BALK", "C//NF"], "TOP SECRET//BALK//FGI NATO//NOFORN", "CAPCO 2016 H.7 p127"),
    (["S//RD-SG 14//NF", "S//FRD-SG 18//NF"], "SECRET//RD-SIGMA 14 18//NOFORN", "CAPCO 2016 H.6 p104"),
    (["S//OC-USGOV/REL TO USA, GBR", "S//OC/NF"], "SECRET//ORCON/NOFORN", "CAPCO 2016 H.8"),
    (["S//REL TO USA, FVEY", "S//REL TO USA, TEYE"], "SECRET//REL TO USA, AUS, GBR", "CAPCO 2016 D.2, Table 3"),
    (["S//RELIDO", "S"], "SECRET//NOFORN", "ISM-ID-00132: unanimity"),
    (["U//LES-NF", "C//REL TO USA, GBR"], "CONFIDENTIAL//NOFORN//LES", "CAPCO 2016 H.9 (LES NOFORN)"),
    (["//FGI S", "//GBR S//REL TO USA, GBR"], "SECRET//FGI//NOFORN", "CAPCO 2016 H.7 p123: concealed absorbs"),
]


@pytest.mark.parametrize(("text", "rule", "paragraph"), REFUSED)
def test_what_must_stay_closed_is_refused_by_its_rule(text: str, rule: str, paragraph: str) -> None:
    assert rule in {violation.rule for violation in check(text)}, paragraph


@pytest.mark.parametrize(("text", "portion", "paragraph"), EVERYDAY)
def test_what_people_write_every_day_is_read(text: str, portion: str, paragraph: str) -> None:
    assert check(text) == [], paragraph
    assert parse(text).portion == portion


@pytest.mark.parametrize(("portions", "banner", "paragraph"), ROLLED_UP)
def test_a_roll_up_loses_nothing(portions: list[str], banner: str, paragraph: str) -> None:
    result = rollup(portions)
    assert result.marking.banner == banner, paragraph
    assert all(dominates(result.label, parse(portion).label) for portion in portions)


def test_a_level_of_a_single_nation_is_released_to_nobody_else() -> None:
    for owner in ("GBR", "CAN", "AUS", "NZL"):
        for level in ("C", "S", "TS"):
            assert parse(f"//{owner} {level}").label == Label(level, frozenset(), frozenset({owner}))
