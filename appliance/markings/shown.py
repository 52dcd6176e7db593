"""From a label back to a marking: what to show with information that only has a label, such as a join."""

from appliance.markings.errors import MarkingError
from appliance.markings.label import Label
from appliance.markings.marking import HANDLE_VIA_SAP, MULTIPLE, Marking
from appliance.markings.reading.parse import examine
from appliance.markings.reading.parts import Parts
from appliance.markings.reading.rules import required
from appliance.markings.vocabulary import Vocabulary, default

NATO = "NATO"


def marking_of(label: Label, vocabulary: Vocabulary | None = None) -> Marking:
    """The marking to show with information of this label.

    Its own label is ``label``, but where no marking can say it: UCNI does not stand on a classified marking, RD stands
    for FRD and TFNI, more than four programmes are MULTIPLE PROGRAMS, and a release to nobody or to others than the
    nation is shown as NOFORN. Obligations are no part of a label, so they are not shown. Enforce the label.

    Args:
        label: any label.
        vocabulary: the words and rules; those of the package when None.

    Raises:
        MarkingError: the label has a control that the vocabulary does not know, or that its level does not allow.
    """
    vocabulary = vocabulary or default()
    parts = Parts(classification="U" if label.level == "CUI" else label.level, owners=(vocabulary.nation,))
    if label.level == "CUI":
        parts.cui.append("CUI")
    for token in sorted(label.need):
        _add(parts, token, label, vocabulary)
    parts.aea = _preceding(parts.aea)
    if parts.nonus and len(parts.nonus) == len(label.need) and label.rel == vocabulary.groups.get(NATO):
        parts.owners = (NATO,)
    elif parts.nonus:
        parts.fgi = (NATO,)
    demanded = required(parts.marking(vocabulary))
    parts.dissem += demanded
    if tuple(parts.owners) == (vocabulary.nation,) and "NF" not in demanded:
        _release(parts, label, vocabulary)
    marking = parts.marking(vocabulary)
    _, violations = examine(marking.banner, vocabulary)
    if violations:
        raise MarkingError(label.encode(), tuple(violations))
    return marking


def _add(parts: Parts, token: str, label: Label, vocabulary: Vocabulary) -> None:
    """Put a control into its category."""
    if token.startswith("SP-"):
        parts.cui += ["CUI", token]
    elif token == HANDLE_VIA_SAP or token.startswith("SAR-"):
        parts.sap.append(token)
        names = {name.split("-")[1] for name in parts.sap if name != HANDLE_VIA_SAP}
        if 0 < vocabulary.profile.maximum_programmes < len(names) or MULTIPLE in names:
            parts.sap = [f"SAR-{MULTIPLE}", *(name for name in parts.sap if name == HANDLE_VIA_SAP)]
    else:
        try:
            control = vocabulary.control(token)
        except KeyError as error:
            wrong = vocabulary.violation("label-encoding", (0, 0), f"{token} is no control of the vocabulary")
            raise MarkingError(label.encode(), (wrong,)) from error
        if not (token in {"DCNI", "UCNI"} and parts.classification != "U"):
            getattr(parts, control.axis).append(token)


def _preceding(tokens: list[str]) -> list[str]:
    """The atomic energy tokens that a marking shows: RD stands for FRD and TFNI, FRD for TFNI, with every SIGMA."""
    if "RD" in tokens:
        tokens = [token.replace("FRD-SG", "RD-SG") for token in tokens]
        return [token for token in tokens if token.partition("-")[0] not in {"FRD", "TFNI"}]
    return [token for token in tokens if token not in {"TFNI"}] if "FRD" in tokens else tokens


def _release(parts: Parts, label: Label, vocabulary: Vocabulary) -> None:
    """REL TO when the label names the nation and others, NOFORN when it limits otherwise."""
    if label.rel is None:
        return
    if vocabulary.nation in label.rel and len(label.rel) > 1:
        group = next((code for code, members in vocabulary.groups.items() if members == label.rel), None)
        parts.rel = (vocabulary.nation, group) if group else tuple(label.rel)
    else:
        parts.dissem.append("NF")
