"""What people of a red team do, for the JSON interface and the pages alike."""

import asyncio
import json
import os
from datetime import UTC, datetime
from uuid import UUID

from fastapi import Request

from appliance.contract import digest
from appliance.errors import ApplianceError
from appliance.markings import Restriction
from appliance.service.database import Transaction, database_of
from appliance.service.jobs.queue import queue_of
from appliance.service.web.current import monitor_of
from appliance.service.web.middleware import context_of, token_of
from workbench.evaluation import packs
from workbench.evaluation.goals import BY_NAME
from workbench.evaluation.packs import Card, PackItem
from workbench.evaluation.packs import Turn as PackTurn
from workbench.evaluation.scorers import occurs
from workbench.evaluation.suites import Suite
from workbench.markbench.item import Chance, Item
from workbench.statistics.agreement import Kappa, kappa

from ..asking import Model
from ..jobs import PURPOSE
from ..own import store as own_store
from ..own.restrictions import Marked
from ..own.work import restrictions
from . import store
from .model import MOST_TURNS, Attempt, Change, NewAttempt, NewTurn, Severity, Submission, Turn, Verdict

CALLS = 6
"""One answer, as often as it is tried, and what is served."""
TOKENS = 256
PATIENCE = 45
"""Seconds that a turn waits, so that its request may still write what was said."""
BLIND = "two people rate each attempt, blind to each other, and the attacker is neither of them"


async def begin(request: Request, new: NewAttempt) -> UUID:
    """Begin a conversation.

    Raises:
        ApplianceError: there is no such model or goal, or the person is no member of a group.
    """
    models: tuple[str, ...] = request.app.state.models
    if new.model not in models:
        raise ApplianceError(f"model {new.model!r} is not installed here", remedy=", ".join(models))
    if new.goal not in BY_NAME:
        raise ApplianceError(f"there is no goal {new.goal!r}", remedy=", ".join(BY_NAME))
    marked = restrictions(request).of(None, new.groups, member_of=context_of(request).groups)
    system, secret = BY_NAME[new.goal].drawn(Chance(int.from_bytes(os.urandom(16), "big")))
    values = {"model": new.model, "goal": new.goal, "system": system, "secret": secret}
    async with database_of(request).transaction(request, [marked.restriction.label.encode()]) as transaction:
        return await store.begin(transaction, marked.restriction.encode(), values)


async def show(request: Request, attempt: UUID) -> Attempt:
    """One attempt as this person may see it."""
    async with database_of(request).transaction(request, writes=False) as transaction:
        return await store.attempt(transaction, attempt)


async def listed(request: Request) -> list[Attempt]:
    """The newest attempts that this person may know of."""
    async with database_of(request).transaction(request, writes=False) as transaction:
        return await store.attempts(transaction)


async def say(request: Request, attempt: UUID, new: NewTurn) -> Attempt:
    """Say something to the candidate and keep both turns; one grant for each request.

    Raises:
        ApplianceError: the conversation has ended, or the model does not answer; nothing is kept then.
    """
    known = await show(request, attempt)
    _require_open(known)
    if len(known.turns) + 2 > MOST_TURNS:
        raise ApplianceError(f"the conversation has {MOST_TURNS} turns", remedy="submit it, or begin another one")
    asked = Turn(role="user", content=new.text, at=datetime.now(UTC))
    granted = await queue_of(request).grant(
        request,
        f"red-team.{os.urandom(16).hex()}",
        purpose=PURPOSE,
        calls=CALLS,
        groups=known.groups,
        model=known.model,
    )
    turns = tuple((one.role, one.content) for one in known.turns)
    item = Item("red-team", 1, known.system, new.text, turns=turns)
    try:
        async with asyncio.timeout(PATIENCE):
            answer = await Model(request.app.state.gateway, known.model, granted).ask(item, TOKENS)
    except TimeoutError as error:
        raise ApplianceError(
            f"the model did not answer within {PATIENCE} s", rule="a request may write for a minute (ADR 120)",
            remedy="say it again when the engine has less to do",
        ) from error  # fmt: skip
    if answer.problem:
        raise ApplianceError(f"the model gave no answer: {answer.problem}", remedy="say it again, or shorter")
    said = Turn(role="assistant", content=answer.text or "(nothing)", at=datetime.now(UTC))
    async with database_of(request).transaction(request, [context_of(request).label]) as transaction:
        if not await store.add_turns(transaction, known, [asked, said]):
            raise ApplianceError("the conversation went on elsewhere", remedy="load the page again")
    return known.model_copy(update={"turns": (*known.turns, asked, said)})


async def submit(request: Request, attempt: UUID, said: Submission) -> None:
    """End a conversation, for two others to rate, once that is recorded.

    Raises:
        ApplianceError: it has no answer, was submitted, or the evidence is in none of its answers.
    """
    known = await show(request, attempt)
    _require_open(known)
    answers = [one.content for one in known.turns if one.role == "assistant"]
    evidence = said.evidence or (
        known.secret if known.secret and any(occurs(known.secret, one) for one in answers) else ""
    )
    if not answers:
        raise ApplianceError("the model has not answered yet", remedy="say something to it first")
    if not evidence:
        raise ApplianceError(
            "evidence: is empty", rule="what must not come again is named, so that a program can look for it",
            remedy="copy the words of the answer that show it",
        )  # fmt: skip
    if not any(occurs(evidence, one) for one in answers):
        raise ApplianceError(
            "evidence: is in none of the model's answers", rule="evidence is the model's own words",
            remedy="copy the words of the answer that show it",
        )  # fmt: skip
    async with database_of(request).transaction(request, [context_of(request).label]) as transaction:
        if not await store.submit(transaction, known, said.model_copy(update={"evidence": evidence})):
            raise ApplianceError("this attempt was submitted already")
        await _record(request, "attempt.submit", known, {"goal": known.goal, "turns": len(known.turns)})


async def rate(request: Request, attempt: UUID, verdict: Verdict) -> None:
    """Rate an attempt; the second rating that agrees makes a finding of a success.

    Raises:
        ApplianceError: it is the person's own, was rated by them, or has two ratings.
    """
    known, person = await show(request, attempt), context_of(request).subject
    if known.submitted is None or known.made_by == person:
        raise ApplianceError("nobody rates an attempt of their own", rule=BLIND)
    if known.rated >= 2 or any(one.by == person for one in known.ratings):
        raise ApplianceError("this attempt has your rating, or two already", rule=BLIND)
    async with database_of(request).transaction(request, [context_of(request).label]) as transaction:
        await store.rate(transaction, known, verdict)
        await _settle(request, await store.attempt(transaction, attempt), "attempt.rate", transaction)


async def decide(request: Request, attempt: UUID, verdict: Verdict) -> None:
    """Decide where two raters differ.

    Raises:
        ApplianceError: they do not, or the person is the attacker or one of them.
    """
    known, person = await show(request, attempt), context_of(request).subject
    if not known.disputed:
        raise ApplianceError("there is nothing to decide", rule="a third person decides where two raters differ")
    if person in {known.made_by, *(one.by for one in known.ratings)}:
        raise ApplianceError("a third person decides", rule=BLIND, remedy="ask somebody who has not rated it")
    if not verdict.comment:
        raise ApplianceError("comment: is empty", rule="a decision has a reason")
    async with database_of(request).transaction(request, [context_of(request).label]) as transaction:
        await store.decide(transaction, known, verdict)
        await _settle(request, await store.attempt(transaction, attempt), "attempt.decide", transaction)


async def change(request: Request, attempt: UUID, said: Change) -> None:
    """Change severity or state of a finding, once that is recorded.

    Raises:
        ApplianceError: there is no finding.
    """
    known = await show(request, attempt)
    if known.finding is None:
        raise ApplianceError("this attempt is no finding", rule="a finding is an attempt that two people confirmed")
    async with database_of(request).transaction(request, [context_of(request).label]) as transaction:
        await store.note(transaction, known, said)
        await _record(request, "finding.change", known, {"state": said.state, "severity": said.severity})


async def regress(request: Request, model: str) -> UUID:
    """Make a pack and a suite of all confirmed attempts on a model; return the suite.

    Raises:
        ApplianceError: there is none, or nothing has changed since the last pack.
    """
    known = [one for one in await listed(request) if one.model == model and one.finding is not None]
    if not known:
        raise ApplianceError(f"no attempt on {model} is confirmed", rule="a regression pack is of confirmed attempts")
    parts = [Marked(Restriction.decode(one.restriction), restrictions(request).enclave.portion) for one in known]
    marked = restrictions(request).joined(parts)
    items = [_item(one) for one in sorted(known, key=lambda one: one.created)]
    name = f"red-team-{''.join(one if one.isalnum() else '-' for one in model.lower())}"[:30].strip("-")
    card = Card(
        name=name, title=f"Confirmed attempts on {model}"[:80], source="red team of this site", licence="own work",
        evidence="attempts of this site's own red team, for its own use",
    )  # fmt: skip
    content = packs.content(items)
    sha256 = packs.digest(content)
    suite = Suite(
        name=name, title=f"Regression of {model}"[:80], purpose="Whether attempts that succeeded once succeed again.",
        dimension="safety", packs={name: sha256}, scorer="avoids", measures={"redteam.regression": "broken"},
        items=len(items), maximum_tokens=TOKENS,
    )  # fmt: skip
    async with database_of(request).transaction(request, [marked.restriction.label.encode()]) as transaction:
        pack = await own_store.add_pack(transaction, marked, card, content, sha256, len(items))
        made = await own_store.add_suite(transaction, marked, suite, [pack["id"]])
        await monitor_of(request).record(
            "pack.add", token_of(request), outputs=[f"sha256:{sha256}"], restriction=marked.restriction,
            detail={"items": len(items), "version": pack["version"]},
        )  # fmt: skip
        await monitor_of(request).record(
            "suite.add", token_of(request), inputs=[f"sha256:{sha256}"], outputs=[f"sha256:{suite.sha256}"],
            restriction=marked.restriction, detail={"version": made["version"]},
        )  # fmt: skip
    return UUID(str(made["id"]))


def agreement(known: list[Attempt]) -> tuple[int, Kappa | None]:
    """How many attempts two people rated, and their kappa if there are at least two."""
    both = [one.ratings for one in known if len(one.ratings) == 2]
    if len(both) < 2:
        return len(both), None
    return len(both), kappa([one[0].succeeded for one in both], [one[1].succeeded for one in both])


def _require_open(known: Attempt) -> None:
    if known.submitted is not None:
        raise ApplianceError("this attempt was submitted", rule="what two people rate does not change any more")


async def _settle(request: Request, known: Attempt, activity: str, transaction: Transaction) -> None:
    """Record a verdict, and open a finding where it confirms the attempt."""
    settled = known.settled
    if settled is not None and settled.succeeded and known.finding is None:
        opened = Change(state="open", severity=_severity(settled.severity), note="confirmed")
        await store.note(transaction, known, opened)
    await _record(request, activity, known, {"state": known.state})


def _severity(place: int) -> Severity:
    return ("low", "moderate", "high", "critical")[place]


async def _record(request: Request, activity: str, known: Attempt, detail: dict[str, str | int]) -> None:
    conversation = json.dumps([[one.role, one.content] for one in known.turns])
    await monitor_of(request).record(
        activity, token_of(request), inputs=[digest.text(conversation)], detail={"model": known.model, **detail},
        restriction=Restriction.decode(known.restriction),
    )  # fmt: skip


def _item(one: Attempt) -> PackItem:
    """The attempt up to the question whose answer shows it."""
    place = next(
        number
        for number, turn in enumerate(one.turns)
        if turn.role == "assistant" and occurs(one.evidence, turn.content)
    )
    before = tuple(PackTurn(role=turn.role, content=turn.content) for turn in one.turns[: place - 1])
    return PackItem(
        id=one.id.hex, system=one.system, user=one.turns[place - 1].content, answer=(one.evidence,),
        group=one.card.dimension, turns=before,
    )  # fmt: skip
