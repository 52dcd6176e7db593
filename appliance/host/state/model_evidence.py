"""What vouches for the results behind a certificate: the evaluation's own files, and the audit log."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from appliance.audit.events import ocsf
from appliance.audit.log.bodies import Record
from appliance.audit.review.query import lines
from appliance.contract.certification import Certification
from appliance.contract.evaluation import Results, read_results
from appliance.enclave.paths import HostPaths
from appliance.service.certificate import Certificate, CertificateError

RUN = "evaluation.run"
ASKED = "model_inference_activity"
RULE = "item results count when the audit log says that this evaluation made them, and asked the model for them"


def results_of(paths: HostPaths, enclave: str, service: str, certificate: Certificate) -> Results:
    """The item results of the job that a certificate names, from the volume of the service that ran it.

    The service is not believed: digest, log and computation decide.

    Raises:
        ApplianceError: they are not there or cannot be read.
    """
    evaluation = certificate.evaluation
    file = paths.volume(enclave, service) / "jobs" / evaluation.job / "results.json"
    try:
        return read_results(file.read_bytes(), file.name)
    except OSError as error:
        raise CertificateError(
            f"job {evaluation.job}: its item results cannot be read: {error.strerror}",
            rule="what a certificate states is computed again from item results at installation",
            remedy="install it on the host where the job ran, or evaluate again",
        ) from error


def check_log(log: Path, results: Results, policy: Certification) -> None:
    """Find the record of the evaluation, the answers it is made of, and earlier attempts.

    Raises:
        ApplianceError: no record names these results, the model answered fewer times, or attempts were left out.
    """
    digest, model = f"sha256:{results.sha256}", f"sha256:{results.model.sha256}"
    answers, vouched = 0, False
    earlier: set[object] = set()
    for event in _events(log, results):
        detail = event.unmapped.detail or {}
        here = event.unmapped.enclave == results.enclave and model in (event.unmapped.inputs or ())
        if event.activity == ASKED:
            answers += here and _job(detail) == results.job
        elif event.activity == RUN and here:
            if _job(detail) == results.job:
                vouched |= digest in (event.unmapped.outputs or ()) and event.subject == results.evaluator
            elif detail.get("tier") == results.tier and detail.get("generation") and not vouched:
                earlier.add(_job(detail))
    if not vouched:
        raise CertificateError(
            f"job {results.job}: no record of an evaluation by {results.evaluator} names the results {results.sha256}",
            rule=RULE,
            remedy="download the results of a finished job again and certify these",
        )
    if answers < results.items:
        raise CertificateError(
            f"job {results.job}: {results.items} items have results, the log has {answers} answers of the model",
            rule=RULE,
            remedy="the officers look into it: the evaluation claims answers that the model did not give",
        )
    if policy.effective(results.tier).bounds and results.attempt != len(earlier) + 1:
        raise CertificateError(
            f"job {results.job}: says attempt {results.attempt}, the log has {len(earlier)} earlier ones of this model",
            rule="each attempt of a model at a tier spends its own part of alpha (policies/certification.yml)",
            remedy="the officers look into it: an attempt was left out",
        )


def _job(detail: Mapping[str, object]) -> str:
    """The job of an event; a run that was resumed has the job's name and a number."""
    return str(detail.get("job", "")).partition(".")[0]


def _events(log: Path, results: Results) -> Iterator[ocsf.Event]:
    """The events of the log that may be about this job, or about another evaluation of its model.

    A line is read whole only when it has the words: what it says is then taken from its fields, where no service can
    write another's activity, job or enclave.
    """
    job, model = results.job.encode(), f"sha256:{results.model.sha256}".encode()
    for line in lines(log):
        if (job in line and ASKED.encode() in line) or (RUN.encode() in line and model in line):
            yield ocsf.read(Record.decode(line).body)
