"""The engine of the locked source distribution, built for one accelerator and started as a process of its own."""

import contextlib
import hashlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

ARCHITECTURE = "90-real"
"""Hopper, and no other: every further one takes as long again."""
KEPT = (
    "fattn-mma-f16-instance-ncols1_*-ncols2_[14].cu",
    "fattn-tile-instance-dkq128-dv128.cu",
    "fattn-tile-instance-dkq64-dv64.cu",
    "fattn-vec-instance-f16-f16.cu",
    "mmq-instance-q8_0.cu",
)
"""Kernels that a Llama in Q8_0 with four heads to one of keys needs; the others are left out of this build."""
HEADS = "64|128"
"""Widths of a head of attention that this build knows."""
PRINTED = ("tools/server/server-context.cpp", "5 * 1000 * 1000", "100 * 1000")
"""The engine can print where its time goes, every five seconds; here ten times a second."""
OPTIONS = (
    "CMAKE_BUILD_TYPE=Release",
    "GGML_NATIVE=ON",
    "GGML_CCACHE=OFF",
    "GGML_LLAMAFILE=OFF",
    "LLAMA_BUILD_TESTS=OFF",
    "LLAMA_BUILD_EXAMPLES=OFF",
    "LLAMA_BUILD_APP=OFF",
    "LLAMA_USE_PREBUILT_UI=OFF",
    "LLAMA_BUILD_UI=OFF",
    "LLAMA_OPENSSL=OFF",
    "LLAMA_TOOLS_INSTALL=OFF",
    "CMAKE_CXX_FLAGS=-DDEBUG_TIMINGS",
)
PROGRAMS = ("llama-server", "llama-batched-bench")
LOOSE = "-Wl,-z,lazy -Wl,--unresolved-symbols=ignore-all"
"""What was left out is missed when it is called, and not before."""


def unpack(sdist: Path, lock: Path, folder: Path) -> Path:
    """Unpack the source distribution that ``lock`` names; return the folder of the engine.

    Raises:
        RuntimeError: its digest is not in the lock.
    """
    digest = hashlib.sha256(sdist.read_bytes()).hexdigest()
    if f"--hash=sha256:{digest}" not in lock.read_text():
        raise RuntimeError(f"{sdist}: sha256 {digest} is not in {lock}; fetch the version that is")
    folder.mkdir(parents=True)
    subprocess.run(["tar", "-xzf", str(sdist.resolve()), "-C", str(folder)], check=True)
    (source,) = folder.glob("*/thirdparty/llama.cpp")
    return source


def cut(source: Path) -> None:
    """Leave out the kernels that this check does not use, and have the engine print its times more often."""
    folder = source / "ggml/src/ggml-cuda"
    kernels = folder / "template-instances"
    kept = {file for pattern in KEPT for file in kernels.glob(pattern)}
    for file in set(kernels.glob("*.cu")) - kept:
        if not file.name.startswith("fattn-vec"):  # the build itself chooses among these
            file.unlink()
    for file in kernels.glob("fattn-mma*.cu"):
        file.write_text(re.sub(rf"DECL_FATTN_MMA_F16_CASE\((?!({HEADS}),).*\n", "", file.read_text()))
    choice = folder / "fattn.cu"
    before, start, rest = choice.read_text().partition("static void ggml_cuda_flash_attn_ext_mma_f16(")
    body, end, after = rest.partition("        default:")
    cases = re.sub(rf"(?ms)^        case (?!({HEADS}):).*?(?=^        case |\Z)", "", body)
    choice.write_text(before + start + cases + end + after)
    name, found, wanted = PRINTED
    (source / name).write_text((source / name).read_text().replace(found, wanted))


def patched(source: Path, patch: Path) -> None:
    """Apply ``patch`` to the engine's sources."""
    way = ["git", "apply", "-p1"] if shutil.which("git") else ["patch", "-p1", "-i"]
    subprocess.run([*way, str(patch.resolve())], cwd=source, check=True)


def configure(source: Path, build: Path, log: IO[str], *, accelerated: bool) -> None:
    """Configure the build, for the accelerator or for this machine's processor."""
    options = list(OPTIONS)
    if accelerated:
        toolkit = _toolkit(build)
        link = f"-Wl,-rpath,{toolkit}/lib -Wl,-rpath-link,{toolkit}/lib {LOOSE}"
        options += [
            "GGML_CUDA=ON",
            f"CMAKE_CUDA_ARCHITECTURES={ARCHITECTURE}",
            "GGML_CUDA_NO_VMM=ON",
            "GGML_CUDA_NCCL=OFF",
            "GGML_CUDA_COMPRESSION_MODE=none",
            "GGML_CUDA_FA_QUANTS=f16-f16",
            f"CUDA_cublas_LIBRARY={toolkit}/lib/libcublas.so.13",
            f"CUDA_cublasLt_LIBRARY={toolkit}/lib/libcublasLt.so.13",
            f"CMAKE_CUDA_FLAGS=-I{toolkit}/include",
            f"CMAKE_CXX_FLAGS=-DDEBUG_TIMINGS -I{toolkit}/include",
            f"CMAKE_SHARED_LINKER_FLAGS={link}",
            f"CMAKE_EXE_LINKER_FLAGS={link}",
        ]
    command = ["cmake", "-S", str(source), "-B", str(build), "-G", "Ninja", *(f"-D{option}" for option in options)]
    subprocess.run(command, stdout=log, stderr=log, check=True)


def _toolkit(build: Path) -> Path:
    """A folder with ``lib`` and ``include`` of cuBLAS, which may lie apart from the compiler, in a Python package."""
    folders = [Path(base) / part for base in sys.path for part in ("nvidia/cu13", "nvidia/cublas")]
    folders += [Path("/usr/local/cuda"), *sorted(Path("/usr/local").glob("cuda-1*"))]
    libraries = [found for folder in folders for found in folder.glob("lib*/libcublas.so.13")]
    headers = [found for folder in folders for found in folder.glob("include/cublas_v2.h")]
    if not libraries or not headers:
        raise RuntimeError(f"no libcublas.so.13 or no cublas_v2.h below {', '.join(map(str, folders))}")
    toolkit = build.parent / "toolkit"
    toolkit.mkdir(parents=True, exist_ok=True)
    for name, place in (("lib", libraries[0].parent), ("include", headers[0].parent)):
        with contextlib.suppress(FileExistsError):
            (toolkit / name).symlink_to(place)
    return toolkit


def kernels_of_the_wheel(source: Path, build: Path, log: IO[str]) -> Path:
    """Build the processor's kernels once more, with the instructions that the published wheel uses; their folder."""
    options = [*(option for option in OPTIONS if option != "GGML_NATIVE=ON"), "GGML_NATIVE=OFF"]
    command = ["cmake", "-S", str(source), "-B", str(build), "-G", "Ninja", *(f"-D{option}" for option in options)]
    subprocess.run(command, stdout=log, stderr=log, check=True)
    subprocess.run(["ninja", "-C", str(build), "ggml-cpu"], stdout=log, stderr=log, check=True)
    return build / "bin"


def build(folder: Path, log: IO[str]) -> None:
    """Build server and benchmark."""
    subprocess.run(["ninja", "-C", str(folder), *PROGRAMS], stdout=log, stderr=log, check=True)


Times = dict[str, float]
"""Milliseconds by part of a step, added up since the start, and ``steps``. Sampling is counted by the token."""


def between(began: Times | None, ended: Times | None) -> dict[str, float] | None:
    """Milliseconds of each part in an average step of those between two moments."""
    if ended is None:
        return None
    before = began or dict.fromkeys(ended, 0.0)
    steps = ended["steps"] - before["steps"]
    return (
        {name: round((ended[name] - before[name]) / steps, 3) for name in ended if name != "steps"} if steps else None
    )


class Server:
    """One running engine.

    Args:
        process: of it.
        socket: at which it answers.
        log: what it prints.
    """

    def __init__(self, process: subprocess.Popen[bytes], socket: Path, log: Path) -> None:
        self.process = process
        self.socket = socket
        self._log = log

    def processor(self) -> float:
        """Seconds of processor time that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def times(self) -> Times | None:
        """Where its time went since its start, by what it printed last."""
        time.sleep(0.15)
        text = self._log.read_text(errors="replace")
        steps = re.findall(r"n_pre_decode += (\d+)", text)
        if not steps:
            return None
        parts = {"before": "t_pre_decode", "decode": "t_decode", "after": "t_post_decode"}
        averages = {part: re.findall(rf"avg {name} += ([\d.]+)", text)[-1] for part, name in parts.items()}
        return {"steps": int(steps[-1])} | {part: float(value) * int(steps[-1]) for part, value in averages.items()}


@contextlib.contextmanager
def running(programs: Path, model: Path, folder: Path, name: str, slots: int, *options: str) -> Iterator[Server]:
    """Start an engine with ``slots`` slots of 320 tokens, and stop it."""
    where, log = folder / f"{name}.sock", folder / f"{name}.log"
    where.unlink(missing_ok=True)
    command = [
        str(programs / "llama-server"), "-m", str(model), "--host", str(where), "-np", str(slots),
        "-c", str(slots * 320), "-b", "2048", "-ub", "512", "-ngl", "99", "-fa", "on", "--no-cache-prompt",
        "--cache-ram", "0", "--no-cache-idle-slots", "--no-slots", "--no-ui", "--offline", *options,
    ]  # fmt: skip
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        deadline = time.monotonic() + 120
        while not _healthy(where):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{name} did not start: {log.read_text(errors='replace')[-1500:]}")
            time.sleep(0.2)
        yield Server(process, where, log)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def _healthy(where: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        try:
            connection.connect(str(where))
            connection.sendall(b"GET /health HTTP/1.0\r\nHost: engine\r\n\r\n")
            return b" 200 " in connection.recv(64)
        except OSError:
            return False
