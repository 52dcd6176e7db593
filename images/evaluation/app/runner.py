"""One evaluation as a process of its own: ``python3 -m app.runner <job folder> <request as JSON>``.

Inspect runs here, so that the service stays small and a failing evaluation takes nothing with it. The model is reached
through the service's loopback forwarder; this process holds no key and no grant.
"""

import hashlib
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

from inspect_ai import eval as evaluate
from inspect_ai.log import EvalLog, bundle_log_dir

from appliance.service.certificate import Metric

from .confidence import metric
from .datasets import load
from .outcome import Outcome, Request


def run(folder: Path, request: Request) -> Outcome:
    """Evaluate, keep the log in ``folder/logs`` and make its viewer's files in ``folder/view``.

    Raises:
        RuntimeError: Inspect did not finish.
    """
    task, dataset_sha256, samples = load(request.dataset, request.limit)
    (log,) = evaluate(
        task,
        model=f"openai-api/appliance/{request.model}",
        model_base_url=request.base_url,
        log_dir=str(folder / "logs"),
        log_format="eval",
        log_realtime=False,
        display="none",
        ctl_server=False,
        acp_server=False,
        max_connections=request.connections,
        max_retries=2,
    )
    if log.status != "success":
        raise RuntimeError(f"Inspect ended with {log.status}: {log.error.message if log.error else 'no message'}")
    (path,) = (folder / "logs").glob("*.eval")
    path = path.rename(path.with_name(f"{request.dataset}.eval"))
    bundle_log_dir(str(folder / "logs"), str(folder / "view"))
    shutil.rmtree(folder / "view" / "assets")  # the service has the viewer itself
    return Outcome(
        metrics=tuple(_metrics(log, samples)),
        samples=samples,
        dataset_sha256=dataset_sha256,
        log=path.name,
        log_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        tools={"inspect_ai": version("inspect_ai")},
    )


def _metrics(log: EvalLog, samples: int) -> list[Metric]:
    scores = log.results.scores if log.results else []
    found = []
    for score in scores:
        values = {name: value.value for name, value in score.metrics.items()}
        error = float(values.pop("stderr", 0.0))
        found += [metric(f"{score.name}/{name}", float(value), error, samples) for name, value in values.items()]
    return found


def main() -> None:
    """Run what the command line says."""
    folder, request = Path(sys.argv[1]), Request.model_validate_json(sys.argv[2])
    outcome = run(folder, request)
    (folder / "outcome.json").write_text(outcome.model_dump_json(indent=2))


if __name__ == "__main__":
    main()
