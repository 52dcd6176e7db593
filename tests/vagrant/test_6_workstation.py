"""A user's own machine: the OpenAI client and a browser, each with the user's certificate, and neither without one."""

import json
import shlex
from collections.abc import Iterator

import pytest

from demo.users import MARKINGS, origin
from tests.vagrant import users
from tests.vagrant.machine import Machine, lent
from tests.vagrant.media import SITE

pytestmark = pytest.mark.timeout(5400)
HOME = "/home/vagrant"
CLIENT = """
import json, ssl, sys
import openai

base, model, certificate = sys.argv[1:]
context = ssl.create_default_context(cafile="ca.pem")
if certificate:
    context.load_cert_chain(f"{certificate}.pem", f"{certificate}.key")
carrier = openai.DefaultHttpxClient(verify=context, timeout=600)
if certificate:
    assert carrier.post(f"{base}/session").status_code == 201
client = openai.OpenAI(base_url=f"{base}/inference/v1", api_key="unused", http_client=carrier, max_retries=0)
try:
    messages = [{"role": "user", "content": "Hello"}]
    answer = client.chat.completions.create(model=model, messages=messages, max_tokens=1)
    print(json.dumps({"marking": answer.classification["marking"], "tokens": answer.usage.completion_tokens}))
except openai.APIStatusError as refusal:
    print(json.dumps({"refused": refusal.status_code}))
"""
# Chromium shows a certificate only where a policy names it for a site, and keeps it in the user's own database.
BROWSER = """
mkdir -p .pki/nssdb
[ -e .pki/nssdb/cert9.db ] || certutil -N -d sql:.pki/nssdb --empty-password
certutil -A -d sql:.pki/nssdb -n authority -t C,, -i ca.pem
pk12util -i annotator.p12 -d sql:.pki/nssdb -K '' -w annotator.p12.passphrase
"""


@pytest.fixture(scope="module")
def workstation(request: pytest.FixtureRequest, site: Machine) -> Iterator[Machine]:
    """`workstation`, with what the user was handed on a disc."""
    with lent("workstation", keep=request.config.getoption("--keep")) as machine:
        machine.run("mkdir -p /media/user; mountpoint -q /media/user || mount -o ro /dev/sr0 /media/user")
        machine.run(f"install -o vagrant -m 600 /media/user/annotator.* /media/user/ca.pem {HOME}")
        machine.run(f"python3 -m venv {HOME}/client")
        machine.run(f"{HOME}/client/bin/pip install -q --no-index --find-links /media/user/wheels openai")
        users.certify(site, users.evaluate_once())
        users.ask_once()
        yield machine


def as_user(machine: Machine, command: str) -> str:
    """What ``command`` prints when the user gives it at home."""
    return machine.run(f"su - vagrant -c {shlex.quote(command)}")


@pytest.mark.parametrize(
    ("enclave", "subject", "expected"),
    [
        ("unclassified", "annotator", {"marking": MARKINGS["unclassified"], "tokens": 1}),
        ("unclassified", "", {"refused": 404}),
    ],
    ids=["with a certificate", "without one"],
)
def test_stock_openai_client(workstation: Machine, enclave: str, subject: str, expected: dict[str, object]) -> None:
    command = ["client/bin/python", "-c", CLIENT, origin(SITE, enclave), SITE.model, subject]
    assert json.loads(as_user(workstation, shlex.join(command))) == expected


def test_browser_with_the_users_certificate(workstation: Machine) -> None:
    pattern = {"pattern": origin(SITE, "unclassified"), "filter": {}}
    policy = json.dumps({"AutoSelectCertificateForUrls": [json.dumps(pattern)]})
    folder = "/etc/chromium/policies/managed"
    workstation.run(f"mkdir -p {folder}; echo {shlex.quote(policy)} >{folder}/site.json")
    as_user(workstation, BROWSER)
    page = as_user(
        workstation,
        "chromium --headless --no-sandbox --disable-gpu --disable-background-networking --virtual-time-budget=60000 "
        f"--dump-dom {origin(SITE, 'unclassified')}/labeling/",
    )
    assert page.count(MARKINGS["unclassified"]) >= 2, page[-2000:]
