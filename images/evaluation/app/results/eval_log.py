"""The log in Inspect's own format, written without Inspect: its viewer and `read_eval_log` open it.

An `.eval` file is a zip archive of JSON: `header.json`, `summaries.json`, `samples/<id>_epoch_1.json` and
`_journal/start.json`. Members are deflated here, which Python 3.11 can write; Inspect itself writes them with zstd.
Of a sealed hold-out, prompts, targets and answers are left out: whoever may read logs may not read it.
"""

import hashlib
import json
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from appliance.errors import ApplianceError
from workbench.markbench.item import Item

from ..journal import Journal, Line
from ..model import Job
from ..work import Part

NAME = "evaluation.eval"
SEALED = "(sealed hold-out)"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_log(folder: Path, job: Job, parts: Sequence[Part], journal: Journal) -> str:
    """Write log and viewer's files of a job into ``folder``; return the log's SHA-256."""
    header = _header(job, parts)
    samples = [_sample(job, part, item, journal) for part in parts for item in part.items if item.id in part.scores]
    logs = folder / "view" / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    file = logs / NAME
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        _put(archive, "_journal/start.json", {"version": 2, "eval": header["eval"], "plan": header["plan"]})
        for sample in samples:
            _put(archive, f"samples/{sample['id']}_epoch_1.json", sample)
        _put(archive, "summaries.json", [_summary(sample) for sample in samples])
        _put(archive, "header.json", header)
    _write_viewer(folder / "view", header)
    return hashlib.sha256(file.read_bytes()).hexdigest()


def viewer() -> Path:
    """The folder of the viewer inside the inspect_ai package, found without the seconds that importing it takes.

    Raises:
        ApplianceError: the package is not there.
    """
    spec = find_spec("inspect_ai")
    if spec is None or not spec.submodule_search_locations:
        raise ApplianceError("Inspect's viewer is not in this image")
    return Path(next(iter(spec.submodule_search_locations))) / "_view" / "dist"


def _write_viewer(folder: Path, header: dict[str, Any]) -> None:
    context = '<script id="log_dir_context" type="application/json">{"log_dir": "logs"}</script>'
    page = (viewer() / "index.html").read_text().replace("</head>", f"  {context}\n  </head>")
    (folder / "index.html").write_text(page)
    entry = {name: header["eval"][name] for name in ("eval_id", "run_id", "task", "task_id", "model")}
    entry |= {"task_version": 0, "version": 2, "status": header["status"], "invalidated": False}
    entry |= {"started_at": header["stats"]["started_at"], "completed_at": header["stats"]["completed_at"]}
    (folder / "logs" / "listing.json").write_text(json.dumps({NAME: entry}))


def _put(archive: zipfile.ZipFile, name: str, document: object) -> None:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, json.dumps(document, separators=(",", ":")))


def _header(job: Job, parts: Sequence[Part]) -> dict[str, Any]:
    started = (job.started or job.queued).isoformat()
    identifiers = [item.id for part in parts for item in part.items if item.id in part.scores]
    scorers = sorted({name for part in parts for scores in part.scores.values() for name in scores})
    evaluation = {
        "eval_id": job.id,
        "run_id": job.id,
        "created": started,
        "task": job.title,
        "task_id": job.id,
        "task_version": 0,
        "task_attribs": {},
        "task_args": {},
        "dataset": {"name": job.title, "samples": len(identifiers), "sample_ids": identifiers, "shuffled": False},
        "model": f"appliance/{job.model}",
        "model_generate_config": {"temperature": 0.0, "seed": 1},
        "model_args": {},
        "config": {"epochs": 1},
        "packages": {},
        "scorers": [{"name": name, "options": {}, "metrics": [{"name": "mean", "options": {}}]} for name in scorers],
    }
    scores = [_score(name, parts) for name in scorers]
    return {
        "version": 2,
        "status": "success",
        "eval": evaluation,
        "plan": {"name": "plan", "steps": [{"solver": "generate", "params": {}}], "config": {"temperature": 0.0}},
        "results": {"total_samples": len(identifiers), "completed_samples": len(identifiers), "scores": scores},
        "stats": {"started_at": started, "completed_at": datetime.now(UTC).isoformat(), "model_usage": {}},
    }


def _score(name: str, parts: Sequence[Part]) -> dict[str, Any]:
    found = [scores[name] for part in parts for scores in part.scores.values() if name in scores]
    metric = {"name": "mean", "value": sum(found) / len(found), "params": {}}
    return {"name": name, "scorer": name, "params": {}, "scored_samples": len(found), "metrics": {"mean": metric}}


def _sample(job: Job, part: Part, item: Item, journal: Journal) -> dict[str, Any]:
    line = journal.lines.get((part.suite.name, item.id)) or Line(suite=part.suite.name, item=item.id)
    sealed = job.generation is not None
    system, user, answer = (SEALED,) * 3 if sealed else (item.system, item.user, line.text)
    target = SEALED if sealed else ", ".join(f"{name}: {value}" for name, value in sorted(item.answer.items()))
    messages = [
        {"id": f"{item.id}-0", "role": "system", "content": system},
        {"id": f"{item.id}-1", "role": "user", "content": user, "source": "input"},
        {"id": f"{item.id}-2", "role": "assistant", "content": answer, "source": "generate", "model": job.model},
    ]
    choice = {"message": messages[2], "stop_reason": "stop"}
    return {
        "id": item.id,
        "epoch": 1,
        "input": user,
        "target": target,
        "messages": messages,
        "output": {"model": job.model, "choices": [choice], "completion": answer, "time": line.seconds},
        "scores": {
            name: {"value": value, "answer": answer[:200], **({"explanation": line.problem} if line.problem else {})}
            for name, value in part.scores[item.id].items()
        },
        "metadata": {"suite": part.suite.name, "task": item.task, "tier": item.tier, "cluster": item.cluster},
        "store": {},
        "events": [],
        "model_usage": {},
        "total_time": line.seconds,
        "working_time": line.seconds,
        "uuid": hashlib.sha256(f"{job.id}/{item.id}".encode()).hexdigest()[:22],
    }


def _summary(sample: dict[str, Any]) -> dict[str, Any]:
    kept = ("id", "epoch", "input", "target", "scores", "model_usage", "total_time", "working_time", "uuid", "metadata")
    return {name: sample[name] for name in kept} | {"completed": True, "message_count": 3, "retries": 0}
