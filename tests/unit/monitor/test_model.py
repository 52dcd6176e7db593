"""A model of the monitor: whatever people, jobs, services, clocks and revocations do, no reachable state leaks.

Everybody has two workstations and a renewed certificate, and every service is taken over: it keeps each context and
grant that it ever saw and asks the monitor for whatever it likes. The gate, the sessions, contexts, grants and what
answers services are the real ones. Every piece of information has the label of where it was
written, and flows wherever an allowed request carries it; the oracle of the lattice (``world``) shares no code with it.
"""

import asyncio
import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from structlog.testing import capture_logs

from appliance.contract.context import Context, ContextError, open_context
from appliance.contract.grant import LONGEST, Grant, seal_grant
from appliance.enclave.site import Enclave
from appliance.errors import ApplianceError
from appliance.markings import Label
from appliance.monitor.decide.channel import Channel
from appliance.monitor.decide.jobs import Jobs
from appliance.monitor.decide.last_use import LastUse
from appliance.monitor.decide.sessions import Sessions
from appliance.monitor.http import HttpRequest, HttpResponse
from appliance.monitor.record.outcome import Outcome
from appliance.monitor.record.recording import Recording
from appliance.monitor.serve.gate import Gate
from appliance.monitor.serve.publications import Publications
from appliance.monitor.serve.read_down import ReadDown
from appliance.monitor.serve.records import Records
from tests.catalogue import CATALOGUE
from tests.contexts import GRANT_KEY, PUBLIC_KEY
from tests.unit.monitor.world import MARKINGS, PEOPLE, RECIPIENTS, SEATS, START, World, below, cleared, person_at

WORLD = World()
SESSION, IDLE = 8 * 3600, 1800
PUBLISHED = "/labeling/api/projects"
CALLS = 2
STARTS = ("POST", "/evaluation/api/jobs")
FALCON = "/labeling/api/projects/falcon"
seats = st.sampled_from(sorted(SEATS))
enclaves = st.sampled_from(sorted(MARKINGS))
services = st.sampled_from(["labeling", "evaluation", "inference"])
activities = st.sampled_from(["records.export", "evaluation.run", "model_inference_activity", "review.finish"])


@dataclass
class Work:
    """An open session as the model sees it, and what its page or program has learnt."""

    enclave: str
    opened: float
    used: float
    knows: set[int] = field(default_factory=set)


@dataclass
class Lent:
    """A grant that a service has, as the model sees it.

    Attributes:
        token: the grant.
        enclave: where it serves.
        service: whose it is.
        job: its name.
        person: who started the job.
        expires: when it ends, in seconds since the epoch.
        used: calls that were certainly made with it, and those that may have been while nothing could be recorded.
    """

    token: str
    enclave: str
    service: str
    job: str
    person: str
    expires: int
    used: list[int] = field(default_factory=lambda: [0, 0])


class Ledger:
    """What services had recorded, and what was refused to them; full when the model's disk is."""

    def __init__(self, model: "Model") -> None:
        self._model = model
        self.made = list[tuple[str, str, str, str]]()
        self.refused = list[tuple[str, str]]()

    async def activity(self, enclave: Enclave, service: str, subject: str, name: str, *_: object) -> str:
        self._require_room()
        self.made.append((enclave.name, service, subject, name))
        return "0"

    async def unattributed(self, enclave: Enclave, service: str, problem: str) -> None:
        self._require_room()
        self.refused.append((enclave.name, service))

    def _require_room(self) -> None:
        if self._model.broken:
            raise ApplianceError("no space left on device")


class Model(RuleBasedStateMachine):
    """People who read, write, infer, certify, copy up and export, while clocks jump and officers revoke."""

    def __init__(self) -> None:
        super().__init__()
        WORLD.revoked.clear()
        self.folder = tempfile.TemporaryDirectory(dir="/dev/shm")  # memory: many small durable files
        self.wall, self.ticks = START.timestamp(), 0.0
        self.durable, self.broken = list[Outcome](), False
        self.origin: dict[int, Label] = {}
        self.falcon: set[int] = set()
        self.stored: dict[str, set[int]] = {name: set() for name in MARKINGS}
        self.exported: dict[str, set[int]] = {seat: set() for seat in SEATS}
        self.work: dict[str, Work] = {}
        self.contexts = list[tuple[str, Context]]()
        self.jobs, self.started = Jobs(Path(self.folder.name) / "jobs.json", lambda: self.wall), 0
        self.grants = list[Lent]()
        self.granted = dict[tuple[str, str, str], tuple[str, float]]()
        self.ledger = Ledger(self)
        self.sessions = Sessions(lambda: self.ticks)
        self.sessions.limit(SESSION, IDLE)
        self.apply()

    def teardown(self) -> None:
        self.folder.cleanup()

    def apply(self) -> None:
        """Put in force what the officers signed last."""

        async def record(outcome: Outcome) -> None:
            if self.broken:
                raise OSError("no space left on device")
            self.durable.append(outcome)

        last_use = LastUse(Path(self.folder.name) / "last-use.json")
        in_force, publications = WORLD.in_force(), Publications(WORLD.paths)
        read_down = ReadDown(publications, Channel(lambda: self.ticks))
        self.gate = Gate(
            in_force, self.sessions, last_use, record, lambda: self.wall, jobs=self.jobs, read_down=read_down
        )
        self.records = Records(in_force, cast("Recording", self.ledger), self.jobs, publications)

    def label(self, enclave: str) -> Label:
        return self.enclave(enclave).marking.label

    def enclave(self, name: str) -> Enclave:
        return WORLD.site.enclave(name)

    def ask(self, route: str, enclave: str, who: str, method: str, uri: str, **headers: str) -> HttpResponse:
        sent = {"x-client-certificate": WORLD.certificates[who], "x-original-method": method, "x-original-uri": uri}
        sent["x-original-protocol"] = "HTTP/1.1"
        request = HttpRequest("GET", route, sent | headers)
        return asyncio.run(self.gate.handle(self.enclave(enclave), request))

    def known(self, who: str) -> bool:
        """Whether the certificate stands for somebody now."""
        begin, end = WORLD.valid[who]
        return who not in WORLD.revoked and begin <= self.wall <= end

    def alive(self, who: str) -> Work | None:
        """The model's own view of the session of a certificate."""
        work = self.work.get(who)
        if work and (self.ticks - work.opened > SESSION or self.ticks - work.used > IDLE):
            del self.work[who]
            return None
        return work

    def session(self, who: str) -> Work | None:
        """The same, marked as used."""
        if work := self.alive(who):
            work.used = self.ticks
        return work

    def elsewhere(self, who: str, enclave: str) -> Work | None:
        """A session of the same person at another level, at whatever workstation."""
        others = [work for work in self.works(person_at(who)) if self.label(work.enclave) != self.label(enclave)]
        return others[0] if others else None

    def works(self, name: str) -> list[Work]:
        """All open sessions of a person."""
        return [work for seat in SEATS if person_at(seat) == name and (work := self.alive(seat))]

    def request(self, who: str, enclave: str, method: str, uri: str, may: bool) -> Work | None:
        """Ask for one request; the answer must be what the oracle says. Returns the session if it was allowed."""
        before = len(self.durable)
        answer = self.ask("/decide", enclave, who, method, uri)
        work = self.session(who) if self.known(who) else None
        label, path = self.label(enclave), uri.partition("?")[0]
        level = self.label(work.enclave) if work else None
        reads = method == "GET" and uri == PUBLISHED
        flows = level is not None and below(label, level) and (level == label or reads)
        expected = bool(work and cleared(PEOPLE[person_at(who)], label) and flows and may and not self.broken)
        assert (answer.status == 200) == expected, (who, enclave, method, uri, answer.status)
        assert len(self.durable) == before + (not self.broken), "each decision is recorded, or refused"
        if answer.status != 200:
            assert "X-Appliance-Context" not in answer.headers
            return None
        assert self.durable[-1].decision.allow
        if level != label:
            assert answer.headers["X-Appliance-Published"] == "labeling/labeling,api,projects.json"
            assert "X-Appliance-Context" not in answer.headers, "the service below gets nothing of it"
            return work
        token = answer.headers["X-Appliance-Context"]
        context = open_context_at(token, self.wall, path.split("/")[1], method, path)
        assert (context.subject, context.enclave) == (person_at(who), enclave)
        self.contexts.append((token, context))
        return work

    def new(self, label: Label) -> int:
        self.origin[len(self.origin)] = label
        return len(self.origin) - 1

    @initialize(where=st.lists(enclaves, min_size=len(SEATS), max_size=len(SEATS)))
    def everybody_comes_to_work(self, where: list[str]) -> None:
        for who, enclave in zip(SEATS, where, strict=True):
            self.opens(who, enclave)

    @rule(who=seats, other=seats)
    def carries_over_to_the_other_workstation(self, who: str, other: str) -> None:
        """Somebody reads at one screen and writes at the other."""
        here, there = self.alive(who), self.alive(other)
        if person_at(who) == person_at(other) and here and there:
            there.knows |= here.knows

    @rule(who=seats, enclave=enclaves)
    def opens(self, who: str, enclave: str) -> None:
        answer = self.ask("/session", enclave, who, "POST", "/session")
        status = answer.status
        good = self.known(who) and cleared(PEOPLE[person_at(who)], self.label(enclave))
        work = self.elsewhere(who, enclave) if good else None
        elsewhere = work is not None
        assert status == (503 if self.broken else 404 if not good else 409 if elsewhere else 201)
        if status == 409 and work:
            names = {other.enclave for other in self.works(person_at(who))}  # two enclaves may have one label
            told = any(f" in enclave {name}:".encode() in answer.body for name in names)
            assert told == below(self.label(work.enclave), self.label(enclave)), "below a level nothing is told of it"
        if status == 201:
            self.work[who] = Work(enclave, self.ticks, self.ticks)

    @rule(who=seats, enclave=enclaves)
    def ends(self, who: str, enclave: str) -> None:
        if self.ask("/session", enclave, who, "DELETE", "/session").status == 200:
            self.work.pop(who, None)

    @rule(who=seats, enclave=enclaves)
    def reads(self, who: str, enclave: str) -> None:
        may = has(who, "analyst", "annotator", "evaluator")
        if work := self.request(who, enclave, "GET", PUBLISHED, may=may):
            work.knows |= self.stored[enclave] - self.falcon

    @rule(who=seats, enclave=enclaves)
    def reads_the_falcon_project(self, who: str, enclave: str) -> None:
        work = self.work.get(who)
        here = work is not None and self.label(work.enclave) == self.label(enclave)  # the route is not marked read_down
        may = (
            here
            and "falcon" in PEOPLE[person_at(who)].get("groups", [])
            and has(who, "analyst", "annotator", "evaluator")
        )
        if work := self.request(who, enclave, "GET", FALCON, may=may):
            work.knows |= self.stored[enclave]

    @rule(who=seats, enclave=enclaves, secret=st.booleans())
    def writes(self, who: str, enclave: str, secret: bool) -> None:
        may = has(who, "analyst", "annotator")
        if work := self.request(who, enclave, "POST", "/labeling/api/projects/x/tasks", may=may):
            made = self.new(self.label(enclave))
            self.stored[enclave] |= work.knows | {made}
            if secret and "falcon" in PEOPLE[person_at(who)].get("groups", []):
                self.falcon.add(made)

    @rule(who=seats, enclave=enclaves)
    def searches(self, who: str, enclave: str) -> None:
        may = has(who, "analyst", "annotator", "evaluator")
        if work := self.request(who, enclave, "GET", f"{PUBLISHED}?q=words", may=may):
            self.stored[enclave] |= work.knows  # the words arrive in the enclave
            work.knows |= self.stored[enclave] - self.falcon

    @rule(who=seats, enclave=enclaves)
    def infers(self, who: str, enclave: str) -> None:
        if work := self.request(who, enclave, "POST", "/inference/v1/chat/completions", may=True):
            self.stored[enclave] |= work.knows
            work.knows.add(self.new(self.label(enclave)))

    @rule(who=seats, enclave=enclaves)
    def copies_up(self, who: str, enclave: str) -> None:
        if work := self.request(who, enclave, "POST", "/labeling/api/projects/x/upgrades", may=has(who, "analyst")):
            self.stored[enclave] |= work.knows

    @rule(who=seats, enclave=enclaves)
    def exports(self, who: str, enclave: str) -> None:
        agreed = enclave != "controlled" or (
            person_at(who) in RECIPIENTS and self.wall < START.timestamp() + 30 * 86_400
        )
        may = agreed and has(who, "analyst", "evaluator")
        if self.request(who, enclave, "GET", "/labeling/api/export/x", may=may):
            self.exported[who] |= self.stored[enclave] - self.falcon

    @rule(
        who=seats,
        enclave=enclaves,
        runs_in=enclaves,
        wrong=st.sampled_from(["", "", "", "forged", "late", "unknown", "model", "person"]),
        calls=st.integers(1, 3),
    )
    def certifies(self, who: str, enclave: str, runs_in: str, wrong: str, calls: int) -> None:
        """A job that ``who`` started in ``enclave`` asks the model of ``runs_in``."""
        if not self.request(who, enclave, *STARTS, may=has(who, "evaluator")):
            return
        self.started += 1
        grant = Grant(
            job=f"job-{self.started}",
            service="evaluation",
            enclave=enclave,
            model="another" if wrong == "model" else "m",
            purpose="evaluation",
            subject="claire" if wrong == "person" else person_at(who),  # who is no evaluator any more
            label=self.label(enclave).encode(),
            calls=calls,
            expires=int(self.wall) + (-1 if wrong == "late" else 3600),
        )
        if wrong != "unknown":
            self.jobs.add(grant, str(self.started))
            self.granted = {name: one for name, one in self.granted.items() if one[1] >= self.wall}
        token = seal_grant(grant, b"x" * 32 if wrong == "forged" else GRANT_KEY)
        workload, path = f"evaluation@{enclave}", "/inference/v1/chat"
        for number in range(calls + 1):
            answer = self.ask("/decide", runs_in, workload, "POST", path, **{"x-appliance-job": token})
            assert (answer.status == 200) == (enclave == runs_in and not wrong and number < calls)
            if answer.status != 200:
                return
            context = open_context_at(answer.headers["X-Appliance-Context"], self.wall, "inference", "POST", path)
            assert set(context.nationalities) == set(PEOPLE[person_at(who)]["nationalities"])
            assert (context.on_behalf_of, context.model, context.groups) == (person_at(who), "m", groups(who))
            self.stored[runs_in] |= self.stored[enclave]

    @rule(data=st.data(), method=st.sampled_from(["GET", "POST"]), service=st.sampled_from(["labeling", "inference"]))
    def replays_a_context(self, data: st.DataObject, method: str, service: str) -> None:
        if not self.contexts:
            return
        token, context = data.draw(st.sampled_from(self.contexts))
        path = data.draw(st.sampled_from([context.path, f"{context.path}/more", "/labeling/api/tasks/2"]))
        if (service, method, path) == (context.service, context.method, context.path) and self.wall <= context.expires:
            return
        with pytest.raises(ContextError):
            open_context_at(token, self.wall, service, method, path)

    @rule(data=st.data(), enclave=enclaves, service=services, activity=activities)
    def a_service_records(self, data: st.DataObject, enclave: str, service: str, activity: str) -> None:
        """With a context that anybody ever got: only its own, while it holds, and for what its manifest lists."""
        if not self.contexts:
            return
        token, context = data.draw(st.sampled_from(self.contexts))
        before = len(self.ledger.made), len(self.ledger.refused)
        answer = self.ask_as_service(enclave, service, "/record", {"activity": activity, "context": token})
        own = (context.enclave, context.service) == (enclave, service) and self.wall <= context.expires
        may = own and activity in CATALOGUE[service].activities
        assert answer.status == (503 if self.broken else 200 if may else 403)
        if answer.status == 200:
            assert self.ledger.made[-1] == (enclave, service, context.subject, activity)
        changed = len(self.ledger.made) - before[0], len(self.ledger.refused) - before[1]
        assert changed == ((0, 0) if self.broken else (1, 0) if may else (0, 1)), "what it may not say is a finding"

    @rule(data=st.data(), enclave=enclaves, service=services, job=st.sampled_from(["a", "b", "c"]))
    def a_service_asks_for_a_grant(self, data: st.DataObject, enclave: str, service: str, job: str) -> None:
        """A person's context starts one job, under one new name, in that person's name, enclave and level alone."""
        if not self.contexts:
            return
        starting = [one for one in self.contexts if one[1].action == "job"]
        token, context = data.draw(st.sampled_from(starting or self.contexts))
        if data.draw(st.booleans()):
            enclave, service = context.enclave, context.service
        asked = {"context": token, "job": job, "model": "m", "purpose": "evaluation", "calls": CALLS}
        answer = self.ask_as_service(enclave, service, "/grant", asked)
        own = (context.enclave, context.service) == (enclave, service) and self.wall <= context.expires
        persons = context.job is None and context.working == self.enclave(enclave).encoded
        starts = own and context.action == "job" and persons
        live = {name: one for name, one in self.granted.items() if one[1] >= self.wall}
        taken = (enclave, service, job) in live or context.request in [request for request, _ in live.values()]
        if starts and not taken:  # the name is taken even where the log has no room for what it was granted
            self.granted = live | {(enclave, service, job): (context.request, int(self.wall) + LONGEST)}
        assert answer.status == (503 if self.broken else 200 if starts and not taken else 403), answer
        if answer.status == 200:
            given = json.loads(answer.body)
            self.grants.append(Lent(given["grant"], enclave, service, job, context.subject, given["expires"]))

    @rule(data=st.data(), runs_in=enclaves, lent_to=enclaves)
    def a_service_uses_a_grant(self, data: st.DataObject, runs_in: str, lent_to: str) -> None:
        """Whoever got hold of a grant, and wherever they use it."""
        if not self.grants:
            return
        lent = data.draw(st.sampled_from(self.grants))
        begin, end = WORLD.valid[next(iter(SEATS))]
        answer = self.ask(
            "/decide", runs_in, f"evaluation@{lent_to}", "POST", "/inference/v1/chat", **{"x-appliance-job": lent.token}
        )
        lent.used[1] += answer.status in (200, 503)
        if answer.status == 200:
            lent.used[0] += 1
            assert (lent.service, lent.enclave) == ("evaluation", runs_in) == ("evaluation", lent_to)
            assert begin <= self.wall <= end
            self.stored[runs_in] |= self.stored[lent.enclave]

    @rule(data=st.data(), enclave=enclaves, service=services)
    def a_service_goes_on_with_a_job(self, data: st.DataObject, enclave: str, service: str) -> None:
        """With a grant that anybody ever got: a fresh context of its own, for that person and enclave together."""
        if not self.grants:
            return
        lent = data.draw(st.sampled_from(self.grants))
        if data.draw(st.booleans()):
            enclave, service = lent.enclave, lent.service
        before = len(self.ledger.made)
        answer = self.ask_as_service(enclave, service, "/context", {"grant": lent.token})
        own = (enclave, service) == (lent.enclave, lent.service) and self.wall <= lent.expires
        started = (lent.enclave, lent.service, lent.job) in self.granted
        may = own and started and cleared(PEOPLE[lent.person], self.label(enclave))
        lent.used[1] += may and answer.status in (200, 503)
        if answer.status != 200:
            assert answer.status == 503 if self.broken else not may or lent.used[1] >= CALLS, answer
            return
        lent.used[0] += 1
        assert may
        assert not self.broken
        assert lent.used[0] <= CALLS
        assert self.ledger.made[before:] == [(enclave, service, lent.person, "job.context")]
        context = open_context_at(json.loads(answer.body)["context"], self.wall, service, *STARTS)
        assert (context.subject, context.on_behalf_of) == (f"service:{service}", lent.person)
        assert (context.enclave, context.working, context.groups) == (enclave, self.enclave(enclave).encoded, ())
        assert context.roles == ()
        assert context.expires <= self.wall + 60
        self.contexts.append((json.loads(answer.body)["context"], context))

    @rule(enclave=enclaves, service=services, activity=activities)
    def a_service_invents_a_context(self, enclave: str, service: str, activity: str) -> None:
        """With a key that it made: nobody's name comes of it."""
        for token in ("v2.e30=." + "0" * 86 + "." + "0" * 64, "v1.e30=." + "0" * 64, "v2...", ""):
            answer = self.ask_as_service(enclave, service, "/record", {"activity": activity, "context": token})
            assert answer.status == (503 if self.broken else 403)

    def ask_as_service(self, enclave: str, service: str, path: str, body: dict[str, object]) -> HttpResponse:
        """One request of a service on its socket, at the model's time."""
        with pytest.MonkeyPatch.context() as patch:
            for module in ("appliance.contract.context", "appliance.monitor.serve.records"):
                patch.setattr(f"{module}.time.time", lambda: self.wall)
            request = HttpRequest("POST", path, {}, json.dumps(body).encode())
            return asyncio.run(self.records.handle(self.enclave(enclave), CATALOGUE[service], request))

    @rule(who=seats)
    def officers_revoke(self, who: str) -> None:
        WORLD.revoked ^= {who}
        self.apply()

    @rule(seconds=st.sampled_from([60, 1500, 2000, 4 * 3600]))
    def time_passes(self, seconds: int) -> None:
        self.ticks += seconds
        self.wall += seconds

    @rule(seconds=st.sampled_from([-400 * 86_400, -3600, 3600, 12 * 86_400, 25 * 86_400]))
    def the_clock_jumps(self, seconds: int) -> None:
        self.wall += seconds

    @rule()
    def the_disk_fills_or_empties(self) -> None:
        self.broken = not self.broken

    @invariant()
    def each_person_works_at_one_level(self) -> None:
        for name in PEOPLE:
            levels = {self.label(work.enclave) for work in self.works(name)}
            assert len(levels) <= 1, (name, levels)

    @invariant()
    def nothing_flows_down(self) -> None:
        for enclave, atoms in self.stored.items():
            assert all(below(self.origin[atom], self.label(enclave)) for atom in atoms), enclave
        for work in self.work.values():
            assert all(below(self.origin[atom], self.label(work.enclave)) for atom in work.knows)

    @invariant()
    def nobody_knows_more_than_they_are_cleared_for(self) -> None:
        for who, atoms in self.exported.items():
            assert all(cleared(PEOPLE[person_at(who)], self.origin[atom]) for atom in atoms), who
        for who, work in self.work.items():
            assert all(cleared(PEOPLE[person_at(who)], self.origin[atom]) for atom in work.knows), who


def has(who: str, *roles: str) -> bool:
    return bool(set(roles) & set(PEOPLE[person_at(who)]["roles"]))


def groups(who: str) -> tuple[str, ...]:
    return tuple(PEOPLE[person_at(who)].get("groups", ()))


def open_context_at(token: str, wall: float, service: str, method: str, path: str) -> Context:
    """Verify as a service does, at the model's time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("appliance.contract.context.time.time", lambda: wall)
        return open_context(token, PUBLIC_KEY, service=service, method=method, path=path)


def test_no_reachable_state_leaks() -> None:
    with capture_logs():  # each full disk is logged with its traceback
        run_state_machine_as_test(Model, settings=settings(max_examples=150, stateful_step_count=40))
