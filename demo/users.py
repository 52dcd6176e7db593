"""Users at their gateways: nothing but HTTPS with a client certificate."""

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import openai

from demo.instance import Instance, StageError, require

HOSTNAMES = {
    "unclassified": "unclassified.site.test",
    "secret": "secret.site.test",
    "system-high": "console.site.test",
}
ADDRESSES = {"unclassified": 11, "secret": 12, "system-high": 13}
MARKINGS = {"unclassified": "UNCLASSIFIED", "secret": "SECRET//REL TO USA, GBR", "system-high": "SECRET//NOFORN"}
MODEL = "smollm2-135m-instruct.q4_1"


def origin(instance: Instance, enclave: str) -> str:
    """Base URL of an enclave's gateway."""
    return f"https://{instance.address(ADDRESSES[enclave])}"


def tls(instance: Instance, subject: str | None) -> ssl.SSLContext:
    """A TLS context that trusts the site's authority and shows the certificate of ``subject``."""
    context = ssl.create_default_context(cafile=str(instance.subjects / "ca.pem"))
    if subject:
        context.load_cert_chain(instance.subjects / f"{subject}.pem", instance.subjects / f"{subject}.key")
    return context


@contextmanager
def user(instance: Instance, subject: str | None, enclave: str, *, session: bool = False) -> Iterator[httpx.Client]:
    """A user at the gateway of ``enclave``; with ``session`` they work at its level and end that afterwards."""
    with httpx.Client(base_url=origin(instance, enclave), verify=tls(instance, subject), timeout=120) as client:
        if session:
            opened = client.post("/session")
            if opened.status_code == 409:  # one that was left open at another level
                client.delete("/session")
                opened = client.post("/session")
            require(opened.status_code == 201, f"{subject} got no session at {enclave}: {opened.text}")
        try:
            yield client
        finally:
            if session:
                client.delete("/session")


def model_client(instance: Instance, subject: str, enclave: str) -> openai.OpenAI:
    """The stock OpenAI client with the certificate of ``subject``; nothing in it is ours."""
    carrier = openai.DefaultHttpxClient(verify=tls(instance, subject), timeout=120)
    base = f"{origin(instance, enclave)}/inference/v1"
    return openai.OpenAI(base_url=base, api_key="unused", http_client=carrier, max_retries=0)


def ask_model(client: openai.OpenAI, prompt: str, **options: Any) -> str:
    """One answer of the enclave's model."""
    messages: Any = [{"role": "user", "content": prompt}]
    answer = client.chat.completions.create(model=MODEL, messages=messages, **options)
    return answer.choices[0].message.content or ""


def wait_until(check: Any, seconds: float, what: str) -> Any:
    """Poll ``check`` until it returns something true.

    Raises:
        StageError: it did not within ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := check():
            return result
        time.sleep(1)
    raise StageError(f"{what} did not happen within {seconds:.0f} s")
