"""The parsers that read what others wrote: how each is asked, what its own refusal is, and how it writes again.

A parser takes bytes and answers what it read, written again, or raises its refusal. Where there is one spelling only,
what is written again is exactly what was read.
"""

import asyncio
import base64
import hmac
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from appliance.audit.log.note import Checkpoint, Note, NoteError, Signer, Verifier, open_checkpoint
from appliance.bundle.advisories.debian_tracker import read_tracker
from appliance.bundle.advisories.osv import read_osv
from appliance.bundle.advisories.vex import in_order, read_vex
from appliance.bundle.evidence.layout import CONFIG, DOCUMENTS, INDEX, LAYER, MANIFEST, LayoutError, document
from appliance.contract.catalogue import read_catalogue
from appliance.contract.context import Context, ContextError, open_context
from appliance.contract.grant import Grant, GrantError, open_grant, seal_grant
from appliance.enclave import admission_hook, network_hook
from appliance.enclave.site import Enclave, load_site, parse_site
from appliance.errors import ApplianceError
from appliance.host.data.file_check import label_within, read_rows
from appliance.host.data.records import task
from appliance.host.enforce import podman_guard
from appliance.host.enforce.configuration import confinement
from appliance.markings import Label, MarkingError, parse
from appliance.monitor.decide.policy import parse_policy
from appliance.monitor.decide.registry import parse_registry
from appliance.monitor.http import Budget, HttpRequest, RequestRefusedError, read_request
from appliance.trust import canonical, dsse, statements
from appliance.trust.keys import SigningKey, generate
from tests.contexts import PUBLIC_KEY, SIGNING_KEY, sealed
from tests.unit.bundle.sample import configuration
from tests.unit.workbench.imagery.writing import Part, ism, nitf, secura
from workbench.imagery.fields import HeaderError
from workbench.imagery.marked import markings_of
from workbench.imagery.nitf import read_nitf

KEY = b"k" * 32
KIND = "application/vnd.appliance.test"


@dataclass(frozen=True)
class Parser:
    """One parser.

    Attributes:
        read: reads bytes and writes again what it read, or nothing where there are several spellings.
        refusal: the only errors that it may raise.
        seeds: what it accepts, to begin with.
        cost: how many times longer than the others it takes.
    """

    read: Callable[[bytes], bytes | None]
    refusal: tuple[type[Exception], ...]
    seeds: Callable[[], list[bytes]]
    cost: int = 1


def _text(data: bytes) -> str:
    """Whoever calls a parser of text has decoded it before."""
    return data.decode("utf-8", "replace")


def _marking(data: bytes) -> None:
    banner = parse(_text(data)).banner
    if parse(banner).banner != banner:
        raise AssertionError(f"the banner {banner!r} is not canonical")


def _label(data: bytes) -> bytes:
    return _same(data, Label.decode(_text(data)).encode())


def _verifier(data: bytes) -> bytes | None:
    """A key is read from a file, so white space around it does not count."""
    text = Verifier.decode(_text(data)).encode()
    return data if _text(data).strip() == text else text.encode()


def _same(data: bytes, text: str) -> bytes:
    """``text`` as bytes; ``data`` itself where it was no UTF-8, so that its replacement characters do not count."""
    return data if _text(data) == text else text.encode()


def _claims(**changes: object) -> Context:
    values: dict[str, object] = {
        "request": "0" * 32, "enclave": "secret", "service": "labeling", "method": "GET", "path": "/labeling/x",
        "action": "read", "subject": "anna", "level": "S", "label": "S;;USA", "working": "S;;USA", "expires": 1 << 40,
    }  # fmt: skip
    return Context.model_validate(values | changes)


def _context(data: bytes) -> None:
    open_context(_text(data), PUBLIC_KEY, service="labeling", method="GET", path="/labeling/x")


def _sealed_context(data: bytes) -> None:
    """The same behind the seal, as a monitor that errs could make it."""
    body = f"v2.{base64.urlsafe_b64encode(data).decode()}"
    signature = base64.urlsafe_b64encode(SIGNING_KEY.sign(body.encode())).decode().rstrip("=")
    _context(f"{body}.{signature}.{'0' * 64}".encode())


def _grant(data: bytes) -> None:
    open_grant(_text(data), KEY, service="evaluation", enclave="secret", now=0)


def _sealed_grant(data: bytes) -> None:
    body = f"v2.{base64.urlsafe_b64encode(data).decode()}"
    _grant(f"{body}.{hmac.digest(KEY, body.encode(), 'sha256').hex()}".encode())


@cache
def _grant_claims() -> Grant:
    return Grant(
        job="job",
        service="evaluation",
        enclave="secret",
        model="m",
        purpose="evaluation",
        subject="anna",
        label="S;;USA",
        calls=9,
        expires=1 << 40,
    )


@cache
def _signer() -> Signer:
    return Signer.generate("test/audit")


@cache
def _checkpoint() -> bytes:
    text = Checkpoint("test/audit", 7, bytes(32)).text()
    return Note(text, (_signer().sign(text),)).encode()


def _opened(data: bytes) -> bytes:
    open_checkpoint(data, _signer().verifier)
    return Note.decode(data).encode()


@cache
def _key() -> SigningKey:
    return generate("first", demo=True)


def _envelope(data: bytes) -> None:
    dsse.verify(data, KIND, {"first": _key().public}, 1, "x")


def _statement(data: bytes) -> None:
    statements.verify_statement(data, {"first": _key().public}, "x", predicate_types=["p"])


def _http(data: bytes) -> bytes | None:
    """Two ways to read one request would be two requests: what is accepted says the same when it is written again."""

    async def read(one: bytes) -> HttpRequest | None:
        reader = asyncio.StreamReader(limit=64 * 1024)
        reader.feed_data(one)
        reader.feed_eof()
        return await read_request(reader, None, Budget())

    request = asyncio.run(read(data))
    if request is None:
        return data
    head = [
        f"{request.method} {request.path} HTTP/1.1",
        *(f"{name}: {value}" for name, value in request.headers.items()),
    ]
    again = "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + request.body
    if asyncio.run(read(again)) != request:
        raise AssertionError("the request reads otherwise when it is written again")
    return None


def _document(parser: Callable[[object], object]) -> Callable[[bytes], None]:
    def read(data: bytes) -> None:
        parser(canonical.decode_yaml(_text(data), "x"))

    return read


def _catalogue(data: bytes) -> None:
    read_catalogue(data, "x")


def _example(*names: str) -> Callable[[], list[bytes]]:
    return lambda: [Path(name).read_bytes() for name in names]


def _osv(data: bytes) -> None:
    for advisory in read_osv(data, "x"):
        advisory.affects("1.0")


def _tracker(data: bytes) -> None:
    for advisory in read_tracker(data, "x"):
        advisory.affects("1.0-1")


def _vex(data: bytes) -> None:
    for placed in in_order({"x": read_vex(data, "x")}):
        placed.statement.concerns(["CVE-1"], "pkg:deb/debian/zlib", "1", "gateway", "0" * 64)


@cache
def _enclave() -> Enclave:
    return load_site(Path("site.example.yml")).enclave("secret")


def _import(kind: str) -> Callable[[bytes], None]:
    """What is taken of a file can be sent, and each record is marked."""

    def read(data: bytes) -> None:
        content = read_rows(data, kind, "x")
        banner = label_within(content.marking or "UNCLASSIFIED", _enclave(), "x")
        for row, place in zip(content.rows, content.places, strict=True):
            sent = task(row, banner, _enclave(), place, f"import:{content.sha256}:1")
            json.dumps(sent, ensure_ascii=False, allow_nan=False).encode()
            label_within(sent["marking"], _enclave(), "x")

    return read


ADVISORIES = Path("tests/unit/bundle/advisories")
VEX = json.dumps(
    {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "urn:x",
        "author": "a",
        "timestamp": "2026-11-01T00:00:00Z",
        "version": 1,
        "statements": [
            {
                "vulnerability": {"name": "CVE-1"},
                "products": [{"@id": "pkg:oci/gateway?arch=amd64", "subcomponents": [{"@id": "pkg:deb/a@1%3A2"}]}],
                "status": "fixed",
            }
        ],
    }
).encode()
STUDIO = b'[{"id": 1, "data": {"prompt": "x", "answer1": "a", "marking": "(U)"}, "annotations": []}]'
LINES = (
    b'{"classification": {"marking": "SECRET//REL TO USA, GBR"}}\n{"prompt": "\\ud83d\\ude00", "external_id": "7"}\n'
)
HTTP = [
    b"GET /decide HTTP/1.1\r\nHost: x\r\nX-Original-URI: /labeling/\r\n\r\n",
    b"POST /record HTTP/1.1\r\nHost: unix\r\nContent-Length: 2\r\n\r\n{}",
]
SUBJECTS = b"subjects: [{name: a, clearance: SECRET, nationalities: [USA], roles: [analyst], expires: 2030-01-01}]\n"
MARKINGS = [b"UNCLASSIFIED", b"SECRET//REL TO USA, GBR", b"TOP SECRET//SI/TK//NOFORN", b"CUI//SP-PRVCY", b"(S//NF)"]


def _oci(kind: str) -> Callable[[bytes], bytes]:
    def read(data: bytes) -> bytes:
        model = document(DOCUMENTS[kind], data, "x")
        return canonical.encode(model.model_dump(mode="json", by_alias=True, exclude_unset=True))

    return read


@cache
def _oci_documents() -> dict[str, bytes]:
    layer = {"mediaType": LAYER, "digest": f"sha256:{'1' * 64}", "size": 7}
    config = layer | {"mediaType": CONFIG}
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]}
    entry = layer | {"mediaType": MANIFEST, "annotations": {"org.opencontainers.image.ref.name": "gateway"}}
    values = {
        "index": {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]},
        "manifest": manifest | {"annotations": {"title": "gateway"}},
        "configuration": configuration("gateway", [layer]),
    }
    return {kind: canonical.encode(value) for kind, value in values.items()}


def _nitf(data: bytes) -> None:
    """Whatever is read adds up: segments follow each other to the end of the file."""
    found = read_nitf(data)
    ends = [one.data[1] for one in found.segments]
    if [one.subheader[0] for one in found.segments[1:]] + [len(data)] != (ends or [len(data)]):
        raise AssertionError("the segments are not the file")
    markings_of(found)


def _guard(data: bytes) -> None:
    """A command line, its words apart by zero bytes as in ``/proc/<pid>/cmdline``."""
    words = [os.fsdecode(word) for word in data.split(b"\0")]
    list(podman_guard.wrong_values(*podman_guard.command_of(words)))  # type: ignore[no-untyped-call]


def _admission(data: bytes) -> None:
    """What the hook makes of a ``config.json``; it refuses at every error."""
    profile = json.loads(confinement("seccomp.json"))
    found = admission_hook.facts(json.loads(data), "0" * 64, ("/x/userdata",), profile)  # type: ignore[no-untyped-call]
    admission_hook.differences({"unknown": {}}, found)  # type: ignore[no-untyped-call]


def _network_admission(data: bytes) -> None:
    admitted = {"networks": {"secret-inner": {}}, "ports": []}
    network_hook.differences(admitted, json.loads(data))  # type: ignore[no-untyped-call]


GUARDED = [
    "ps -a",
    "run --rm --pull=never -v /a:/b:ro x",
    "exec -it x sh -c y",
    "--log-level debug rm -ft0 x",
    "top x pid",
]
UNREADABLE = (AttributeError, KeyError, RecursionError, TypeError, ValueError)
"""What the hooks take for a refusal: they catch every error."""
CONFIGURATION = next(iter(json.loads(Path("tests/unit/enclave/containers.json").read_text())["containers"].values()))
NETWORKS = {
    "networks": {"secret-inner": {"static_ips": ["10.78.2.10"]}},
    "network_info": {"secret-inner": {"driver": "bridge", "internal": True, "subnets": [{"subnet": "10.78.2.0/25"}]}},
    "port_mappings": [{"host_ip": "", "host_port": 443, "container_port": 443, "protocol": "tcp", "range": 1}],
}


PARSERS: dict[str, Parser] = {
    "marking": Parser(
        _marking, (MarkingError,),
        lambda: MARKINGS, 2,
    ),
    "label": Parser(_label, (MarkingError,), lambda: [b"U;;*", b"S;;GBR,USA", b"TS;SI,TK;USA"]),
    "context": Parser(_context, (ContextError,), lambda: [sealed(_claims()).encode()]),
    "sealed context": Parser(_sealed_context, (ContextError,), lambda: [_claims().model_dump_json().encode()]),
    "grant": Parser(_grant, (GrantError,), lambda: [seal_grant(_grant_claims(), KEY).encode()]),
    "sealed grant": Parser(_sealed_grant, (GrantError,), lambda: [_grant_claims().model_dump_json().encode()]),
    "note": Parser(lambda data: Note.decode(data).encode(), (NoteError,), lambda: [_checkpoint()]),
    "checkpoint": Parser(
        lambda data: _same(data, Checkpoint.decode(_text(data)).text()), (NoteError,),
        lambda: [Checkpoint("test/audit", 7, bytes(32)).text().encode()],
    ),
    "signed checkpoint": Parser(_opened, (NoteError,), lambda: [_checkpoint()]),
    "verifier key": Parser(
        _verifier, (NoteError,),
        lambda: [_signer().verifier.encode().encode()],
    ),
    "canonical JSON": Parser(
        lambda data: canonical.encode(canonical.decode_canonical(data, "x")), (canonical.CanonicalError,),
        lambda: [canonical.encode({"a": [1, "x", None, True], "b": {"c": "é"}})],
    ),
    "envelope": Parser(
        _envelope, (dsse.SignatureRefusedError, canonical.CanonicalError), lambda: [dsse.sign({"a": 1}, KIND, [_key()])]
    ),
    "statement": Parser(
        _statement, (dsse.SignatureRefusedError, canonical.CanonicalError),
        lambda: [statements.sign_statement({"x": "0" * 64}, "p", {"b": 1}, [_key()])],
    ),
    "HTTP": Parser(_http, (RequestRefusedError, asyncio.IncompleteReadError), lambda: HTTP),
    "site": Parser(_document(parse_site), (ApplianceError,), _example("site.example.yml"), 5),
    "access rules": Parser(_document(parse_policy), (ApplianceError,), _example("policies/access.yml"), 5),
    "subjects": Parser(_document(parse_registry), (ApplianceError,), lambda: [SUBJECTS]),
    "catalogue": Parser(
        _catalogue, (ApplianceError,),
        lambda: [canonical.encode({"services": []})],
    ),
    "OSV": Parser(_osv, (ApplianceError,), _example(*map(str, sorted(ADVISORIES.glob("osv/*.json"))))),
    "Debian tracker": Parser(_tracker, (ApplianceError,), _example(str(ADVISORIES / "tracker.json"))),
    "VEX": Parser(_vex, (ApplianceError,), lambda: [VEX]),
    "import of JSON": Parser(_import("json"), (ApplianceError,), lambda: [STUDIO]),
    "import of JSON lines": Parser(_import("jsonl"), (ApplianceError,), lambda: [LINES]),
    "OCI index": Parser(_oci("index"), (LayoutError,), lambda: [_oci_documents()["index"]]),
    "OCI manifest": Parser(_oci("manifest"), (LayoutError,), lambda: [_oci_documents()["manifest"]]),
    "OCI configuration": Parser(_oci("configuration"), (LayoutError,), lambda: [_oci_documents()["configuration"]]),
    "NITF": Parser(
        _nitf, (HeaderError,),
        lambda: [
            nitf([Part("image", "S//NF"), Part("text")], "S//NF"),
            nitf([Part("symbol"), Part("label"), Part("data extension")], "S//NF", "2.0"),
            nitf([Part("graphic", extensions=[secura(ism("U"))])], "U", magic=b"NSIF01.00"),
        ],
    ),
    "podman's guard": Parser(
        _guard, (podman_guard.NotListedError,),
        lambda: [command.replace(" ", "\0").encode() for command in GUARDED],
    ),
    "admission hook": Parser(
        _admission, UNREADABLE, lambda: [json.dumps(CONFIGURATION["config"]).encode()], 5
    ),
    "network hook": Parser(_network_admission, UNREADABLE, lambda: [json.dumps(NETWORKS).encode()]),
}  # fmt: skip
