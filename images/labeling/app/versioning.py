"""Versions for the JSON interface and the pages alike: what is checked, decided, kept, recorded and taken back."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from appliance.errors import ApplianceError
from appliance.service.database import Row, Transaction, database_of
from appliance.service.web.current import monitor_of
from appliance.service.web.middleware import context_of, token_of
from appliance.service.web.responses import not_found
from workbench.tasks import kind_of
from workbench.versions import manifest as manifests
from workbench.versions.content import SALT, content_of, digest_of
from workbench.versions.manifest import Check, Difference, Manifest, Member, difference
from workbench.versions.splits import SHARES, cluster_of, split_of

from . import checks, work
from .models import CheckDecision, NewVersion, Withdrawal
from .restrictions import Marked
from .store import projects, public, reviews, tasks, versions
from .store.versions import Content

MOST = 100_000


@dataclass(frozen=True)
class Read:
    """What the maker of a version may read of a project, at one moment."""

    project: Row
    rows: list[Row]
    decisions: dict[str, Row]

    def queue(self) -> list[dict[str, Any]]:
        """The findings of each restriction."""
        return checks.queues(self.project, self.rows, self.decisions)


async def read(transaction: Transaction, project: UUID) -> Read:
    """The project with all its records and all decisions about findings."""
    found = await projects.project(transaction, project)
    rows = await reviews.exported(transaction, found)
    return Read(found, rows, await versions.decisions(transaction, project))


async def queue(request: Request, project: UUID) -> tuple[Read, list[dict[str, Any]]]:
    """What the reader may read of a project, and what looks poisoned in it."""
    async with database_of(request).transaction(request, writes=False) as transaction:
        found = await read(transaction, project)
    return found, await run_in_threadpool(found.queue)


async def decide(request: Request, project: UUID, findings: Sequence[str], new: CheckDecision) -> None:
    """Decide findings; the log has each before it stands.

    Raises:
        HTTPException: 404: there is no such finding, or not for this reader.
        ApplianceError: one is about the decider, or is decided; then all stay as they were.
    """
    if not findings:
        raise ApplianceError(
            "nothing is chosen", rule="a decision is about one finding or more", remedy="choose what to decide"
        )
    _, found = await queue(request, project)
    by_name = {one["id"]: (part, one) for part in found for one in part["findings"]}
    if any(name not in by_name for name in findings):
        raise not_found()
    async with database_of(request).transaction(request) as transaction:
        for name in dict.fromkeys(findings):
            part, one = by_name[name]
            restriction = Marked.of(part["marking"], part["groups"])
            await versions.decide(transaction, project, restriction, one, new.decision, new.comment)
            detail = {"project": str(project), "finding": name, "sort": one["sort"], "decision": new.decision}
            await monitor_of(request).record("check.decide", token_of(request), detail=detail)


async def reopen(request: Request, project: UUID, finding: str) -> None:
    """Take one's own decision about a finding back."""
    async with database_of(request).transaction(request) as transaction:
        await projects.project(transaction, project)
        await versions.reopen(transaction, project, finding)
        detail = {"project": str(project), "finding": finding, "decision": "open again"}
        await monitor_of(request).record("check.decide", token_of(request), detail=detail)


async def make(request: Request, project: UUID, new: NewVersion) -> str:
    """Make a version of what the maker may read; its digest.

    Raises:
        ApplianceError: findings wait for a decision, nothing is there, or nothing has changed.
    """
    async with database_of(request).transaction(request, writes=False) as transaction:
        found = await read(transaction, project)
        known = await versions.known(transaction, project)
        earlier = await versions.versions(transaction, project)
        wanted = await versions.version(transaction, project, new.parent) if new.parent else None
    if new.groups is not None:
        found = Read(
            found.project,
            [row for row in found.rows if set(row["groups"]) <= {*new.groups, *found.project["groups"]}],
            found.decisions,
        )
    draft = await run_in_threadpool(_draft, found, known)
    whole = work.restrictions(request).joined(
        [Marked.of(found.project["marking"], found.project["groups"]), *draft.restrictions]
    )
    parent = _parent(whole, [wanted] if wanted else earlier)
    if wanted and not parent:
        raise ApplianceError(
            f"{wanted['name']} has a restriction that this version would not have",
            rule="a version names none that fewer people may know of",
            remedy="leave the version before out",
        )
    if parent:
        async with database_of(request).transaction(request, writes=False) as transaction:
            parent = await versions.version(transaction, project, parent["digest"])
    manifest = _manifest(request, found, new, draft, whole, parent)
    if parent and _same(Manifest.model_validate_json(parent["manifest"]), manifest):
        raise ApplianceError(
            f"nothing has changed since {parent['name']}",
            rule="a version is named by its content",
            remedy="use that version",
        )
    async with database_of(request).transaction(request, [whole.label]) as transaction:
        gone = await versions.withdrawn(transaction, project)
        if any(one.task in gone for one in draft.contents):
            raise ApplianceError(
                "a record was withdrawn meanwhile", rule="what was withdrawn is in no version", remedy="try again"
            )
        value = {"digest": manifest.digest, "name": new.name, "parent": manifest.parent, "manifest": manifest.text()}
        await versions.add(transaction, project, whole, value, draft.contents)
        detail = {"project": str(project), "records": len(draft.contents), "checks": len(manifest.checks)}
        # The log's record of the digest is the version's signature. Without it, nothing is kept.
        await monitor_of(request).record(
            "records.version",
            token_of(request),
            inputs=[manifest.parent] if manifest.parent else [],
            outputs=[manifest.digest],
            detail=detail,
            restriction=whole.restriction,
        )
    return manifest.digest


async def show(request: Request, project: UUID, digest: str) -> tuple[Row, Manifest, dict[str, str]]:
    """A project, a version of it, and the reason of each record of it that was taken back."""
    async with database_of(request).transaction(request, writes=False) as transaction:
        found = await projects.project(transaction, project)
        one = await versions.version(transaction, project, digest)
        manifest = Manifest.model_validate_json(one["manifest"])
        kept = await versions.contents(transaction, project, one, [member.digest for member in manifest.records])
    gone = {str(row["task"]): row["tombstone"] for row in kept.values() if row["tombstone"]}
    return found, manifest, gone


async def compare(
    request: Request, project: UUID, digest: str, other: str
) -> tuple[Row, tuple[Manifest, Manifest], Difference, list[dict[str, Any]]]:
    """What changed from ``other`` to ``digest``, with the label before and after of what is said otherwise."""
    async with database_of(request).transaction(request, writes=False) as transaction:
        found = await projects.project(transaction, project)
        pair = [await versions.version(transaction, project, one) for one in (other, digest)]
        before, after = (Manifest.model_validate_json(one["manifest"]) for one in pair)
        changes = difference(before, after)
        named = set(changes.changed[:200])
        labels = []
        for row, manifest in zip(pair, (before, after), strict=True):
            digests = {member.digest: member.id for member in manifest.records if member.id in named}
            kept = await versions.contents(transaction, project, row, list(digests))
            labels.append({digests[one]: _settled(content) for one, content in kept.items()})
    said = [{"id": one, "before": labels[0].get(one), "after": labels[1].get(one)} for one in changes.changed[:200]]
    return found, (before, after), changes, said


async def withdraw(request: Request, project: UUID, new: Withdrawal) -> dict[str, int]:
    """Take back a record or all that one person answered; how many answers, and contents of versions, went."""
    pages: list[UUID | None] = []
    async with database_of(request).transaction(request) as transaction:
        await projects.project(transaction, project)
        if new.task is not None:
            found = await tasks.task(transaction, project, new.task)
            pages = await public.pages(transaction, project)
            answers, contents = 0, await versions.withdraw_task(transaction, found, new.reason)
            detail: dict[str, Any] = {"task": str(new.task)}
        else:
            answers, contents = await versions.withdraw_person(transaction, project, str(new.annotator), new.reason)
            detail = {"annotator": new.annotator}
        detail |= {"project": str(project), "contents": contents}
        await monitor_of(request).record("records.withdraw", token_of(request), detail=detail)
    if new.task is not None:
        await work.publication(request).withdrawn(request, project, pages)
    return {"answers": answers, "contents": contents}


def _settled(content: Row) -> Any:
    return None if content["content"] is None else json.loads(content["content"])["settled"]


@dataclass(frozen=True)
class _Draft:
    """What a version will keep, and what was decided about it."""

    rows: list[Row]
    contents: list[Content]
    restrictions: list[Marked]
    checks: list[Check]
    lineage: manifests.Lineage


def _draft(found: Read, known: Mapping[UUID, list[tuple[str, str]]]) -> _Draft:
    """What belongs to the version, once everything that looks poisoned is decided."""
    queue = found.queue()
    if waiting := checks.undecided(queue):
        raise ApplianceError(
            f"{len(waiting)} of the things that the checks found wait for a decision",
            rule="a version is made once people have decided about each of them (docs/user.md)",
            remedy="open Checks and decide",
        )
    kind = kind_of(found.project["kind"])
    schema = kind.read_schema(found.project["schema"])
    decided = [_check(part, one) for part in queue for one in part["findings"]]
    out = {name for check in decided for name in check.left_out}
    people: dict[tuple[str, tuple[str, ...]], set[str]] = {}
    for check in decided:
        if check.decision == "leave out":
            people.setdefault((check.marking, check.groups), set()).update(check.annotators)
    rows, records, contents = [], [], []
    for row in found.rows:
        without = people.get((row["marking"], tuple(row["groups"])), set())
        record = checks.record_of(row | {"answers": [a for a in row["answers"] if a["annotator"] not in without]})
        if record.id in out or not (record.answers or record.adjudication):
            continue
        text = content_of(kind, schema, record)
        annotators = sorted(one.annotator for one in record.answers)
        salt, digest = _named(text, known.get(row["id"], []))
        rows.append(row)
        records.append(record)
        contents.append(Content(row["label_id"], row["restriction_id"], digest, row["id"], annotators, salt, text))
    if not rows:
        raise ApplianceError(
            "there is no record with an answer", rule="a version has at least one record", remedy="label some tasks"
        )
    if len(rows) > MOST:
        raise ApplianceError(
            f"{len(rows)} records", rule=f"a version has at most {MOST} records", remedy="divide the project"
        )
    restrictions = [Marked.of(*one) for one in {(row["marking"], tuple(row["groups"])) for row in rows}]
    lineage = manifests.lineage_of(records, [json.loads(one.text) for one in contents])
    return _Draft(rows, contents, restrictions, decided, lineage)


def _named(text: str, known: list[tuple[str, str]]) -> tuple[str, str]:
    """Salt and digest of a content: those that it has already, or new ones."""
    for salt, digest in known:
        if digest_of(text, salt) == digest:
            return salt, digest
    salt = secrets.token_hex(SALT)
    return salt, digest_of(text, salt)


def _check(part: dict[str, Any], finding: checks.Finding) -> Check:
    said = finding["decision"]
    leave = said["decision"] == "leave out"
    return Check(
        finding=finding["id"],
        sort=finding["sort"],
        marking=part["marking"],
        groups=tuple(part["groups"]),
        reason=said["reason"],
        decision=said["decision"],
        comment=said["comment"],
        decided_by=said["decided_by"],
        decided=said["decided"].isoformat(),
        left_out=tuple(checks.left_out(finding)) if leave else (),
        annotators=tuple(finding["annotators"]),
    )


def _manifest(
    request: Request, found: Read, new: NewVersion, draft: _Draft, whole: Marked, parent: Row | None
) -> Manifest:
    project = found.project
    members = tuple(
        Member(
            id=str(row["id"]),
            digest=content.digest,
            marking=row["marking"],
            groups=tuple(row["groups"]),
            split=split_of(cluster_of(row["data"], row["source"], new.split_by, str(row["id"])), str(project["id"])),
        )
        for row, content in zip(draft.rows, draft.contents, strict=True)
    )
    return Manifest(
        project={name: project[name] for name in ("name", "kind", "schema")} | {"id": str(project["id"])},
        name=new.name,
        restriction=whole.restriction.encode(),
        marking=work.restrictions(request).banner_of([whole.portion]),
        groups=tuple(whole.groups),
        parent=parent["digest"] if parent else None,
        made_by=context_of(request).subject,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        split_by=new.split_by,
        shares=SHARES,
        records=members,
        checks=tuple(draft.checks),
        lineage=draft.lineage,
    )


def _parent(whole: Marked, earlier: list[Row]) -> Row | None:
    """The newest version of which everybody who may know of the new one may know, too."""
    return next(
        (one for one in earlier if Marked.of(one["marking"], one["groups"]).restriction.within(whole.restriction)), None
    )


def _same(one: Manifest, other: Manifest) -> bool:
    same = (one.records, one.checks, one.split_by) == (other.records, other.checks, other.split_by)
    return same and one.project["schema"] == other.project["schema"]
