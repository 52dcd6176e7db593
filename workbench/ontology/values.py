"""Classes in answers of each kind that has classes."""

from typing import Any

from workbench.ontology.changes import Moves, moved

KINDS = frozenset({"classification", "spans", "chat", "geometry"})
"""Kinds whose classes can change."""


def classes_in(kind: str, value: dict[str, Any]) -> list[str]:
    """The classes that an answer names."""
    match kind:
        case "classification":
            return list(value["labels"])
        case "spans":
            return [one["label"] for one in value.get("spans", ())]
        case "geometry":
            return [one["label"] for one in value.get("shapes", ())]
        case "chat":
            return list(value["turns"].values())
        case _:
            return []


def in_classes_of_today(kind: str, value: dict[str, Any], moves: Moves) -> dict[str, Any] | None:
    """An answer in other classes; None if it names one of which a person must say what it is now."""
    if any(moved(moves, name) is None for name in classes_in(kind, value)):
        return None
    match kind:
        case "classification":
            return {**value, "labels": list(dict.fromkeys(moved(moves, name) for name in value["labels"]))}
        case "spans":
            return {**value, "spans": [{**one, "label": moved(moves, one["label"])} for one in value.get("spans", ())]}
        case "geometry":
            shapes = [{**one, "label": moved(moves, one["label"])} for one in value.get("shapes", ())]
            return {**value, "shapes": shapes}
        case "chat":
            return {**value, "turns": {turn: moved(moves, name) for turn, name in value["turns"].items()}}
        case _:
            return value
