"""Which controls another one supersedes when portions are rolled up, each with its rule (CAPCO H.6 to H.9; NARA)."""

from collections.abc import Set as AbstractSet

from appliance.markings.marking import RELEASE

Leave = dict[str, str]
"""Tokens that the banner leaves out, each with the rule that says so."""

_OF_CUI = frozenset(("AC", "AWP", "DL_ONLY", "FED_ONLY", "FEDCON", "NOCON"))


def superseded_atomic(found: AbstractSet[str], *, classified: bool) -> Leave:
    """RD supersedes FRD and TFNI, FRD supersedes TFNI; UCNI does not stand on a classified banner."""
    leave = dict.fromkeys(("DCNI", "UCNI"), "rollup-ucni") if classified else {}
    superseded = {"FRD", "TFNI"} if "RD" in found else {"TFNI"} if "FRD" in found else set()
    return leave | {token: "rollup-aea" for token in found if token.partition("-")[0] in superseded}


def superseded_cui(controls: AbstractSet[str], *, cui: bool, classified: bool) -> Leave:
    """DL ONLY supersedes the controls of CUI alone, FED ONLY supersedes FEDCON; without CUI none of them stands."""
    rule = "rollup-cui-controls"
    if not cui:
        return dict.fromkeys(controls & _OF_CUI, rule)
    if "DL_ONLY" in controls and not classified:
        return dict.fromkeys(controls - {"DL_ONLY"} - RELEASE, rule)
    if "FED_ONLY" in controls:
        return {"FEDCON": rule}
    return dict.fromkeys(("FEDCON", "NOCON"), rule) if {"FEDCON", "NOCON"} <= controls else {}


def superseded_other(found: AbstractSet[str], *, classified: bool, cui: bool, stated: bool) -> Leave:
    """NODIS supersedes EXDIS, both SBU; the NOFORN forms give way where NOFORN stands by itself.

    Args:
        found: non-IC controls of the portions.
        classified: whether the document is.
        cui: whether it has CUI.
        stated: whether its banner has NOFORN as a control of its own.
    """
    rule, apart = "rollup-sbu-les", classified or stated
    leave = {"XD": "rollup-nodis"} if "ND" in found else {}
    if classified:
        leave["DS"] = "rollup-limdis"
    if apart:
        leave |= dict.fromkeys(("SBU-NF", "LES-NF"), rule)
    if classified or cui or not {"ND", "XD"}.isdisjoint(found):
        leave |= dict.fromkeys(("SBU", "SBU-NF"), rule)
    elif not apart and "SBU-NF" in found:
        leave["SBU"] = rule
    if not apart and "LES-NF" in found:
        leave["LES"] = rule
    return leave
