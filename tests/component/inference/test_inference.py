"""The inference service with the real model: the interface, the marking, the certificate gate, and no leak."""

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from openai import OpenAI

from appliance.contract import digest
from appliance.contract.evaluation import Results
from appliance.errors import ApplianceError
from appliance.service.certificate import REVOKED, certify, digest_of
from appliance.trust import canonical
from appliance.trust.keys import generate
from images.inference.app.main import service as inference
from tests.component.inference.support import CHAT, QUESTION, Service
from tests.forgery import second_form
from tests.unit.service.support import MARKING, headers_for, make_paths, settings_for

pytestmark = pytest.mark.slow


def test_a_candidate_answers_its_evaluation_alone(service: Service) -> None:
    assert service.standing()["state"] == "candidate"
    refused = service.ask()
    assert refused.status_code == 409
    assert refused.json()["error"]["message"] == "model smollm2 is a candidate: no certificate"
    assert service.ask(subject="service:evaluation").status_code == 409
    job: dict[str, Any] = {"subject": "service:evaluation", "job": "7", "model": "smollm2", "purpose": "evaluation"}
    assert service.ask(**job).status_code == 200
    assert service.ask(**job | {"subject": "analyst"}).status_code == 409
    assert service.ask(**job | {"purpose": "labeling"}).status_code == 409
    assert service.ask(**job | {"model": "another"}).status_code == 404


def page(service: Service, **context: Any) -> str:
    shown = service.client.get("/inference/", headers=headers_for("GET", "/inference/", **context))
    assert shown.headers["x-classification"] == MARKING
    assert shown.status_code == 200
    return shown.text


def test_the_page_says_what_the_model_is_certified_for(service: Service) -> None:
    assert "answers nobody yet: no certificate" in page(service)
    assert "<textarea" not in page(service)
    service.certify()
    shown = page(service)
    assert "by DEMO-certifier" in shown
    assert "T0-sandbox</strong>, on 12 items" in shown
    assert "EXERCISE" in shown
    assert "nothing was proven of how well this model answers" in shown or "<caption>Each measure" in shown
    assert f"sha256:{service.digest}" in shown
    assert '<label for="question">' in shown


def test_a_certificate_opens_the_model_and_its_removal_closes_it(service: Service) -> None:
    service.certify()
    assert service.standing()["state"] == "certified"
    assert service.standing()["certificate"]["signers"] == ["DEMO-certifier"]
    assert service.ask().status_code == 200
    service.certificate.unlink()
    assert service.ask().status_code == 409


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"model": {"name": "smollm2", "sha256": "f" * 64}}, "other bytes"),
        ({"label": "U;;*"}, "certifies enclave label"),
        ({"engine_image": "sha256:" + "f" * 64}, "certifies engine image"),
    ],
)
def test_a_certificate_for_something_else_is_refused_with_the_reason(
    service: Service, changes: dict[str, Any], reason: str
) -> None:
    evaluated = service.evaluated().model_dump(mode="json") | changes
    service.certify(Results.model_validate(evaluated))
    assert service.ask().status_code == 409
    assert reason in service.standing()["reason"]


def test_a_strangers_certificate_and_one_that_is_no_certificate_are_refused(service: Service) -> None:
    service.certificate.write_bytes(certify(service.evaluated(), generate("stranger"), 30))
    assert "no known person" in service.standing()["reason"]
    service.certificate.write_bytes(b"{}")
    assert service.ask().status_code == 409


def test_a_model_of_a_low_tier_is_refused_where_its_use_is_analysis(service: Service) -> None:
    service.certify()
    gate = service.client.app.state.gate  # type: ignore[attr-defined]
    gate._use = "analysis"
    try:
        assert (
            "T0-sandbox is for testing, exercise; this enclave uses its model for analysis"
            in service.standing()["reason"]
        )
        assert service.ask().status_code == 409
    finally:
        gate._use = "exercise"


def test_a_revoked_certificate_no_longer_counts(service: Service) -> None:
    service.certify()
    gate = service.client.app.state.gate  # type: ignore[attr-defined]
    gate._revoked = frozenset({digest_of(service.certificate.read_bytes())})
    try:
        assert "revoked" in service.standing()["reason"]
        assert service.ask().status_code == 409
    finally:
        gate._revoked = frozenset()


def test_what_officers_revoked_counts_no_more_however_it_is_signed(service: Service) -> None:
    service.certify()
    revoked = service.certificate.with_name(REVOKED)
    revoked.write_text(json.dumps([digest_of(service.certificate.read_bytes())]))
    try:
        assert service.ask().status_code == 409
        envelope = json.loads(service.certificate.read_bytes())
        other = canonical.encode(envelope | {"signatures": second_form(envelope["signatures"])})
        assert other != service.certificate.read_bytes()
        service.certificate.write_bytes(other)
        assert "revoked" in service.standing()["reason"], "the second form of the signature is the same certificate"
        revoked.write_text("not JSON")
        assert service.ask().status_code == 409, "who cannot know what was revoked lets nothing through"
    finally:
        revoked.unlink()
    assert service.ask().status_code == 200


def test_a_running_answer_ends_marked_within_a_second_of_the_revocation(service: Service) -> None:
    service.certify()
    revoked, when = service.certificate.with_name(REVOKED), [0.0]
    digest = digest_of(service.certificate.read_bytes())

    def revoke() -> None:
        while not service.monitor.records:
            time.sleep(0.01)
        time.sleep(0.3)
        when[0] = time.monotonic()
        revoked.with_suffix(".new").write_text(json.dumps([digest]))
        revoked.with_suffix(".new").replace(revoked)

    service.monitor.records.clear()
    thread = threading.Thread(target=revoke)
    thread.start()
    try:
        long = {"prompt": "1 2 3 4 5 6 7 8", "max_tokens": 1900, "stream": True, "temperature": 0}
        answer = service.ask("/inference/v1/completions", long)
        took = time.monotonic() - when[0]
    finally:
        thread.join()
        revoked.unlink()
    events = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line]
    last = json.loads(events[-1])
    assert last["error"]["type"] == "certificate_withdrawn", answer.text[-500:]
    assert "revoked" in last["error"]["message"]
    assert all(json.loads(event)["classification"]["marking"] == MARKING for event in events)
    assert took < 5, "a second on a machine that does nothing else"


def test_an_answer_is_marked_in_header_and_body(service: Service) -> None:
    service.certify()
    for url, body in ((CHAT, None), ("/inference/v1/completions", {"prompt": "Once upon", "max_tokens": 4})):
        answer = service.ask(url, body)
        assert answer.headers["X-Classification"] == MARKING
        assert answer.json()["classification"] == {"marking": MARKING, "derivative_source": False}
        assert answer.json()["usage"]["completion_tokens"] > 0


def test_a_stream_carries_the_marking_in_every_chunk(service: Service) -> None:
    service.certify()
    answer = service.ask(body={"messages": [QUESTION], "max_tokens": 8, "stream": True})
    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line]
    assert lines[-1] == "[DONE]"
    chunks = [json.loads(line) for line in lines[:-1]]
    assert len(chunks) > 2
    assert all(chunk["classification"]["marking"] == MARKING for chunk in chunks)
    assert "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks if chunk["choices"])


def test_the_stock_openai_client_streams(service: Service) -> None:
    service.certify()
    headers = headers_for("POST", CHAT)
    client = OpenAI(
        base_url="http://testserver/inference/v1", api_key="none", http_client=service.client, default_headers=headers
    )
    stream = client.chat.completions.create(
        model="smollm2", messages=[{"role": "user", "content": "Say hello."}], max_tokens=8, stream=True
    )
    text, markings = "", set()
    for chunk in stream:
        text += chunk.choices[0].delta.content or "" if chunk.choices else ""
        markings.add(chunk.model_extra["classification"]["marking"] if chunk.model_extra else "")
    assert text
    assert markings == {MARKING}


def official(service: Service, url: str) -> OpenAI:
    """The official client, for one request to ``url``."""
    return OpenAI(
        base_url="http://testserver/inference/v1",
        api_key="none",
        http_client=service.client,
        default_headers=headers_for("POST", url),
    )


def test_the_official_client_sends_an_answer_back_and_asks_for_two(service: Service) -> None:
    service.certify()
    first = official(service, CHAT).chat.completions.create(
        model="smollm2", messages=[{"role": "user", "content": "Say hello."}], max_tokens=4, n=2, tools=[], store=False
    )
    assert [choice.index for choice in first.choices] == [0, 1]
    assert first.usage is None, "the engine counts the first alone"
    said: Any = first.choices[0].message.model_dump()
    again = official(service, CHAT).chat.completions.create(
        model="smollm2",
        messages=[{"role": "user", "content": "Say hello."}, said, {"role": "user", "content": "Once more."}],
        max_completion_tokens=4,
        metadata=None,
        service_tier="auto",
    )
    assert again.usage
    assert again.usage.completion_tokens <= 4
    assert again.choices[0].message.content


def test_the_official_client_completes_several_prompts_with_log_probabilities(service: Service) -> None:
    service.certify()
    url = "/inference/v1/completions"
    done = official(service, url).completions.create(
        model="smollm2", prompt=["Once upon", "Far away"], max_tokens=3, logprobs=2, temperature=0
    )
    for choice in done.choices:
        assert choice.logprobs
        assert choice.logprobs.tokens
        assert choice.logprobs.token_logprobs
        assert choice.logprobs.text_offset
        assert "".join(choice.logprobs.tokens) == choice.text
        assert choice.logprobs.text_offset[1] == len(choice.logprobs.tokens[0])
        assert all(value <= 0 for value in choice.logprobs.token_logprobs if value is not None)
    assert len(done.choices) == 2
    streamed = service.ask(url, {"prompt": ["Once upon", "Far away"], "max_tokens": 3, "stream": True}).text
    assert "null\n\n" not in streamed.replace("null,", "").replace("null}", "")


def test_the_official_client_asks_for_a_response(service: Service) -> None:
    service.certify()
    url = "/inference/v1/responses"
    first = official(service, url).responses.create(
        model="smollm2", instructions="Be brief.", input="Name one colour.", max_output_tokens=6, store=False
    )
    assert first.output_text
    assert first.model_extra
    assert first.model_extra["classification"]["marking"] == MARKING
    asked: Any = [{"role": "user", "content": "Name one colour."}, *[item.model_dump() for item in first.output]]
    asked.append({"role": "user", "content": "Another."})
    client = official(service, url)
    with client.responses.create(model="smollm2", input=asked, max_output_tokens=4, stream=True) as stream:
        events = list(stream)
    assert events[-1].type == "response.completed"
    assert {event.model_extra["classification"]["marking"] for event in events if event.model_extra} == {MARKING}
    assert all(event.model_extra for event in events)
    assert service.monitor.records[-1]["inputs"][1] == digest.text("Another.")


def test_one_model_is_found_by_its_name(service: Service) -> None:
    for name, status in (("smollm2", 200), ("other", 404)):
        url = f"/inference/v1/models/{name}"
        answer = service.client.get(url, headers=headers_for("GET", url))
        assert answer.status_code == status


def test_each_answer_is_recorded_by_digest_before_it_leaves_and_never_without(service: Service) -> None:
    service.certify()
    service.monitor.records.clear()
    service.ask(on_behalf_of=None)
    (record,) = service.monitor.records
    assert (record["activity"], record["subject"]) == ("model_inference_activity", "analyst")
    *given, model_file = record["inputs"]
    assert model_file == f"sha256:{service.digest}"
    assert len(given) == 2
    assert all(one.startswith("keyed:sha256:") for one in given)
    assert given[1] == digest.text(QUESTION["content"])
    assert "rainbow" not in json.dumps(record)
    service.monitor.refuse = True
    for stream in (False, True):
        refused = service.ask(body={"messages": [QUESTION], "max_tokens": 8, "stream": stream})
        assert refused.status_code == 503
        assert "choices" not in refused.text


def test_who_asks_may_read_all_that_goes_into_the_answer(service: Service) -> None:
    service.certify()
    service.monitor.records.clear()
    body = {"messages": [QUESTION], "max_tokens": 2, "need_to_know": ["heron", "falcon"]}
    for groups in ((), ("falcon",)):
        refused = service.ask(body=body, groups=groups)
        assert refused.status_code == 409
        assert "no member" in refused.json()["error"]["message"]
    assert service.monitor.records == []
    member: dict[str, Any] = {"groups": ("falcon", "heron", "kite")}
    restriction = "S;;GBR,USA|falcon,heron|"
    for stream in (False, True):
        answer = service.ask(body=body | {"stream": stream}, **member)
        assert answer.status_code == 200
        assert answer.headers["X-Restriction"] == restriction
        assert service.monitor.records[-1]["restriction"] == restriction
    assert service.ask(**member).headers["X-Restriction"] == "S;;GBR,USA||"
    job: dict[str, Any] = {"subject": "service:evaluation", "job": "7", "model": "smollm2", "purpose": "evaluation"}
    assert service.ask(**job | {"groups": ("falcon",)}).headers["X-Restriction"] == "S;;GBR,USA|falcon|"


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"messages": []}, 422, "body.messages"),
        ({"messages": [QUESTION], "cache_prompt": True}, 422, "body.cache_prompt"),
        ({"messages": [QUESTION], "id_slot": 0}, 422, "body.id_slot"),
        ({"messages": [QUESTION], "n": 0}, 422, "body.n"),
        ({"messages": [QUESTION], "n": 3}, 400, "'n'"),
        ({"messages": [QUESTION], "tools": [{"type": "function"}]}, 422, "tools: the models here call no tools"),
        ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, 422, "tool_calls"),
        ({"messages": [{"role": "user", "content": "word " * 3000}]}, 400, "context size"),
        ({"messages": [QUESTION], "model": "other"}, 404, "Not Found"),
    ],
)
def test_a_bad_request_gets_one_clear_error(service: Service, body: dict[str, Any], status: int, word: str) -> None:
    service.certify()
    answer = service.ask(body=body)
    assert answer.status_code == status
    assert word in answer.json()["error"]["message"]


def test_one_conversation_leaves_nothing_for_the_next(service: Service) -> None:
    """llama.cpp #27148: the canary of one conversation must not change, or appear in, another's answer."""
    service.certify()
    question = {"messages": [{"role": "user", "content": "What is the code word?"}], "max_tokens": 24, "temperature": 0}
    before = service.ask(body=question).json()
    for number in range(6):
        canary = f"The code word is ZANZIBAR-{number}. Remember the code word ZANZIBAR-{number}. " * 8
        service.ask(body={"messages": [{"role": "user", "content": canary}], "max_tokens": 4})
    after = service.ask(body=question).json()
    assert after["choices"][0]["message"]["content"] == before["choices"][0]["message"]["content"]
    assert "ZANZIBAR" not in after["choices"][0]["message"]["content"].upper()
    assert after["usage"]["prompt_tokens_details"]["cached_tokens"] == 0


def test_a_missing_model_and_a_file_that_is_none_stop_the_service(tmp_path: Path) -> None:
    paths = make_paths(tmp_path)
    own = {
        "model": "absent",
        "engine_image": "sha256:0",
        "policy": "",
        "site": "demo",
        "certifiers": [],
    }
    app = inference.build(settings_for("inference", settings=own), paths)
    with pytest.raises(ApplianceError, match=r"absent\.gguf"), TestClient(app):
        pass
    (paths.models / "absent.gguf").write_bytes(b"not a model")
    with pytest.raises(ApplianceError, match="cannot load it"), TestClient(app):
        pass
    wrong = inference.build(settings_for("inference", settings=own | {"model": "../x"}), paths)
    with pytest.raises(ApplianceError, match=r"settings\.model"), TestClient(wrong):
        pass
