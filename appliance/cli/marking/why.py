"""`appliance marking why`: every rule behind the verdict on a marking, with its paragraph."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from appliance.cli.marking.profile import Profile, words_of
from appliance.cli.shared import inputs
from appliance.cli.shared.options import Json

if TYPE_CHECKING:
    from appliance.markings.explain import Explanation

Texts = Annotated[list[str], inputs.word_argument("MARKING", "Banners or portions.")]

_VERDICTS = {"broken": "breaks", "kept": "keeps", "means": "means"}


def why(texts: Texts, profile: Profile = "", as_json: Json = False) -> None:
    """Tell why markings are right or wrong: every rule that applies, its paragraph, and what a reader must hold.

    Example: appliance marking why "SECRET//REL TO USA, GBR"
    """
    import typer  # keeps `appliance --help` quick

    from appliance.markings.explain import explain

    words = words_of(profile)
    explanations = [explain(text, words) for text in texts]
    if as_json:
        print(json.dumps([_as_dict(explanation) for explanation in explanations], indent=2))
    else:
        for explanation in explanations:
            _show(explanation)
    if not all(explanation.valid for explanation in explanations):
        raise typer.Exit(1)


def _as_dict(explanation: "Explanation") -> dict[str, object]:
    reasons = [asdict(reason) for reason in explanation.reasons]
    return {"marking": explanation.text, "valid": explanation.valid, "reasons": reasons}


def _show(explanation: "Explanation") -> None:
    print(f"{_visible(explanation.text)}  {'valid' if explanation.valid else 'invalid'}")
    for reason in explanation.reasons:
        print(f"  {_VERDICTS[reason.verdict]:<6} {_visible(reason.subject)}: {reason.message}")
        if reason.rule:
            print(f"         rule {reason.rule}, {reason.source}")
        if reason.suggestion:
            print(f"         suggestion: {reason.suggestion}")


def _visible(text: str) -> str:
    """The text with what a terminal would hide or obey made visible."""
    return repr(text) if not text or not text.isprintable() or not text.isascii() else text
