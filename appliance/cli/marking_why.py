"""`appliance marking why`: every rule behind the verdict on a marking, with its paragraph."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from appliance.markings.explain import Explanation, explain
from appliance.markings.vocabulary import default

Texts = Annotated[list[str], typer.Argument(metavar="MARKING...", help="Banners or portions.")]
Profile = Annotated[str, typer.Option("--profile", help="Where manuals disagree: ic, dod, nato or cui.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_VERDICTS = {"broken": "breaks", "kept": "keeps", "means": "means"}


def why(texts: Texts, profile: Profile = "", as_json: Json = False) -> None:
    """Tell why markings are right or wrong: every rule that applies, its paragraph, and what a reader must hold."""
    try:
        words = default(profile)
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"--profile {profile!r}: {error}") from error
    explanations = [explain(text, words) for text in texts]
    if as_json:
        print(json.dumps([_as_dict(explanation) for explanation in explanations], indent=2))
    else:
        for explanation in explanations:
            _show(explanation)
    if not all(explanation.valid for explanation in explanations):
        raise typer.Exit(1)


def _as_dict(explanation: Explanation) -> dict[str, object]:
    reasons = [asdict(reason) for reason in explanation.reasons]
    return {"marking": explanation.text, "valid": explanation.valid, "reasons": reasons}


def _show(explanation: Explanation) -> None:
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
