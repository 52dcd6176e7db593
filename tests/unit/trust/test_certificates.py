"""Certificates hold in a real TLS handshake, and only for the purpose and the authority they were made for."""

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12
from typer.testing import CliRunner

from appliance.cli.main import app
from appliance.trust.certificates import CertificateAuthority, Issued, issue_client, issue_server, make_authority
from appliance.trust.keys import generate

NOW = datetime.now(UTC)
SITE = make_authority(generate("site-authority", demo=True))
FOREIGN = make_authority(generate("site-authority", demo=True))
SERVER = issue_server(SITE, "low.site.test", enclave="low", addresses=("127.0.0.1",))


def handshake(folder: Path, client: Issued, *, server: Issued = SERVER, hostname: str = "low.site.test") -> str:
    """Common name that a TLS 1.3 server sees of ``client``; raises ssl.SSLError when either side refuses."""
    (folder / "ca.pem").write_bytes(SITE.pem)
    server.write(folder, "server")
    client.write(folder, "client")
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.minimum_version = ssl.TLSVersion.TLSv1_3
    serving.verify_mode = ssl.CERT_REQUIRED
    serving.load_verify_locations(folder / "ca.pem")
    serving.load_cert_chain(folder / "server.pem", folder / "server.key")
    asking = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    asking.load_cert_chain(folder / "client.pem", folder / "client.key")
    left, right = socket.socketpair()
    seen: list[str] = []

    def serve() -> None:
        try:
            with serving.wrap_socket(left, server_side=True) as connection:
                der = connection.getpeercert(binary_form=True)
                assert der is not None
                seen.append(x509.load_der_x509_certificate(der).subject.rfc4514_string())
                connection.sendall(b"ok")
        except (ssl.SSLError, OSError):
            left.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with asking.wrap_socket(right, server_hostname=hostname) as connection:
            if connection.recv(2) != b"ok":
                raise ssl.SSLError("the server closed the connection")
    finally:
        right.close()
        thread.join()
    return seen[0]


def test_a_subject_is_seen_by_name_and_demo_mark(tmp_path: Path) -> None:
    assert handshake(tmp_path, issue_client(SITE, "analyst")) == "CN=analyst,OU=DEMO"


def test_a_workload_is_seen_with_its_enclave(tmp_path: Path) -> None:
    client = issue_client(SITE, "service:evaluation", organisation="low")
    assert handshake(tmp_path, client) == "CN=service:evaluation,OU=DEMO,O=low"


@pytest.mark.parametrize("hostname", ["gateway.internal", "127.0.0.1"])
def test_a_gateway_answers_to_its_names(tmp_path: Path, hostname: str) -> None:
    assert handshake(tmp_path, issue_client(SITE, "analyst"), hostname=hostname)


@pytest.mark.parametrize(
    "client",
    [
        pytest.param(issue_client(FOREIGN, "analyst"), id="foreign"),
        pytest.param(
            issue_client(SITE, "analyst", not_before=NOW - timedelta(days=9), not_after=NOW - timedelta(days=1)),
            id="expired",
        ),
        pytest.param(
            issue_client(SITE, "analyst", not_before=NOW + timedelta(days=1), not_after=NOW + timedelta(days=2)),
            id="not yet valid",
        ),
        pytest.param(issue_server(SITE, "analyst", enclave="low"), id="a server's certificate"),
    ],
)
def test_other_certificates_are_refused(tmp_path: Path, client: Issued) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(tmp_path, client)


def test_a_client_certificate_cannot_pose_as_a_gateway(tmp_path: Path) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(tmp_path, issue_client(SITE, "analyst"), server=issue_client(SITE, "low.site.test"))


def test_serial_numbers_are_random() -> None:
    serials = {issue_client(SITE, "analyst").certificate.serial_number for _ in range(20)}
    assert len(serials) == 20
    assert min(serials) > 2**100


def save(authority: CertificateAuthority, folder: Path) -> None:
    folder.mkdir()
    authority.key.write(folder / "ca.key", b"a passphrase of many words", role="issues certificates")
    (folder / "ca.pem").write_bytes(authority.pem)


def test_user_issue_writes_what_programs_and_browsers_read(tmp_path: Path) -> None:
    save(SITE, tmp_path / "ca")
    secret = tmp_path / "secret"
    secret.write_text("a passphrase of many words\n")
    out = tmp_path / "analyst"
    arguments = ["user", "issue", "analyst", "--ca", tmp_path / "ca", "--out", out, "--passphrase-file", secret]
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    assert "DEMO" in result.output
    phrase = (out / "analyst.p12.passphrase").read_bytes().strip()
    key, certificate, others = pkcs12.load_key_and_certificates((out / "analyst.p12").read_bytes(), phrase)
    assert key is not None
    assert certificate == x509.load_pem_x509_certificate((out / "analyst.pem").read_bytes())
    assert [other.subject for other in others] == [SITE.certificate.subject]


@pytest.mark.parametrize("name", ["service:labeling", "../analyst", "Analyst", "", "a\nb"])
def test_a_name_that_no_subject_can_have(tmp_path: Path, name: str) -> None:
    save(SITE, tmp_path / "ca")
    result = CliRunner().invoke(
        app, ["user", "issue", name, "--ca", str(tmp_path / "ca"), "--out", str(tmp_path / "o")]
    )
    assert "is not a subject's name" in str(result.exception)
    assert not (tmp_path / "o").exists()
