"""What people do with packs and suites, for the JSON interface and the pages alike."""

from collections.abc import Iterable, Sequence
from typing import TypeVar
from uuid import UUID

from fastapi import Request
from pydantic import ValidationError

from appliance.contract.certification import Certification
from appliance.errors import first_words
from appliance.markings import Restriction
from appliance.service.database import Transaction, database_of
from appliance.service.web.current import monitor_of
from appliance.service.web.middleware import context_of, token_of
from appliance.service.web.responses import not_found
from workbench.evaluation import packs, suites
from workbench.evaluation.packs import PackItem
from workbench.evaluation.scorers import SCORERS
from workbench.evaluation.suites import PackSuite, Suite, SuiteError

from . import store
from .model import NewPack, NewSuite, OwnSuite, Pack
from .restrictions import Marked, Restrictions

_Kept = TypeVar("_Kept", Pack, OwnSuite)


def restrictions(request: Request) -> Restrictions:
    """The restrictions that uploads may have here."""
    found: Restrictions = request.app.state.restrictions
    return found


async def add_pack(request: Request, new: NewPack, data: bytes, file: str) -> Pack:
    """Check a file of items and keep it as the next version of its pack, once that is recorded.

    Raises:
        ApplianceError: a marking, a group or an item is wrong; nothing is kept.
    """
    marked = restrictions(request).of(new.marking, new.groups, member_of=context_of(request).groups)
    items = packs.read_items(data, file)
    for one in items:
        if one.marking:
            restrictions(request).check_item(one.marking, marked, f"item {one.id}")
    content = packs.content(items)
    sha256 = packs.digest(content)
    async with database_of(request).transaction(request, [marked.restriction.label.encode()]) as transaction:
        row = await store.add_pack(transaction, marked, new.card, content, sha256, len(items))
        # Inside the transaction: without a durable record nothing is kept.
        await monitor_of(request).record(
            "pack.add", token_of(request), outputs=[f"sha256:{sha256}"], restriction=marked.restriction,
            detail={"items": len(items), "version": row["version"]},
        )  # fmt: skip
        added = await store.pack(transaction, row["id"])
    if added is None:
        raise not_found()
    return added


async def add_suite(request: Request, new: NewSuite, policy: Certification) -> OwnSuite:
    """Keep a suite as the next version of its name, once that is recorded.

    Raises:
        ApplianceError: its definition is wrong, or a pack is not there; nothing is kept.
    """
    if new.name in suites.standard():
        raise SuiteError(
            f"name: {new.name} is a suite of the project", rule="a site's suites have names of their own",
            remedy="choose another name",
        )  # fmt: skip
    own = restrictions(request).of(None, new.groups, member_of=context_of(request).groups)
    async with database_of(request).transaction(request, writes=False) as transaction:
        known = await store.packs(transaction)
        used = sorted((_named(known, one, "pack") for one in new.packs), key=lambda one: one.name)
        contents = {one.name: await _items(transaction, one.id) for one in used}
    if len(contents) != len(used):
        raise SuiteError("packs: one is named twice", rule="docs/evaluation.md", remedy="name each pack once")
    defined = _defined(new, used, policy)
    _check_items(defined, contents)
    marked = restrictions(request).joined([_marked(one) for one in used])
    marked = Marked(
        Restriction(marked.restriction.label, marked.restriction.groups | own.restriction.groups,
                    marked.restriction.originator_controlled),
        marked.portion,
    )  # fmt: skip
    async with database_of(request).transaction(request, [marked.restriction.label.encode()]) as transaction:
        row = await store.add_suite(transaction, marked, defined, [one.id for one in used])
        await monitor_of(request).record(
            "suite.add", token_of(request), inputs=[f"sha256:{one.sha256}" for one in used],
            outputs=[f"sha256:{defined.sha256}"], restriction=marked.restriction, detail={"version": row["version"]},
        )  # fmt: skip
        added = await store.suite(transaction, row["id"])
    if added is None:
        raise not_found()
    return added


async def named_suite(request: Request, reference: str) -> OwnSuite:
    """The suite of the site that ``reference`` names, for a reader who may know of it.

    Raises:
        SuiteError: there is none, or there are several.
    """
    async with database_of(request).transaction(request, writes=False) as transaction:
        return _named(await store.suites(transaction), reference, "suite")


async def filled(transaction: Transaction, own: OwnSuite) -> Suite:
    """The suite with the contents of its packs, as far as this transaction may read them.

    Raises:
        SuiteError: a pack is not there, or not for this reader.
    """
    defined = Suite.model_validate(own.definition)
    if not defined.packs:
        return defined
    contents = {}
    for name, identifier in zip(sorted(defined.packs), own.packs, strict=True):
        contents[name] = await _items(transaction, identifier)
    return PackSuite.model_validate({**own.definition, "contents": contents})


async def filled_by_id(transaction: Transaction, identifier: UUID) -> Suite:
    """The same by its identifier.

    Raises:
        SuiteError: it is not there, or not for this reader.
    """
    own = await store.suite(transaction, identifier)
    if own is None:
        raise SuiteError("the suite is not there any more")
    return await filled(transaction, own)


def _named(known: Sequence[_Kept], reference: str, what: str) -> _Kept:
    name, _, version = reference.partition("@")
    fitting = [one for one in known if one.name == name and (not version or one.version == int(version))]
    if not fitting:
        names = sorted({one.name for one in known})
        raise SuiteError(
            f"{what}: there is no {what} {reference[:60]!r}", rule=f"a {what} is uploaded before it is used",
            remedy=f"there are {', '.join(names)}" if names else f"upload the {what} first",
        )  # fmt: skip
    if len({one.restriction for one in fitting}) > 1:
        raise SuiteError(
            f"{what}: several with different restrictions are called {name}",
            rule="names are unique within one restriction", remedy="upload it under another name",
        )  # fmt: skip
    return max(fitting, key=lambda one: one.version)


def _marked(one: Pack) -> Marked:
    return Marked(Restriction.decode(one.restriction), one.portion)


async def _items(transaction: Transaction, identifier: UUID) -> tuple[PackItem, ...]:
    data = await store.content(transaction, identifier)
    if data is None:
        raise SuiteError("a pack of the suite is not there any more")
    return packs.kept(data)


def _defined(new: NewSuite, used: Sequence[Pack], policy: Certification) -> Suite:
    prefix = new.dimension
    stem = "".join(one if one.isalpha() else "_" for one in new.name)
    if bool(used) == bool(new.generators):
        raise SuiteError(
            "packs, generators: a suite has either the one or the other", rule="a suite is data (policies/suites)",
            remedy="name the packs whose items are asked",
        )  # fmt: skip
    if used and new.scorer not in SCORERS:
        raise SuiteError(
            f"scorer: there is no scorer {new.scorer!r}", rule="a site's own items are scored by rules",
            remedy=", ".join(SCORERS),
        )  # fmt: skip
    gives = SCORERS[new.scorer].gives if used else ()
    measures = new.measures or {f"{prefix}.{stem}_{score}": score for score in gives}
    for measure in measures:
        if measure in policy.measures:
            raise SuiteError(
                f"measures.{measure}: the certification policy measures it by {policy.measures[measure].suite}",
                rule="a bound of a certificate rests on keyed generators alone", remedy="give it another name",
            )  # fmt: skip
    said = new.model_dump(exclude={"groups", "packs", "measures"}) | {"measures": measures}
    try:
        return Suite.model_validate(said | {"packs": {one.name: one.sha256 for one in used}})
    except ValidationError as error:
        raise SuiteError(f"suite: {': '.join(first_words(error))}", rule="a suite is data (policies/suites)") from error


def _check_items(suite: Suite, contents: dict[str, tuple[PackItem, ...]]) -> None:
    if not suite.packs:
        return
    problem = SCORERS[suite.scorer].problem
    for pack, items in contents.items():
        for one in items:
            if why := problem(one.answer, one.choices):
                raise SuiteError(
                    f"{pack}, item {one.id}: {why}", rule=f"what the scorer {suite.scorer} needs",
                    remedy="choose another scorer, or correct the pack",
                )  # fmt: skip
            if not one.system and not suite.instruction and suite.scorer == "refusal":
                raise SuiteError(
                    "instruction: is empty, so nobody tells the model to say REFUSED or ANSWER",
                    rule="the scorer refusal reads the first word", remedy="write the instruction",
                )  # fmt: skip


def by_name(found: Iterable[_Kept]) -> list[_Kept]:
    """Of each name and restriction the newest version."""
    newest: dict[tuple[str, str], _Kept] = {}
    for one in found:
        key = one.name, one.restriction
        if key not in newest or newest[key].version < one.version:
            newest[key] = one
    return sorted(newest.values(), key=lambda one: one.name)
