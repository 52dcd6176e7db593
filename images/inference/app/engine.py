"""The llama.cpp engine: in this process, behind a Unix socket that only this user can open."""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any, Self

import structlog
from xllamacpp import CommonParams, Server

from appliance.errors import ApplianceError

from .settings import EngineParameters

_log = structlog.get_logger()


class Engine:
    """One loaded model.

    Args:
        path: the GGUF file.
        name: the model's name.
        parameters: what a certificate binds.
        threads: processor threads; None lets the engine choose.

    Attributes:
        sha256: digest of exactly the file that was loaded.
        socket: path of the Unix socket at which it answers.

    Raises:
        ApplianceError: the file is missing or is no model.
    """

    def __init__(self, path: Path, name: str, parameters: EngineParameters, threads: int | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="engine-")  # mode 0700
        self.socket = f"{self._folder.name}/engine.sock"
        try:
            # Digest and engine read through one open file, so that a file put in its place meanwhile is not loaded.
            self._file = path.open("rb")
        except OSError as error:
            raise ApplianceError(f"{path}: cannot be read: {error.strerror}", remedy="install the model") from error
        self.sha256 = hashlib.file_digest(self._file, "sha256").hexdigest()
        try:
            self._server = Server(
                _engine_parameters(f"/proc/self/fd/{self._file.fileno()}", name, self.socket, parameters, threads)
            )
        except RuntimeError as error:
            raise ApplianceError(f"{path}: the engine cannot load it", rule="models are GGUF files") from error
        _log.info("engine_loaded", model=name, sha256=self.sha256, size=os.fstat(self._file.fileno()).st_size)

    async def __aenter__(self) -> Self:
        """Use the engine."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop it and free the model."""
        del self._server
        self._file.close()
        self._folder.cleanup()


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
    engine.verbosity = 1  # errors alone: its other lines have no label
    if threads is not None:
        engine.cpuparams.n_threads = engine.cpuparams_batch.n_threads = threads
    return engine
