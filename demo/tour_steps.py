"""What the tour shows, one function a step: each does it on the running site and returns the lines to show."""

import hashlib
import io
import json
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import openai
import segno

from appliance.audit.log.bodies import Record
from appliance.audit.log.merkle import inclusion_proof, leaf_hash, verify_inclusion
from appliance.audit.log.note import Checkpoint, Verifier, open_checkpoint
from appliance.audit.log.tiles import CHECKPOINT, TileReader
from demo import corpus, use
from demo.instance import Instance, appliance, require, stand_in
from demo.users import MARKINGS, MODEL, ask_model, model_client, user, wait_until

LOW, HIGH = "unclassified", "secret"
READERS = {LOW: stand_in("decision-maker"), HIGH: stand_in("analyst")}


@dataclass
class Tour:
    """The site that is shown, and what one step leaves for a later one.

    Attributes:
        instance: a site on which people worked already.
        late: where the report lies that arrived.
        withdrawal: the officers' statement that withdraws the certificate of the model at ``LOW``.
    """

    instance: Instance
    withdrawal: Path | None = None
    late: str = ""

    @property
    def certificate(self) -> Path:
        """The certificate with which the model answers at ``LOW``."""
        return self.instance.build / f"right-certificate-{LOW}.dsse.json"

    @property
    def log(self) -> Path:
        """The site's audit log."""
        return self.instance.root / "log"

    def prepare(self) -> None:
        """Have two officers sign the withdrawal, which takes them longer than anybody wants to watch."""
        folder = self.instance.build / "tour"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        draft, signed = folder / "withdraw.yml", folder / "withdraw.dsse.json"
        said = appliance(
            self.instance, "site", "draft-revocation", self.certificate, "--site", self._site(),
            "--reason", "shown in a tour", "--out", draft, "--json",
        )  # fmt: skip
        require(said["kind"] == "certificate", said)
        for key in sorted((self.instance.keys / "officers").glob("*.pem"))[:2]:
            sign = ("--key", key, "--passphrase-file", self.instance.passphrase, "--out", signed)
            appliance(self.instance, "site", "sign-revocation", draft, *sign)
        self.withdrawal = signed

    def _site(self) -> str:
        text = (self.instance.build / "site.yml").read_text()
        return str(next(line for line in text.splitlines() if line.startswith("site:")).partition(":")[2].strip())


@dataclass(frozen=True)
class _Seen:
    """What one level shows: the list of its documents, byte for byte, and what it quotes to the same question."""

    size: int
    digest: str
    quoted: tuple[str, ...]


def two_levels(tour: Tour) -> list[str]:
    """A report arrives at SECRET; what UNCLASSIFIED shows and quotes stays as it is, byte for byte."""
    before = {enclave: _seen(tour, enclave) for enclave in (HIGH, LOW)}
    with user(tour.instance, READERS[HIGH], HIGH, session=True) as client:
        moment = time.strftime("%H:%M:%S", time.gmtime())
        text = (corpus.REPORTS / HIGH / corpus.LATE).read_text().replace("Late report:", f"Late report, {moment} Z:")
        answer = client.post("/decision/documents", files={"files": (corpus.LATE, text.encode(), "text/plain")})
        require(answer.status_code == HTTPStatus.SEE_OTHER, answer.text[:300])
    tour.late = answer.headers["location"]
    after = {enclave: _seen(tour, enclave) for enclave in (HIGH, LOW)}
    require(before[HIGH] != after[HIGH], "nothing changed at SECRET")
    require(before[LOW] == after[LOW], "something changed at UNCLASSIFIED")
    rows = [f"{corpus.QUESTION}", ""]
    for enclave in (HIGH, LOW):
        changed = "changed" if before[enclave] != after[enclave] else "the same, byte for byte"
        rows += [
            f"{MARKINGS[enclave]:<26} before  {before[enclave].digest[:32]}  {before[enclave].size:>6} bytes",
            f"{'':<26} after   {after[enclave].digest[:32]}  {after[enclave].size:>6} bytes  {changed}",
        ]
        new = [text for text in after[enclave].quoted if text not in before[enclave].quoted]
        rows += [f"{'':<26} now quotes: {text}" for text in new] or [f"{'':<26} quotes what it quoted"]
    return rows


def _seen(tour: Tour, enclave: str) -> _Seen:
    with user(tour.instance, READERS[enclave], enclave, session=True) as client:
        content = client.get("/decision/api/documents").raise_for_status().content
        found = corpus.ask(client, corpus.QUESTION)
    quoted = tuple(one["quotation"] for one in found["quotations"])
    return _Seen(len(content), hashlib.sha256(content).hexdigest(), quoted)


def take_out(tour: Tour) -> list[str]:
    """Withdraw the report that arrived."""
    with user(tour.instance, READERS[HIGH], HIGH, session=True) as client:
        gone = client.post(f"{tour.late}/withdraw")
        require(gone.status_code == HTTPStatus.SEE_OTHER, gone.text[:300])
    return ["The report was withdrawn again."]


def withdraw_in_mid_answer(tour: Tour) -> list[str]:
    """Two officers withdraw the model's certificate while it answers: the answer ends, marked."""
    require(tour.withdrawal, "the officers have not signed")
    where = ("--root", tour.instance.root, "--run", tour.instance.run)
    person = stand_in("analyst")
    text, finish, times = "", "", {}
    question: Any = [{"role": "user", "content": "Write a long story about a lighthouse keeper."}]
    with user(tour.instance, person, LOW, session=True), model_client(tour.instance, person, LOW) as client:
        stream = client.chat.completions.create(
            model=MODEL, messages=question, max_tokens=400, temperature=0, seed=1, stream=True
        )

        def withdraw() -> None:
            appliance(tour.instance, "site", "revoke", tour.withdrawal or "", *where, inside=True)
            times["revoked"] = time.monotonic()

        thread = threading.Thread(target=withdraw)
        thread.start()
        with suppress(openai.APIError, httpx.HTTPError):
            for chunk in stream:
                for choice in chunk.choices:
                    text += choice.delta.content or ""
                    finish = choice.finish_reason or finish
        times["ended"] = time.monotonic()
        thread.join()
        refused = _refusal(client, question)
    require(finish not in ("stop", "length"), "the answer ended before the withdrawal")
    return [
        f"The model was saying: …{' '.join(text.split())[-60:]}",
        f"It ended {_when(times['ended'] - times['revoked'])}.",
        f"Asked again, the service refuses: {refused}",
    ]


def _refusal(client: openai.OpenAI, question: Any) -> str:
    try:
        client.chat.completions.create(model=MODEL, messages=question, max_tokens=4)
    except openai.APIStatusError as error:
        return str(error.response.json()["error"]["message"])
    return "an answer"


def _when(seconds: float) -> str:
    """When the answer ended, from when the officers' command came back."""
    if seconds <= 0:
        return "while the officers' command was still at work"
    return f"{seconds:.2f} s after the officers' command"


def certify_again(tour: Tour) -> list[str]:
    """A person signs the same results anew, so that the site is as it was."""
    key = next((tour.instance.keys / "certifiers").glob("*.pem"))
    source = tour.certificate.with_suffix(".results")
    tour.certificate.unlink()
    sign = ("--key", key, "--passphrase-file", tour.instance.passphrase, "--expires", "90", "--out", tour.certificate)
    appliance(tour.instance, "model", "certify", source, *sign)
    where = ("--enclave", LOW, "--root", tour.instance.root, "--run", tour.instance.run)
    appliance(tour.instance, "model", "install", tour.certificate, *where, inside=True)
    tour.withdrawal = None
    person = stand_in("analyst")
    with user(tour.instance, person, LOW, session=True), model_client(tour.instance, person, LOW) as client:

        def answers() -> bool:
            with suppress(openai.APIStatusError):
                return ask_model(client, "Say hello.", max_tokens=2) is not None
            return False

        wait_until(answers, 30, "serving with the new certificate")
    return ["The certifier signed the results of the same evaluation again; the model answers again."]


def answer_and_its_record(tour: Tour) -> list[str]:
    """From an answer to its record, and from the record to the checkpoint that the log signed."""
    person = stand_in("analyst")
    question: Any = [{"role": "user", "content": "What is a checklist good for?"}]
    with user(tour.instance, person, HIGH, session=True), model_client(tour.instance, person, HIGH) as client:
        answer = client.chat.completions.with_raw_response.create(model=MODEL, messages=question, max_tokens=24)
    request = answer.headers["x-request-id"]
    said = " ".join((answer.parse().choices[0].message.content or "").split())
    record = wait_until(lambda: _record_of(tour, request), 10, "the record of the answer")
    checkpoint = _checkpoint(tour)
    reader = TileReader(tour.log, checkpoint.size)
    proof = inclusion_proof(reader.subtree, record.index, checkpoint.size)
    leaf = leaf_hash(record.entry)
    require(verify_inclusion(leaf, record.index, checkpoint.size, proof, checkpoint.root), "the record is not proven")
    event = json.loads(record.body)
    return [
        f"Answer, marked {answer.headers['x-classification']}: {said}",
        f"Its request has the number {request}. Record {record.index} of the log says of it:",
        f"  {event['message']}",
        f"  label {record.label}, model {event['ai_model']['uid'][:39]}…,",
        f"  prompt {event['unmapped']['inputs'][0][:44]}… (a keyed digest: nobody can guess it back)",
        f"{len(proof)} hashes lead from this record to the root {checkpoint.root.hex()[:32]}…, which the log signed",
        f"over {checkpoint.size} records. Change a byte of the record, and they lead elsewhere.",
    ]


def _record_of(tour: Tour, request: str) -> Record | None:
    size = _checkpoint(tour).size
    for file in sorted((tour.log / "bodies").glob("*.jsonl"), reverse=True):
        for line in reversed(file.read_bytes().splitlines(keepends=True)):
            if request.encode() in line and b'"ai_model"' in line:
                record = Record.decode(line)
                return record if record.index < size else None
    return None


def _checkpoint(tour: Tour) -> Checkpoint:
    verifier = Verifier.decode((tour.log / "log.vkey").read_text().strip())
    return open_checkpoint((tour.log / CHECKPOINT).read_bytes(), verifier)


def changed_byte(tour: Tour) -> list[str]:
    """One bit of a copy of the log is turned over; the verification names the record."""
    found = use.audit(tour.instance)
    return [
        f"The log verifies: {found['entries']} records.",
        "In a copy of it one bit of a name was turned over. The same command on the copy ends with status 1:",
        f"  record {found['tampered_entry']} is not the one that the log committed to.",
    ]


def refused_tier(tour: Tour) -> list[str]:
    """The appliance refuses its own model a tier, with numbers."""
    results = tour.instance.build / "results-refused.json"
    told = appliance(tour.instance, "model", "tier", results, check=False)
    require(told.returncode == 1, "a small model reached the tier")
    return [line.rstrip() for line in told.stdout.splitlines()[:14]]


def checkpoint_to_carry(tour: Tour) -> list[str]:
    """The signed checkpoint as a code to photograph: next week's log must extend it."""
    out = tour.instance.build / "tour" / "anchor"
    shutil.rmtree(out, ignore_errors=True)
    where = ("--key", tour.log / "log.vkey", "--log", tour.log, "--spool", tour.instance.root / "spool")
    appliance(tour.instance, "audit", "anchor", *where, "--out", out, inside=True)
    drawn = io.StringIO()
    segno.make((out / "checkpoint").read_bytes(), error="l", micro=False).terminal(drawn, compact=True)
    return [
        *drawn.getvalue().splitlines(),
        "This is the text that the log signed. Photograph it and keep it away from this host. Next week:",
        "  appliance audit anchor check FILE --key log.vkey",
        "says whether the log of that day still holds these records; whoever rewrote one is found out.",
    ]


@dataclass(frozen=True)
class Step:
    """One step: a heading, what will be done, and the function that does it."""

    heading: str
    says: str
    work: Callable[[Tour], list[str]]
    reset: Callable[[Tour], list[str]] | None = None


STEPS = (
    Step(
        "Two levels, one host",
        "An analyst works at SECRET, a decision maker at UNCLASSIFIED. Both ask the same question. A report arrives at"
        " SECRET, and both look at their documents and ask again.",
        two_levels,
        take_out,
    ),
    Step(
        "A certificate is withdrawn in mid-answer",
        "The analyst asks for a long answer. While it streams, the withdrawal that two officers signed takes effect.",
        withdraw_in_mid_answer,
        certify_again,
    ),
    Step(
        "From an answer to the log",
        "The analyst asks a question. The answer has a number; the number has a record; the record has a proof.",
        answer_and_its_record,
    ),
    Step(
        "One bit of the log",
        "Root of this host could write into the log's files. Somebody does, in a copy.",
        changed_byte,
    ),
    Step(
        "The appliance refuses its own model",
        f"The small model was tried for {use.NEXT}. This is what the certifier is told who wants to sign.",
        refused_tier,
    ),
    Step(
        "A checkpoint to carry away",
        "The log signs what it holds. Take it with you, as a picture.",
        checkpoint_to_carry,
    ),
)
