"""Calling other services of the enclave through its gateway, as a job does."""

import ssl

import httpx

from appliance.service.settings import Paths


def gateway_client(gateway: str, paths: Paths, seconds: float) -> httpx.AsyncClient:
    """A client for the enclave's gateway with this service's workload certificate.

    Args:
        gateway: the gateway's base URL.
        paths: where the certificate is mounted.
        seconds: how long one answer may take.

    Raises:
        OSError: this container has no certificate for it.
    """
    context = ssl.create_default_context(cafile=paths.secrets / "ca.pem")
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(paths.secrets / "workload.pem", paths.secrets / "workload.key")
    return httpx.AsyncClient(base_url=gateway, verify=context, timeout=seconds, trust_env=False)
