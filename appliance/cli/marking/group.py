"""`appliance marking`: parse, check, roll up and compare classification markings."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from appliance.cli.marking.profile import Profile, words_of
from appliance.cli.marking.scan import scan
from appliance.cli.marking.why import why
from appliance.cli.shared import inputs
from appliance.cli.shared.commands import Commands
from appliance.cli.shared.options import Json
from appliance.errors import ApplianceError
from appliance.markings import Label, Marking, MarkingError, Violation, banner_colours, dominates, join
from appliance.markings.formats.ism import to_ism
from appliance.markings.formats.stanag4774 import to_stanag4774
from appliance.markings.reading.parse import examine
from appliance.markings.reading.text import is_clean
from appliance.markings.rollup import Compilation, Contribution, Rollup, rollup
from appliance.markings.verify import verify
from appliance.markings.vocabulary import STRICT, Vocabulary, load

app = Commands("marking")
app.command("scan")(scan)
app.command("why")(why)

Texts = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="MARKING",
        help="Markings; - reads one a line from standard input, and the name of a file from that file.",
        show_default=False,
    ),
]
File = Annotated[
    Path | None, inputs.word_option("FILE", "Read one a line from this file; - is standard input.", "--file", "-f")
]
Folder = Annotated[Path | None, inputs.word_option("FOLDER", "Use the words and rules of this folder.", "--vocabulary")]
Whole = Annotated[str, inputs.word_option("MARKING", "What the whole demands besides its portions.")]
Reason = Annotated[str, inputs.word_option("TEXT", "Why the compilation is more sensitive than its parts.")]


@app.command("parse")
def parse_(
    texts: Texts = None, file: File = None, as_json: Json = False, vocabulary: Folder = None, profile: Profile = ""
) -> None:
    """Say what markings mean: canonical banner and portion, label, obligations.

    Example: appliance marking parse "TOP SECRET//SI//NOFORN"
    """
    words = _vocabulary(vocabulary, profile)
    found = [(text, *examine(text, words)) for text in _inputs(texts, file)]
    if as_json:
        _print_json([_checked(text, marking, violations, meaning=True) for text, marking, violations in found])
    for text, marking, violations in found if not as_json else []:
        if marking is None or violations:
            _print_violations(text, violations)
        else:
            _print_meaning(marking)
    _exit(all(not violations for _, _, violations in found))


@app.command()
def check(
    texts: Texts = None, file: File = None, as_json: Json = False, vocabulary: Folder = None, profile: Profile = ""
) -> None:
    """Check markings against every rule; each violation comes with its rule, source, place and suggestion.

    Example: appliance marking check "SECRET//REL TO USA, GBR"
    """
    words = _vocabulary(vocabulary, profile)
    found = [(text, *examine(text, words)) for text in _inputs(texts, file)]
    if as_json:
        _print_json([_checked(text, marking, violations) for text, marking, violations in found])
    for text, marking, violations in found if not as_json else []:
        if marking is None or violations:
            _print_violations(text, violations)
        else:
            _print_banner(marking, text, "valid")
    _exit(all(not violations for _, _, violations in found))


@app.command("rollup")
def rollup_(
    texts: Texts = None,
    file: File = None,
    as_json: Json = False,
    vocabulary: Folder = None,
    profile: Profile = "",
    compilation: Whole = "",
    reason: Reason = "",
    banner: Annotated[str, inputs.word_option("MARKING", "Check that this is the banner, by every rule.")] = "",
) -> None:
    """Print the banner of a document with these portions, or check the one that it has.

    Example: appliance marking rollup "S//REL TO USA, GBR" "S//NF"
    """
    if banner:
        _verify(banner, _inputs(texts, file), _vocabulary(vocabulary, profile), as_json=as_json, reason=reason)
        return
    result = _roll_up(
        texts, file, _vocabulary(vocabulary, profile), as_json=as_json, compilation=compilation, reason=reason
    )
    if as_json:
        _print_json(_rolled_up(result))
    else:
        _print_banner(result.marking, result.marking.banner)
        _print_advice(result)


@app.command()
def explain(
    texts: Texts = None,
    file: File = None,
    as_json: Json = False,
    vocabulary: Folder = None,
    profile: Profile = "",
    compilation: Whole = "",
    reason: Reason = "",
) -> None:
    """Roll portions up and tell which of them contributed what, by which rule.

    Example: appliance marking explain "U//FOUO" "TS//SI//REL TO USA, GBR"
    """
    result = _roll_up(
        texts, file, _vocabulary(vocabulary, profile), as_json=as_json, compilation=compilation, reason=reason
    )
    if as_json:
        _print_json(_rolled_up(result))
        return
    _print_banner(result.marking, result.marking.banner)
    rules = result.marking.vocabulary.rules
    for line in result.explanation:
        print(f"  {_sentence(line)}")
        print(f"      {rules[line.rule].text} [{line.rule}; {rules[line.rule].source}]")
    print(f"  a reader must hold {result.label.encode()}")
    _print_advice(result)


@app.command("join")
def join_(
    texts: Texts = None, file: File = None, as_json: Json = False, vocabulary: Folder = None, profile: Profile = ""
) -> None:
    """Print the least label that dominates these markings or encoded labels.

    Example: appliance marking join "SECRET//REL TO USA, GBR" "TOP SECRET//TK//REL TO USA, CAN, GBR"
    """
    label = join(*_labels(_inputs(texts, file), _vocabulary(vocabulary, profile), as_json=as_json))
    if as_json:
        _print_json(_label(label))
    else:
        print(label.encode())


@app.command("dominates")
def dominates_(
    texts: Texts = None, file: File = None, as_json: Json = False, vocabulary: Folder = None, profile: Profile = ""
) -> None:
    """Whether every reader of the first marking (or encoded label) may read the second.

    Example: appliance marking dominates "TOP SECRET//SI//NOFORN" "SECRET//REL TO USA, GBR"
    """
    inputs = _inputs(texts, file)
    if len(inputs) != 2:
        raise typer.BadParameter(f"dominates compares two markings, not {len(inputs)}")
    high, low = _labels(inputs, _vocabulary(vocabulary, profile), as_json=as_json)
    holds = dominates(high, low)
    if as_json:
        _print_json({"first": _label(high), "second": _label(low), "dominates": holds})
    else:
        print("yes" if holds else "no")
    _exit(holds)


def _vocabulary(folder: Path | None, profile: str) -> Vocabulary:
    if folder is None:
        return words_of(profile)
    try:
        return load(folder, "" if profile == STRICT else profile)
    except OSError as error:
        why = f"{error.filename or folder}: {error.strerror}"
        raise typer.BadParameter(f"{folder} is no folder of a vocabulary: {why}", param_hint="--vocabulary") from error
    except ValueError as error:
        why = " ".join(str(error).split())
        raise typer.BadParameter(f"{folder} is no vocabulary: {why}", param_hint="--vocabulary") from error


def _inputs(texts: list[str] | None, file: Path | None) -> list[str]:
    """The markings of the arguments, of files and of standard input, in this order."""
    inputs: list[str] = []
    for text in [*(texts or []), *([str(file)] if file else [])]:
        if text == "-":
            inputs += _lines(sys.stdin.buffer.read())
        elif (file and text == str(file)) or _names_file(text):
            try:
                inputs += _lines(Path(text).read_bytes())
            except OSError as error:
                raise typer.BadParameter(f"{text} cannot be read: {error.strerror}") from error
        else:
            inputs.append(text)
    if not inputs:
        raise typer.BadParameter("give at least one marking")
    return inputs


def _names_file(text: str) -> bool:
    """Whether the text cannot be a marking (a dot, a lower-case letter) and is the name of a file."""
    try:
        return bool(text) and not is_clean(text) and Path(text).is_file()
    except OSError:
        return False


def _lines(content: bytes) -> list[str]:
    """One marking a line; what is no UTF-8 becomes a character that no marking has."""
    lines = content.decode("utf-8", errors="replace").split("\n")
    return [line.removesuffix("\r") for line in (lines[:-1] if lines[-1] == "" else lines)]


def _labels(inputs: list[str], vocabulary: Vocabulary, *, as_json: bool) -> list[Label]:
    """The labels of markings and of encoded labels, which have a semicolon."""
    labels: list[Label] = []
    for text in inputs:
        if ";" in text:
            try:
                labels.append(Label.decode(text))
            except MarkingError as error:
                _refuse([(text, None, list(error.violations))], as_json=as_json)
        else:
            labels.append(_valid([text], vocabulary, as_json=as_json)[0].label)
    return labels


def _valid(inputs: list[str], vocabulary: Vocabulary, *, as_json: bool) -> list[Marking]:
    """The markings; exits when one is wrong, having told about all that are."""
    found = [(text, *examine(text, vocabulary)) for text in inputs]
    wrong = [(text, marking, violations) for text, marking, violations in found if violations]
    if wrong:
        _refuse(wrong, as_json=as_json)
    return [marking for _, marking, _ in found if marking is not None]


def _refuse(wrong: list[tuple[str, Marking | None, list[Violation]]], *, as_json: bool) -> NoReturn:
    if as_json:
        first = wrong[0][2][0]
        refusal = ApplianceError(
            "invalid marking",
            rule=f"{first.rule}, {first.source}",
            remedy=first.suggestion or "appliance marking check",
        )
        _print_json(refusal.as_dict() | {"invalid": [_checked(*entry) for entry in wrong]})
    else:
        for text, _, violations in wrong:
            _print_violations(text, violations)
    raise typer.Exit(1)


def _roll_up(
    texts: list[str] | None, file: Path | None, words: Vocabulary, *, as_json: bool, compilation: str, reason: str
) -> Rollup:
    portions = _valid(_inputs(texts, file), words, as_json=as_json)
    if bool(compilation) != bool(reason.strip()):
        raise typer.BadParameter("--compilation and --reason belong together")
    whole = Compilation(_valid([compilation], words, as_json=as_json)[0], reason) if compilation else None
    return rollup(portions, compilation=whole, vocabulary=words)


def _verify(banner: str, inputs: list[str], vocabulary: Vocabulary, *, as_json: bool, reason: str) -> None:
    """Tell whether the banner is the one that the portions demand; exits when it is not."""
    given, *portions = _valid([banner, *inputs], vocabulary, as_json=as_json)
    violations = verify(given, portions, compilation_reason=reason, vocabulary=vocabulary)
    if as_json:
        _print_json(_checked(banner, given, violations))
    elif violations:
        _print_violations(banner, violations)
    else:
        _print_banner(given, banner, "is the banner of these portions")
    _exit(not violations)


def _checked(
    text: str, marking: Marking | None, violations: list[Violation], *, meaning: bool = False
) -> dict[str, Any]:
    result: dict[str, Any] = {
        "marking": text,
        "valid": not violations,
        "violations": [violation.as_dict() for violation in violations],
    }
    if meaning and marking is not None and not violations:
        result |= {
            "banner": marking.banner,
            "portion": marking.portion,
            "label": _label(marking.label),
            "obligations": list(marking.obligations),
            "ism": to_ism(marking),
            "stanag4774": to_stanag4774(marking),
        }
    return result


def _label(label: Label) -> dict[str, Any]:
    rel = None if label.rel is None else sorted(label.rel)
    return {"encoding": label.encode(), "level": label.level, "need": sorted(label.need), "rel": rel}


def _rolled_up(result: Rollup) -> dict[str, Any]:
    return {
        "banner": result.marking.banner,
        "portion": result.marking.portion,
        "label": _label(result.label),
        "explanation": [
            {
                "category": line.category,
                "value": line.value,
                "kept": line.kept,
                "portions": list(line.portions),
                "rule": line.rule,
            }
            for line in result.explanation
        ],
        "advice": [violation.as_dict() for violation in result.advice],
    }


def _sentence(line: Contribution) -> str:
    portions = ", ".join(map(str, line.portions))
    origin = f"portion{'s' if len(line.portions) > 1 else ''} {portions}" if portions else "the compilation"
    return f"{line.category} {line.value}: {'from' if line.kept else 'left out, because of'} {origin}"


def _print_json(value: object) -> None:
    print(json.dumps(value, indent=2))


def _print_banner(marking: Marking, text: str, remark: str = "") -> None:
    from rich.console import Console
    from rich.text import Text

    background, foreground = banner_colours(marking)
    line = Text(text, style=f"bold {foreground} on {background}")
    if remark:
        line.append(f"  {remark}", style="default on default")
    Console(highlight=False).print(line, soft_wrap=True)


def _print_meaning(marking: Marking) -> None:
    label = marking.label
    nations = "no limit" if label.rel is None else ", ".join(sorted(label.rel)) or "nobody"
    _print_banner(marking, marking.banner)
    print(f"  portion      ({marking.portion})")
    print(f"  level        {label.level}")
    print(f"  must hold    {', '.join(sorted(label.need)) or 'nothing more'}")
    print(f"  releasable   {nations}")
    print(f"  obligations  {', '.join(marking.obligations) or 'none'}")
    print(f"  label        {label.encode()}")


def _print_violations(text: str, violations: list[Violation]) -> None:
    print(f"{_visible(text)}  invalid")
    for violation in violations:
        start, end = violation.span
        print(f"  {start}-{end} {_visible(text[start:end])}: {violation.message}")
        print(f"      rule {violation.rule}, {violation.source}")
        if violation.suggestion:
            print(f"      suggestion: {violation.suggestion}")


def _print_advice(result: Rollup) -> None:
    for violation in result.advice:
        print(f"  advice: {violation.message} [{violation.rule}; {violation.source}]")


def _visible(text: str) -> str:
    """The text with what a terminal would hide or obey made visible."""
    return repr(text) if not text or not text.isprintable() or not text.isascii() else text


def _exit(good: bool) -> None:
    if not good:
        raise typer.Exit(1)
