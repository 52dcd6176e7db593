"""What users do with a running site: evaluate, certify, label, ask, and be refused."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import httpx
import openai

from demo.instance import Instance, appliance, require, stand_in
from demo.users import MARKINGS, MODEL, ask_model, model_client, origin, tls, user, wait_until

LOWEST, NEXT = "T0-sandbox", "T1-administrative"
MARKBENCH = 60
EVALUATORS = {"unclassified": stand_in("evaluator"), "secret": stand_in("evaluator-2")}
QUESTIONS = Path(__file__).parent / "questions.json"


def refuse_candidate(instance: Instance) -> dict[str, Any]:
    """Before its evaluation the model answers nobody but the evaluation."""
    refusals = {}
    for enclave, subject in EVALUATORS.items():
        with user(instance, subject, enclave, session=True) as client:
            answer = client.post(
                "/inference/v1/chat/completions",
                json={"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]},
            )
        require(answer.status_code in (403, 409, 503), f"a candidate answered: {answer.text}")
        require("candidate" in answer.text, answer.text)
        require(answer.headers["x-classification"] == MARKINGS[enclave], "a refusal without its marking")
        refusals[enclave] = answer.json()["error"]
    return refusals


def evaluate(instance: Instance, enclave: str, **wanted: Any) -> dict[str, Any]:
    """The candidate is asked what the lowest tier demands, or what is wanted; the results are what a person signs."""
    with user(instance, EVALUATORS[enclave], enclave, session=True) as client:
        started = client.post("/evaluation/api/jobs", json={"model": MODEL} | wanted)
        require(started.status_code in (201, 202), started.text)
        job = started.json()["id"]

        def finished() -> dict[str, Any] | None:
            status: dict[str, Any] = client.get(f"/evaluation/api/jobs/{job}").json()
            require(status["state"] not in ("failed", "interrupted"), f"the evaluation failed: {status['message']}")
            return status if status["state"] in ("done", "stopped") else None

        status = wait_until(finished, 1200, f"evaluation in {enclave}")
        results = client.get(f"/evaluation/api/jobs/{job}/results")
        require(results.status_code == 200, results.text)
        report = client.get(f"/evaluation/api/jobs/{job}/report").json()
    if not wanted:
        (instance.build / f"results-{enclave}.json").write_bytes(results.content)
        require(status["reached"], f"the lowest tier was not reached: {status['reasons']}")
    measures = {one["measure"]: {"n": one["n"]} | one["interval"] for one in report["measures"]}
    return {"job": job, "items": status["answered"], "state": status["state"], "measures": measures} | {
        name: status[name] for name in ("tier", "reached", "reasons")
    }


def refuse_tier(instance: Instance) -> dict[str, Any]:
    """The model is tried at a tier that it does not reach; it is told why, soon, and nobody can certify it."""
    began = time.monotonic()
    tried = evaluate(instance, "unclassified", tier=NEXT)
    seconds = time.monotonic() - began
    require(tried["reached"] is False, f"a small model reached {NEXT}")
    require("out of reach" in tried["reasons"][0], f"no reason: {tried['reasons']}")
    with user(instance, EVALUATORS["unclassified"], "unclassified", session=True) as client:
        results = client.get(f"/evaluation/api/jobs/{tried['job']}/results")
    source = instance.build / "results-refused.json"
    source.write_bytes(results.content)
    told = appliance(instance, "model", "tier", source, check=False)
    require(told.returncode == 1 and "not reached" in told.stdout, told.stdout)
    key = next((instance.keys / "certifiers").glob("*.pem"))
    sign = ("--key", key, "--passphrase-file", instance.passphrase, "--out", instance.build / "refused.dsse.json")
    refused = appliance(instance, "model", "certify", source, *sign, check=False)
    require(refused.returncode == 1, "a tier that was not reached was certified")
    return {"job": tried["job"], "seconds": round(seconds), "items": tried["items"], "reasons": tried["reasons"]}


def certify(instance: Instance, enclave: str) -> dict[str, Any]:
    """A person signs the certificate. Those of other bytes and of results that were improved are refused before."""
    key = next((instance.keys / "certifiers").glob("*.pem"))
    sign = ("--key", key, "--passphrase-file", instance.passphrase)
    where = ("--enclave", enclave, "--root", instance.root, "--run", instance.run)
    results = json.loads((instance.build / f"results-{enclave}.json").read_text())
    results.pop("classification", None)
    improved = json.loads(json.dumps(results))
    for item in improved["suites"][0]["items"]:
        item["scores"] = dict.fromkeys(item["scores"], 1.0)
    improved["suites"][0]["items"].append(improved["suites"][0]["items"][0] | {"id": "invented"})
    wrong = results | {"model": results["model"] | {"sha256": "0" * 64}}
    files = {}
    for name, document in (("wrong", wrong), ("improved", improved), ("right", results)):
        file = files[name] = instance.build / f"{name}-certificate-{enclave}.dsse.json"
        file.unlink(missing_ok=True)
        source = file.with_suffix(".results")
        source.write_text(json.dumps(document))
        appliance(instance, "model", "certify", source, *sign, "--expires", "90", "--out", file)
    for name, reason in (("wrong", "digest"), ("improved", "rests on the results")):
        refused = appliance(instance, "model", "install", files[name], *where, inside=True, check=False)
        require(refused.returncode == 1, f"a certificate of {name} results was accepted: {refused.stdout}")
        require(reason in refused.stderr, refused.stderr)
    accepted = appliance(instance, "model", "install", files["right"], *where, "--json", inside=True)
    with (
        user(instance, EVALUATORS[enclave], enclave, session=True),
        model_client(instance, EVALUATORS[enclave], enclave) as client,
    ):

        def answers() -> bool:
            try:
                return ask_model(client, "Say hello.", max_tokens=4) is not None
            except openai.APIStatusError:
                return False

        wait_until(answers, 30, "serving with the certificate")
    return {"refused": refused.stderr.strip().splitlines()[0], "accepted": accepted}


def label(instance: Instance) -> dict[str, Any]:
    """Two answers each from the enclave's own model, 40 preferences by two annotators, the last left for the page."""
    annotators = stand_in("annotator"), stand_in("annotator-2")
    with (
        user(instance, annotators[0], "unclassified", session=True) as client,
        model_client(instance, annotators[0], "unclassified") as model,
    ):
        tasks = []
        for question in json.loads(QUESTIONS.read_text()):
            answers = [
                ask_model(model, question, max_tokens=24, temperature=temperature, seed=1) for temperature in (0.2, 1.2)
            ]
            tasks.append({"prompt": question, "answers": [text or "(no answer)" for text in answers]})
        project = client.post("/labeling/api/projects", json={"name": "Which answer is better?"}).json()["id"]
        added = client.post(f"/labeling/api/projects/{project}/tasks", json={"tasks": tasks})
        require(added.status_code == 201, added.text)
    identifiers = added.json()["tasks"]
    (instance.build / "labeling.json").write_text(json.dumps({"project": project, "tasks": identifiers}))
    for number, subject in enumerate(annotators):
        with user(instance, subject, "unclassified", session=True) as client:
            # The last task of the second annotator is left for the browser page.
            mine = identifiers if number == 0 else identifiers[:-1]
            for position, task in enumerate(mine):
                choice = ("a", "b", "tie")[(position + number) % 3]
                answer = client.post(f"/labeling/api/tasks/{task}/preferences", json={"choice": choice})
                require(answer.status_code == 201, answer.text)
    return {"project": project, "tasks": len(identifiers), "preferences_by_api": 2 * len(identifiers) - 1}


def export(instance: Instance) -> dict[str, Any]:
    """The preferences as JSON lines, each with its label."""
    project = json.loads((instance.build / "labeling.json").read_text())["project"]
    with user(instance, stand_in("evaluator"), "unclassified", session=True) as client:
        answer = client.get(f"/labeling/api/export/{project}")
        require(answer.status_code == 200, answer.text)
    name = answer.headers["content-disposition"]
    require("UNCLASSIFIED" in name or "-U." in name, f"the file's name has no marking: {name}")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    preferences = sum(len(line["preferences"]) for line in lines)
    require(all(line["marking"] for line in lines), "a line without a marking")
    require(preferences == 2 * len(lines), f"{preferences} preferences of {len(lines)} tasks")
    (instance.build / "preferences.jsonl").write_text(answer.text)
    return {"lines": len(lines), "preferences": preferences, "file": "preferences.jsonl", "bytes": len(answer.content)}


def ask(instance: Instance) -> dict[str, Any]:
    """The stock OpenAI client gets a streamed answer; header and body carry the marking."""
    analyst = stand_in("analyst")
    text, markings, chunks = "", set(), 0
    question: Any = [{"role": "user", "content": "What is a checklist good for?"}]
    with user(instance, analyst, "secret", session=True), model_client(instance, analyst, "secret") as client:
        response = client.chat.completions.with_raw_response.create(
            model=MODEL, messages=question, max_tokens=48, stream=True
        )
        marked = response.headers["x-classification"]
        for chunk in response.parse():
            chunks += 1
            if chunk.choices and chunk.choices[0].delta.content:
                text += chunk.choices[0].delta.content
            extra = (chunk.model_extra or {}).get("classification")
            if extra:
                markings.add(extra["marking"])
    require(marked == MARKINGS["secret"], f"the answer is marked {marked}")
    require(markings == {MARKINGS["secret"]}, f"its pieces are marked {markings}")
    require(len(text) > 20, f"a short answer: {text}")
    require(chunks > 3, "the answer came in one piece")
    return {"answer": text, "chunks": chunks, "marking": marked}


def deny(instance: Instance) -> dict[str, Any]:
    """What must not be possible is not, and looks like absence."""
    project = json.loads((instance.build / "labeling.json").read_text())["project"]
    analyst = stand_in("analyst")
    with user(instance, stand_in("annotator"), "secret") as low:
        answers = [
            low.get("/labeling/api/projects"),
            low.get(f"/labeling/api/projects/{project}"),
            low.get("/labeling/none"),
        ]
        answers.append(low.post("/session"))
    require({answer.status_code for answer in answers} == {404}, f"a denial is no absence: {answers}")
    require(len({_shape(answer) for answer in answers[:3]}) == 1, "an answer tells whether the record exists")
    with user(instance, analyst, "secret", session=True), user(instance, analyst, "unclassified") as down:
        read = down.get(f"/labeling/api/projects/{project}")
        require(read.status_code == 200, read.text)
        write = down.post("/labeling/api/projects", json={"name": "from above"})
        prompt = down.post("/inference/v1/chat/completions", json={"model": MODEL, "messages": []})
        query = down.get("/labeling/api/projects?q=secret")
        switch = down.post("/session")
    statuses = [write.status_code, prompt.status_code, query.status_code, switch.status_code]
    require(statuses == [404, 404, 404, 409], f"from above: {statuses}")
    with httpx.Client(base_url=origin(instance, "secret"), verify=tls(instance, None)) as nobody:
        anonymous = nobody.get("/labeling/api/projects")
    require(anonymous.status_code == 404, anonymous.text)
    return {"read_down": read.status_code, "write_down": write.status_code, "prompt_down": prompt.status_code}


def _shape(answer: httpx.Response) -> str:
    return answer.text.replace(answer.headers["x-request-id"], "")


def audit(instance: Instance) -> dict[str, Any]:
    """The log verifies; one byte changed in a copy of it is found and the entry named."""
    log = instance.root / "log"
    key = log / "log.vkey"
    good = appliance(instance, "audit", "verify", "--log", log, "--key", key, "--json", inside=True)
    copy = instance.build / "tampered-log"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(log, copy)
    body = sorted((copy / "bodies").iterdir())[0]
    data = bytearray(body.read_bytes())
    place = data.index(b'"exercise-analyst"', len(data) // 2)
    data[place + 1] ^= 1
    entry = data[:place].count(b"\n")
    body.write_bytes(bytes(data))
    bad = appliance(instance, "audit", "verify", "--log", copy, "--key", key, "--json", check=False)
    require(bad.returncode == 1, f"a changed byte was not found: {bad.stdout}")
    require(str(entry) in bad.stdout, f"entry {entry} is not named: {bad.stdout}")
    shutil.rmtree(copy)
    return {"entries": good.get("size"), "tampered_entry": entry, "found": True}
