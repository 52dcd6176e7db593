"""`appliance model`."""

from pathlib import Path
from typing import Annotated

from appliance.cli.shared import completion, inputs
from appliance.cli.shared.commands import Commands
from appliance.cli.shared.options import ROOT, RUN, Json, PassphraseFile, Root, Run, open_key, print_json
from appliance.errors import ApplianceError

app = Commands("model")
Certificate = Annotated[
    Path, inputs.file_argument("A certificate, <model>.certificate.dsse.json.", autocompletion=completion.certificates)
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
        int, inputs.word_option("DAYS", "Days for which the certificate counts.", min=1, max=1095)
    ] = 365,
    out: Annotated[Path, inputs.new_file_option("New file: <model>.certificate.dsse.json.")],
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """State, as a person, that the evaluated model may serve where it was evaluated.

    Example: appliance model certify results.json --key certifier.pem --expires 90 --out small.certificate.dsse.json
    """
    from appliance.service import certificate as certificates  # keeps `appliance --help` quick

    evaluation = certificates.read_results(_read(results), str(results))
    data = certificates.certify(evaluation, open_key(key, passphrase_file), expires)
    try:
        with out.open("xb") as file:
            file.write(data)
    except OSError as error:
        raise ApplianceError(
            f"{out}: cannot be written: {error.strerror}",
            rule="a certificate is never overwritten",
            remedy="move the old certificate away first",
        ) from error
    _print(data, out, as_json=as_json)


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
    dataset = evaluation.dataset
    print(f"dataset      {dataset.name}, {dataset.samples} samples  sha256:{dataset.sha256}")
    for metric in evaluation.metrics:
        print(f"result       {metric.name} {metric.value:.3f}  [{metric.low:.3f}, {metric.high:.3f}] (95 %)")
    print(f"evaluated by {evaluation.evaluator}, job {evaluation.job}, {evaluation.finished:%Y-%m-%d %H:%M} UTC")
    print(f"valid        {said.issued:%Y-%m-%d %H:%M} to {said.expires:%Y-%m-%d %H:%M} UTC")


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
    from appliance.enclave.render import HostPaths  # as above
    from appliance.host.state.models import install_certificate  # as above

    said = install_certificate(HostPaths(root.resolve(), run), enclave, certificate)
    if as_json:
        print_json(said)
    else:
        print(
            f"{said['model']} may serve in {enclave} until {said['expires']}, certified by {', '.join(said['signers'])}"
        )
