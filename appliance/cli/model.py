"""`appliance model`."""

from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.options import ROOT, RUN, Json, PassphraseFile, Root, Run, open_key, print_json
from appliance.errors import ApplianceError

app = typer.Typer(help="Certify models from their evaluation results.", no_args_is_help=True)


@app.callback()
def model() -> None:
    """Certify models from their evaluation results."""


@app.command()
def certify(
    results: Annotated[Path, typer.Argument(help="Results document of a finished evaluation job.")],
    *,
    key: Annotated[Path, typer.Option(help="The certifier's private key.")],
    expires: Annotated[int, typer.Option(help="Days for which the certificate counts, 1 to 1095.")] = 365,
    out: Annotated[Path, typer.Option(help="New file: <model>.certificate.dsse.json.")],
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """State, as a person, that the evaluated model may serve where it was evaluated."""
    from appliance.service import certificate as certificates  # noqa: PLC0415  # keeps `appliance --help` quick

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
    certificate: Annotated[Path, typer.Argument(help="A certificate.")],
    *,
    as_json: Json = False,
) -> None:
    """Show what a certificate says; its signatures are verified where the model is served."""
    _print(_read(certificate), certificate, as_json=as_json)


def _print(data: bytes, path: Path, *, as_json: bool) -> None:
    from appliance.service import certificate as certificates  # noqa: PLC0415  # as above

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
        raise ApplianceError(f"{path}: cannot be read: {error.strerror}") from error


@app.command()
def install(
    certificate: Annotated[Path, typer.Argument(help="A certificate.", exists=True, dir_okay=False)],
    *,
    enclave: Annotated[str, typer.Option(help="Name of the enclave whose model it certifies.")],
    root: Root = ROOT,
    run: Run = RUN,
    as_json: Json = False,
) -> None:
    """Give a certificate to the inference service of an enclave, on the host it was made for."""
    from appliance.enclave.render import HostPaths  # noqa: PLC0415  # as above
    from appliance.host.models import install_certificate  # noqa: PLC0415  # as above

    said = install_certificate(HostPaths(root.resolve(), run), enclave, certificate)
    if as_json:
        print_json(said)
    else:
        print(
            f"{said['model']} may serve in {enclave} until {said['expires']}, certified by {', '.join(said['signers'])}"
        )
