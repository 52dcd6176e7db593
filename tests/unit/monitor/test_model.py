"""A model of the monitor: whatever people, jobs, clocks and revocations do, no reachable state leaks.

The gate, the sessions, contexts and grants are the real ones. Every piece of information has the label of where it was
written, and flows wherever an allowed request carries it; the oracle of the lattice (``world``) shares no code with it.
"""

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from structlog.testing import capture_logs

from appliance.enclave.site import Enclave
from appliance.markings import Label
from appliance.monitor.decide.context import Context, ContextError, open_context
from appliance.monitor.decide.grants import Grant, seal_grant
from appliance.monitor.decide.last_use import LastUse
from appliance.monitor.decide.sessions import Sessions
from appliance.monitor.http import HttpRequest, HttpResponse
from appliance.monitor.record.outcome import Outcome
from appliance.monitor.serve.gate import Gate
from tests.unit.monitor.world import GRANT_KEY, KEY, MARKINGS, PEOPLE, RECIPIENTS, START, World, below, cleared

WORLD = World()
SESSION, IDLE = 8 * 3600, 1800
FALCON = "/labeling/api/projects/falcon"
people = st.sampled_from(sorted(PEOPLE))
enclaves = st.sampled_from(sorted(MARKINGS))


@dataclass
class Work:
    """An open session as the model sees it, and what its page or program has learnt."""

    enclave: str
    opened: float
    used: float
    knows: set[int] = field(default_factory=set)


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
        self.exported: dict[str, set[int]] = {name: set() for name in PEOPLE}
        self.work: dict[str, Work] = {}
        self.contexts = list[tuple[str, Context]]()
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
        self.gate = Gate(WORLD.in_force(), self.sessions, last_use, record, lambda: self.wall)

    def label(self, enclave: str) -> Label:
        return self.enclave(enclave).marking.label

    def enclave(self, name: str) -> Enclave:
        return WORLD.site.enclave(name)

    def ask(self, route: str, enclave: str, who: str, method: str, uri: str, **headers: str) -> HttpResponse:
        sent = {"x-client-certificate": WORLD.certificates[who], "x-original-method": method, "x-original-uri": uri}
        request = HttpRequest("GET", route, sent | headers)
        return asyncio.run(self.gate.handle(self.enclave(enclave), request))

    def known(self, who: str) -> bool:
        """Whether the certificate stands for somebody now."""
        return who not in WORLD.revoked and -86_400 <= self.wall - START.timestamp() <= 20 * 86_400

    def session(self, who: str) -> Work | None:
        """The model's own view of a session, marked as used."""
        work = self.work.get(who)
        if work and (self.ticks - work.opened > SESSION or self.ticks - work.used > IDLE):
            del self.work[who]
            return None
        if work:
            work.used = self.ticks
        return work

    def request(self, who: str, enclave: str, method: str, uri: str, may: bool) -> Work | None:
        """Ask for one request; the answer must be what the oracle says. Returns the session if it was allowed."""
        before = len(self.durable)
        answer = self.ask("/decide", enclave, who, method, uri)
        work = self.session(who) if self.known(who) else None
        label, path = self.label(enclave), uri.partition("?")[0]
        level = self.label(work.enclave) if work else None
        reads = method == "GET" and "?" not in uri and uri.startswith("/labeling/") and "export" not in uri
        flows = level is not None and below(label, level) and (level == label or reads)
        expected = bool(work and cleared(PEOPLE[who], label) and flows and may and not self.broken)
        assert (answer.status == 200) == expected, (who, enclave, method, uri, answer.status)
        assert len(self.durable) == before + (not self.broken), "each decision is recorded, or refused"
        if answer.status != 200:
            assert "X-Appliance-Context" not in answer.headers
            return None
        assert self.durable[-1].decision.allow
        token = answer.headers["X-Appliance-Context"]
        context = open_context_at(token, self.wall, path.split("/")[1], method, path)
        assert (context.subject, context.enclave) == (who, enclave)
        self.contexts.append((token, context))
        return work

    def new(self, label: Label) -> int:
        self.origin[len(self.origin)] = label
        return len(self.origin) - 1

    @initialize(where=st.lists(enclaves, min_size=len(PEOPLE), max_size=len(PEOPLE)))
    def everybody_comes_to_work(self, where: list[str]) -> None:
        for who, enclave in zip(PEOPLE, where, strict=True):
            self.opens(who, enclave)

    @rule(who=people, enclave=enclaves)
    def opens(self, who: str, enclave: str) -> None:
        answer = self.ask("/session", enclave, who, "POST", "/session")
        status = answer.status
        good = self.known(who) and cleared(PEOPLE[who], self.label(enclave))
        work = self.session(who) if good else None
        elsewhere = bool(work and self.label(work.enclave) != self.label(enclave))
        assert status == (503 if self.broken else 404 if not good else 409 if elsewhere else 201)
        if status == 409 and work:
            told = f" in enclave {work.enclave}:".encode() in answer.body
            assert told == below(self.label(work.enclave), self.label(enclave)), "below a level nothing is told of it"
        if status == 201:
            self.work[who] = Work(enclave, self.ticks, self.ticks)

    @rule(who=people, enclave=enclaves)
    def ends(self, who: str, enclave: str) -> None:
        if self.ask("/session", enclave, who, "DELETE", "/session").status == 200:
            self.work.pop(who, None)

    @rule(who=people, enclave=enclaves)
    def reads(self, who: str, enclave: str) -> None:
        may = has(who, "analyst", "annotator", "evaluator")
        if work := self.request(who, enclave, "GET", "/labeling/api/tasks/1", may=may):
            work.knows |= self.stored[enclave] - self.falcon

    @rule(who=people, enclave=enclaves)
    def reads_the_falcon_project(self, who: str, enclave: str) -> None:
        work = self.work.get(who)
        here = work is not None and self.label(work.enclave) == self.label(enclave)  # the route is not marked read_down
        may = here and "falcon" in PEOPLE[who].get("groups", []) and has(who, "analyst", "annotator", "evaluator")
        if work := self.request(who, enclave, "GET", FALCON, may=may):
            work.knows |= self.stored[enclave]

    @rule(who=people, enclave=enclaves, secret=st.booleans())
    def writes(self, who: str, enclave: str, secret: bool) -> None:
        may = has(who, "analyst", "annotator")
        if work := self.request(who, enclave, "POST", "/labeling/api/projects/x/tasks", may=may):
            made = self.new(self.label(enclave))
            self.stored[enclave] |= work.knows | {made}
            if secret and "falcon" in PEOPLE[who].get("groups", []):
                self.falcon.add(made)

    @rule(who=people, enclave=enclaves)
    def searches(self, who: str, enclave: str) -> None:
        may = has(who, "analyst", "annotator", "evaluator")
        if work := self.request(who, enclave, "GET", "/labeling/api/tasks/1?q=words", may=may):
            self.stored[enclave] |= work.knows  # the words arrive in the enclave
            work.knows |= self.stored[enclave] - self.falcon

    @rule(who=people, enclave=enclaves)
    def infers(self, who: str, enclave: str) -> None:
        if work := self.request(who, enclave, "POST", "/inference/v1/chat/completions", may=True):
            self.stored[enclave] |= work.knows
            work.knows.add(self.new(self.label(enclave)))

    @rule(who=people, enclave=enclaves)
    def copies_up(self, who: str, enclave: str) -> None:
        if work := self.request(who, enclave, "POST", "/labeling/api/projects/x/upgrades", may=has(who, "analyst")):
            self.stored[enclave] |= work.knows

    @rule(who=people, enclave=enclaves)
    def exports(self, who: str, enclave: str) -> None:
        agreed = enclave != "controlled" or (who in RECIPIENTS and self.wall < START.timestamp() + 30 * 86_400)
        may = agreed and has(who, "analyst", "evaluator")
        if self.request(who, enclave, "GET", "/labeling/api/export/x", may=may):
            self.exported[who] |= self.stored[enclave] - self.falcon

    @rule(who=people, enclave=enclaves, runs_in=enclaves, forged=st.booleans(), late=st.booleans())
    def certifies(self, who: str, enclave: str, runs_in: str, forged: bool, late: bool) -> None:
        """A job that ``who`` started in ``enclave`` asks the model of ``runs_in``."""
        if not self.request(who, enclave, "POST", "/evaluation/api/jobs", may=has(who, "evaluator")):
            return
        grant = Grant(
            job="job",
            service="evaluation",
            enclave=enclave,
            model="m",
            subject=who,
            label=self.label(enclave).encode(),
            expires=int(self.wall) + (-1 if late else 3600),
        )
        token = seal_grant(grant, b"x" * 32 if forged else GRANT_KEY)
        workload = f"evaluation@{enclave}"
        answer = self.ask("/decide", runs_in, workload, "POST", "/inference/v1/chat", **{"x-appliance-job": token})
        assert (answer.status == 200) == (enclave == runs_in and not forged and not late)
        if answer.status == 200:
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

    @rule(who=people)
    def officers_revoke(self, who: str) -> None:
        WORLD.revoked ^= {who}
        self.apply()

    @rule(seconds=st.sampled_from([60, 1500, 2000, 4 * 3600]))
    def time_passes(self, seconds: int) -> None:
        self.ticks += seconds
        self.wall += seconds

    @rule(seconds=st.sampled_from([-400 * 86_400, -3600, 3600, 25 * 86_400]))
    def the_clock_jumps(self, seconds: int) -> None:
        self.wall += seconds

    @rule()
    def the_disk_fills_or_empties(self) -> None:
        self.broken = not self.broken

    @invariant()
    def nothing_flows_down(self) -> None:
        for enclave, atoms in self.stored.items():
            assert all(below(self.origin[atom], self.label(enclave)) for atom in atoms), enclave
        for work in self.work.values():
            assert all(below(self.origin[atom], self.label(work.enclave)) for atom in work.knows)

    @invariant()
    def nobody_knows_more_than_they_are_cleared_for(self) -> None:
        for who, atoms in self.exported.items():
            assert all(cleared(PEOPLE[who], self.origin[atom]) for atom in atoms), who
        for who, work in self.work.items():
            assert all(cleared(PEOPLE[who], self.origin[atom]) for atom in work.knows), who


def has(who: str, *roles: str) -> bool:
    return bool(set(roles) & set(PEOPLE[who]["roles"]))


def open_context_at(token: str, wall: float, service: str, method: str, path: str) -> Context:
    """Verify as a service does, at the model's time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("appliance.monitor.decide.context.time.time", lambda: wall)
        return open_context(token, KEY, service=service, method=method, path=path)


def test_no_reachable_state_leaks() -> None:
    with capture_logs():  # each full disk is logged with its traceback
        run_state_machine_as_test(Model, settings=settings(max_examples=150, stateful_step_count=40))
