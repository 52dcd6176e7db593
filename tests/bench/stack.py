"""Figures of a running site: generation through a gateway against the engine itself, and resident memory."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import httpx2
import openai

from appliance.enclave.paths import HostPaths
from appliance.host.enforce.podman import Podman
from demo import use
from demo.instance import DEMO, TEST, Instance, StageError
from demo.stages import bring_up, status, tear_down
from demo.users import MODEL, model_client, user
from tests.bench.measure import Measurement, alternate, at_least, at_most

ENCLAVE, SUBJECT = "secret", "analyst"
ROUNDS = 10
TOKENS = 128
QUESTION = "Write a long story about a lighthouse, a storm and a ship that comes too close."


def measurements() -> list[Measurement]:
    """Throughput first, so that memory is that of a site at work."""
    with running_site() as instance:
        return [throughput(instance), resident_memory(instance)]


def throughput(instance: Instance) -> Measurement:
    """Tokens a second through the gateway, as part of what the engine gives when asked directly."""
    with (
        user(instance, SUBJECT, ENCLAVE, session=True) as client,
        model_client(instance, SUBJECT, ENCLAVE) as through,
        engine_client(instance) as direct,
    ):
        _require_certified(client)
        ask = _rate(through), _rate(direct, cache_prompt=False)
        alternate(*ask, 1)
        rates = alternate(*ask, ROUNDS)
    value = statistics.median(way / engine for way, engine in rates)
    way, engine = (statistics.median(pair[number] for pair in rates) for number in (0, 1))
    reference = f"the same engine asked directly: {way:.1f} against {engine:.1f} tokens/s, {ROUNDS} answers each"
    return at_least("inference.throughput", value, "ratio", 0.95, reference)


def resident_memory(instance: Instance) -> Measurement:
    """Resident memory of monitor and containers together."""
    facts = status(instance)
    reference = f"proportional set size of the monitor and of those running of {facts['containers']} containers"
    return at_most("stack.rss", facts["bytes"] / 2**30, "GiB", 4, reference)


@contextmanager
def running_site() -> Iterator[Instance]:
    """The test site or the demonstration's where one runs; otherwise the test site, until this is done.

    Raises:
        RuntimeError: a site is there but is not whole, or none could be made.
    """
    present = [one for one in (TEST, DEMO) if Path(f"/run/netns/{one.namespace}").exists()]
    if present:
        yield _first_whole(present)
        return
    report = bring_up(TEST)
    try:
        if not report.passed:
            raise RuntimeError(f"the site did not come up: {report.stages[-1].error}")
        use.evaluate(TEST, ENCLAVE)
        use.certify(TEST, ENCLAVE)
        yield TEST
    finally:
        tear_down(TEST)


def _first_whole(present: list[Instance]) -> Instance:
    problems = []
    for instance in present:
        try:
            status(instance)
        except StageError as problem:
            problems.append(f"{instance.name}: {problem}")
        else:
            return instance
    raise RuntimeError(f"no site runs whole ({'; '.join(problems)}): let its start end, or remove it")


def _require_certified(client: httpx.Client) -> None:
    model = client.get("/inference/v1/models").json()["data"][0]
    if model["appliance"]["state"] != "certified":
        raise RuntimeError(f"the model of {ENCLAVE} answers nobody yet ({model['appliance']['reason']}): certify it")


@contextmanager
def engine_client(instance: Instance) -> Iterator[openai.OpenAI]:
    """The stock client on the engine's own socket inside the inference container, past gateway, monitor and service.

    Only root of the host can: the socket's folder belongs to the container's user alone.
    """
    containers = Podman(HostPaths(instance.root, instance.run)).containers(every=False)
    process = next(c["Pid"] for c in containers if f"{ENCLAVE}-inference" in c["Names"])
    socket = next(Path(f"/proc/{process}/root/tmp").glob("engine-*/engine.sock"))
    carrier = openai.DefaultHttpxClient(transport=httpx2.HTTPTransport(uds=str(socket)), timeout=120)
    with openai.OpenAI(base_url="http://engine/v1", api_key="unused", http_client=carrier, max_retries=0) as client:
        yield client


def _rate(client: openai.OpenAI, **extra: Any) -> Callable[[], float]:
    """What asks for one streamed answer and returns its tokens a second, from the request to the last token."""
    messages: Any = [{"role": "user", "content": QUESTION}]

    def ask() -> float:
        began = time.perf_counter()
        tokens = 0
        for chunk in client.chat.completions.create(
            model=MODEL,
            messages=messages,
            max_tokens=TOKENS,
            temperature=0,
            seed=1,
            stream=True,
            stream_options={"include_usage": True},
            extra_body=extra,
        ):
            tokens = chunk.usage.completion_tokens if chunk.usage else tokens
        seconds = time.perf_counter() - began
        if tokens != TOKENS:
            raise RuntimeError(f"an answer has {tokens} tokens instead of {TOKENS}: both ways must do the same work")
        return tokens / seconds

    return ask
