"""The llama.cpp engine: in this process, behind a Unix socket that only this user can open."""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any, BinaryIO, Self

import structlog
import xllamacpp
from xllamacpp import CommonAdapterLoraInfo, CommonParams, Server

from appliance.errors import ApplianceError
from appliance.markings import Label, Restriction, joined

from .adapters import read as read_adapter
from .settings import EngineParameters

_log = structlog.get_logger()
ALL_LAYERS = 999
"""Layers on the device: all that a model has."""


class Engine:
    """One loaded model.

    Args:
        folder: where models are.
        name: the model's name; its file is ``<name>.gguf``.
        parameters: what a certificate binds.
        threads: processor threads; None lets the engine choose.
        label: of the enclave, above which no adapter is.

    Attributes:
        sha256: digest of exactly the file that was loaded.
        restriction: of the adapter, which every answer has too; without one, what nobody is kept from.
        parameters: what a certificate binds, the device that computes among them.
        socket: path of the Unix socket at which it answers.

    Raises:
        ApplianceError: a file is missing, is no model, or is another adapter; or there is no device.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        parameters: EngineParameters,
        threads: int | None = None,
        label: Label | None = None,
    ) -> None:
        path = folder / f"{name}.gguf"
        self.parameters = parameters.model_copy(update={"device": _device(accelerated=parameters.accelerated)})
        self._folder = tempfile.TemporaryDirectory(prefix="engine-")  # mode 0700
        self.socket = f"{self._folder.name}/engine.sock"
        self._file, self.sha256 = _opened(path)
        self.restriction: Restriction = joined()
        engine = _engine_parameters(_reached(self._file), name, self.socket, parameters, threads)
        if parameters.adapter:
            file = folder / f"{parameters.adapter.name}.gguf"
            self._adapter, found = _opened(file)
            if found != parameters.adapter.sha256:
                raise ApplianceError(
                    f"{file}: sha256 {found}, the settings name {parameters.adapter.sha256}",
                    rule="a certificate binds the adapter and its scale",
                    remedy="install the adapter that was evaluated",
                )
            self.restriction = read_adapter(self._adapter, self._file, self.sha256, file.name, label)
            engine.lora_adapters = [CommonAdapterLoraInfo(_reached(self._adapter), parameters.adapter.scale)]
        try:
            self._server = Server(engine)
        except RuntimeError as error:
            raise ApplianceError(f"{path}: the engine cannot load it", rule="models are GGUF files") from error
        _log.info("engine_loaded", model=name, sha256=self.sha256, size=os.fstat(self._file.fileno()).st_size)

    @property
    def identity(self) -> str:
        """Digests of what answers: the model's, and with an adapter its own."""
        adapter = self.parameters.adapter
        return f"sha256:{self.sha256}" + (f"; adapter=sha256:{adapter.sha256}" if adapter else "")

    async def __aenter__(self) -> Self:
        """Use the engine."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop it and free the model."""
        del self._server
        self._file.close()
        self._folder.cleanup()


def _opened(path: Path) -> tuple[BinaryIO, str]:
    """The file and its digest.

    Digest and engine read through one open file, so that a file put in its place meanwhile is not loaded.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise ApplianceError(f"{path}: cannot be read: {error.strerror}", remedy="install the model") from error
    return file, hashlib.file_digest(file, "sha256").hexdigest()


def _reached(file: BinaryIO) -> str:
    return f"/proc/self/fd/{file.fileno()}"


def _device(*, accelerated: bool) -> str:
    """What the engine computes with: the first accelerator's name, or what the processor's kernels use.

    Other instructions round otherwise, so they are part of what was evaluated.
    """
    if not accelerated:
        return " ".join(part.strip() for part in str(xllamacpp.get_system_info()).split("|") if part.strip())
    found = [one["description"] for one in xllamacpp.get_device_info() if one["type"].name.endswith("_GPU")]
    if not found:
        raise ApplianceError(
            "the engine sees no accelerator",
            rule="the variant computes on a device that the site gives to this enclave",
            remedy="look at enclaves.engine.devices in site.yml, and at the driver of the host",
        )
    return str(found[0])


def _engine_parameters(model: str, name: str, socket: str, parameters: EngineParameters, threads: int | None) -> Any:
    """llama.cpp's parameters, with everything off that keeps or shows one conversation to another.

    llama.cpp #27148: the prompt cache in memory restored an unrelated conversation into a new request.
    """
    engine = CommonParams()
    engine.model.path = model
    engine.model_alias = {name}
    engine.hostnames = [socket]
    engine.n_parallel = parameters.slots
    engine.n_ctx = parameters.slots * parameters.context
    engine.n_predict = parameters.maximum_tokens
    engine.cache_prompt = False
    engine.cache_ram_mib = 0
    engine.cache_idle_slots = False
    engine.endpoint_slots = False
    engine.endpoint_metrics = False
    engine.endpoint_props = False
    engine.ui = False
    engine.cors_origins = ""
    if parameters.samplers:
        engine.sampling.samplers = ";".join(parameters.samplers)
    if parameters.accelerated:
        engine.sampling.backend_sampling = True
        engine.n_gpu_layers = ALL_LAYERS
    engine.verbosity = 1  # errors alone: its other lines have no label
    if threads is not None:
        engine.cpuparams.n_threads = engine.cpuparams_batch.n_threads = threads
    return engine
