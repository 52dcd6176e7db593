"""The labels of what a bundle carries: each a marking, and a model's card marked no higher than its files."""

from collections.abc import Iterable, Mapping

from appliance.bundle.evidence.model_claims import ModelError, read_card, weights_of
from appliance.errors import ApplianceError, visible
from appliance.markings import Label, MarkingError, dominates, parse_by_any
from appliance.trust.repository.metadata import Target


def label_of(text: str, name: str) -> Label:
    """The label of a marking by any profile; which one counts is the site's to say.

    Raises:
        ApplianceError: it is no marking.
    """
    try:
        return parse_by_any(text).label
    except MarkingError as error:
        raise ApplianceError(
            f"{name}: its label {text[:80]!r} is no marking: {error.violations[0].message}",
            rule="everything that a bundle carries has a marking; unmarked is an error",
            remedy="build the bundle again with a marking: appliance bundle build --marking",
        ) from error


def unmarked(targets: Iterable[Target]) -> list[str]:
    """A finding for each target whose label is no marking."""
    why: dict[str, str] = {}
    for target in targets:
        if target.custom.label not in why:
            try:
                label_of(target.custom.label, "")
                why[target.custom.label] = ""
            except ApplianceError as error:
                why[target.custom.label] = error.message
    return [visible(f"targets/{one.path}{why[one.custom.label]}") for one in targets if why[one.custom.label]]


def check_card(data: bytes, name: str, targets: Mapping[str, Target]) -> None:
    """Refuse a model whose card is not marked, or marked above its weights.

    Raises:
        ApplianceError: names the card.
    """
    card = read_card(data, name)
    where = f"targets/models/{name}.card.json"
    weights = targets[f"models/{weights_of(name)}"].custom.label
    if not dominates(label_of(weights, f"targets/models/{weights_of(name)}"), label_of(card.marking, where)):
        raise ModelError(
            f"{where}: is marked {card.marking}, and the model's weights {weights}",
            rule="a model has one marking, and nobody reads more in its card than in its label",
            remedy="build the bundle again with the model's marking",
        )
