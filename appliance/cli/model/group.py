"""`appliance model`."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from appliance.cli.shared import completion, inputs
from appliance.cli.shared.commands import Commands
from appliance.cli.shared.options import ROOT, RUN, Json, PassphraseFile, Root, Run, open_key, print_json
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from appliance.contract.certification import Certification

app = Commands("model")
Certificate = Annotated[
    Path, inputs.file_argument("A certificate, <model>.certificate.dsse.json.", autocompletion=completion.certificates)
]

Evidence = Annotated[
    list[str] | None, inputs.word_option("EVIDENCE", "What the tier demands besides, as NAME=FILE; may be repeated.")
]
Policy = Annotated[
    Path | None, inputs.file_option("The site's own certification policy, if `site.yml` has one; it may only tighten.")
]


@app.callback()
def model() -> None:
    """Certify models from their evaluation results."""


@app.command()
def certify(
    results: Annotated[Path, inputs.file_argument("Results document of a finished evaluation job.", metavar="RESULTS")],
    *,
    key: Annotated[Path, inputs.file_option("The certifier's private key.")],
    expires: Annotated[
        int | None,
        inputs.word_option("DAYS", "Days for which it counts; as long as the tier allows if absent.", min=1, max=1095),
    ] = None,
    evidence: Evidence = None,
    policy: Policy = None,
    out: Annotated[Path, inputs.new_file_option("New file: <model>.certificate.dsse.json.")],
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """State, as a person, that the evaluated model reached its tier; its bounds are computed from the item results.

    Example: appliance model certify results.json --key certifier.pem --expires 90 --out small.certificate.dsse.json
    """
    from appliance.contract import evaluation  # keeps `appliance --help` quick
    from appliance.contract.tiers import decide  # as above
    from appliance.service import certificate as certificates  # as above

    read = evaluation.read_results(_read(results), str(results))
    rules, presented = _rules(policy), _presented(evidence or [])
    certificates.require(decide(rules, read.tier, read, presented), str(results))  # before anybody types a passphrase
    signer = open_key(key, passphrase_file)
    data = certificates.certify(read, signer, expires, policy=rules, evidence=presented)
    _write(out, data)
    _print(data, out, as_json=as_json)


@app.command()
def countersign(
    certificate: Certificate,
    *,
    key: Annotated[Path, inputs.file_option("The private key of a further certifier, or of an officer.")],
    out: Annotated[Path, inputs.new_file_option("New file with the signature added.")],
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Sign a certificate too, where its tier demands more people; shows first what it says.

    Example: appliance model countersign small.certificate.dsse.json --key isso.pem --out signed.dsse.json
    """
    from appliance.cli.shared.options import open_officer_key  # keeps `appliance --help` quick
    from appliance.service import certificate as certificates  # as above
    from appliance.trust import canonical, dsse  # as above

    data = _read(certificate)
    said = certificates.read_unverified(data, str(certificate))  # before anybody types a passphrase
    if not as_json:
        _print(data, certificate, as_json=False)
    signer = open_officer_key(key, passphrase_file)
    certificates.require_other_person(signer.name, said.evaluation.evaluator)
    signed = dsse.in_order(dsse.add_signature(data, signer, str(certificate)), str(certificate))
    if signed == dsse.in_order(data, str(certificate)):
        raise ApplianceError(
            f"{certificate}: {signer.name} has signed it already",
            rule="each of the people whom a tier demands signs once",
            remedy="have another person sign",
        )
    _write(out, signed)
    count = len(canonical.decode(signed, str(out))["signatures"])
    wanted = ", ".join(f"{number} {role}" for role, number in said.signers.items())
    if as_json:
        print_json({"file": str(out), "signatures": count, "demanded": said.signers})
    else:
        print(f"{out}: {count} signatures; {said.tier} demands {wanted}")


@app.command("tier")
def show_tier(
    results: Annotated[Path, inputs.file_argument("Results document of a finished evaluation job.", metavar="RESULTS")],
    *,
    evidence: Evidence = None,
    policy: Policy = None,
    as_json: Json = False,
) -> None:
    """Say whether item results reach the tier that was tried, bound by bound; exit status 1 if not.

    Example: appliance model tier results.json
    """
    from pydantic import TypeAdapter  # keeps `appliance --help` quick

    from appliance.contract import evaluation  # as above
    from appliance.contract.tiers import Decision, decide  # as above

    read = evaluation.read_results(_read(results), str(results))
    decision = decide(_rules(policy), read.tier, read, _presented(evidence or []))
    if as_json:
        print_json(TypeAdapter(Decision).dump_python(decision, mode="json"))
    else:
        reached = "reached" if decision.reached else "not reached"
        print(f"{read.model.name}: {decision.tier} is {reached}, attempt {read.attempt}")
        for finding in decision.findings:
            print(f"  {'met   ' if finding.met else 'missed'}  {finding.reason}")
        for reason in decision.reasons:
            if reason not in {finding.reason for finding in decision.findings}:
                print(f"  missed  {reason}")
    if not decision.reached:
        raise typer.Exit(1)


def _rules(file: Path | None) -> "Certification":
    """The site's certification policy, after proof that it only tightens, or the project's."""
    from appliance.contract import certification  # as above

    own = certification.read(_read(file), str(file)) if file else certification.standard()
    return certification.tightened(certification.standard(), own)


def _presented(evidence: list[str]) -> dict[str, str]:
    """The digests of the files that are presented as evidence, by name."""
    found = {}
    for text in evidence:
        name, _, file = text.partition("=")
        if not file:
            raise ApplianceError(
                f"--evidence {text}",
                rule="evidence is NAME=FILE",
                remedy="--evidence legal-review=review.pdf",
            )
        found[name] = hashlib.sha256(_read(Path(file))).hexdigest()
    return found


@app.command()
def show(
    certificate: Certificate,
    *,
    as_json: Json = False,
) -> None:
    """Show what a certificate says; its signatures are verified where the model is served.

    Example: appliance model show small.certificate.dsse.json
    """
    _print(_read(certificate), certificate, as_json=as_json)


def _print(data: bytes, path: Path, *, as_json: bool) -> None:
    from appliance.service import certificate as certificates  # as above

    said = certificates.read_unverified(data, str(path))
    digest = certificates.digest_of(data)
    if as_json:
        print_json({"sha256": digest} | said.model_dump(mode="json"))
        return
    evaluation = said.evaluation
    print(f"certificate  {path}  sha256:{digest}")
    print(f"model        {evaluation.model.name}  sha256:{evaluation.model.sha256}")
    print(f"engine       {evaluation.engine_image}  {evaluation.parameters}")
    print(f"where        site {evaluation.site}, enclave {evaluation.enclave}, {evaluation.marking}")
    print(f"tier         {said.tier}, attempt {evaluation.attempt}, for {', '.join(said.uses)}")
    for suite in evaluation.suites:
        kind = "published key" if suite.hold_out.published else f"hold-out {suite.hold_out.commitment[:16]}"
        print(f"suite        {suite.suite}, {suite.items} items, {kind}")
    for bound in said.bounds:
        proven = f"{bound.measure} {bound.estimate:.3f}, bound {bound.bound:.3f}, limit {bound.limit:.3f}"
        print(f"proven       {proven} ({bound.n} items, {bound.clusters} clusters, {bound.estimator})")
    print(f"results      sha256:{evaluation.results_sha256}")
    print(f"evaluated by {evaluation.evaluator}, job {evaluation.job}, {evaluation.finished:%Y-%m-%d %H:%M} UTC")
    print(f"valid        {said.issued:%Y-%m-%d %H:%M} to {said.expires:%Y-%m-%d %H:%M} UTC")


def _write(out: Path, data: bytes) -> None:
    try:
        with out.open("xb") as file:
            file.write(data)
    except OSError as error:
        raise ApplianceError(
            f"{out}: cannot be written: {error.strerror}",
            rule="a certificate is never overwritten",
            remedy="move the old certificate away first",
        ) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ApplianceError(
            f"{path}: cannot be read: {error.strerror}",
            rule="a certificate is made from a results document, and is a file itself",
            remedy="name the right file",
        ) from error


@app.command()
def install(
    certificate: Certificate,
    *,
    enclave: Annotated[
        str,
        inputs.word_option(
            "ENCLAVE", "Name of the enclave whose model it certifies.", autocompletion=completion.enclaves
        ),
    ],
    root: Root = ROOT,
    run: Run = RUN,
    as_json: Json = False,
) -> None:
    """Give a certificate to the inference service of an enclave, on the host it was made for.

    Example: appliance model install small.certificate.dsse.json --enclave unclassified
    """
    from appliance.enclave.paths import HostPaths  # as above
    from appliance.host.state.models import install_certificate  # as above

    said = install_certificate(HostPaths(root.resolve(), run), enclave, certificate)
    if as_json:
        print_json(said)
    else:
        print(
            f"{said['model']} may serve in {enclave} until {said['expires']}, certified by {', '.join(said['signers'])}"
        )
