"""Random damage to a bundle, blind and well-informed: every mutation is refused, and nothing outside staging changes.

``MUTATIONS=10000`` runs as many as the trust issue asks for; the default keeps the unit tests short.
"""

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.bundle.verify import stage_bundle
from appliance.errors import ApplianceError
from appliance.trust import canonical
from tests.unit.bundle.sample import NOW, Keys, make_bundle, make_keys

COUNT = int(os.environ.get("MUTATIONS", "130"))
Mutation = Callable[[random.Random, Path], None]


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def pick(chance: random.Random, bundle: Path) -> Path:
    """Any listed file; metadata as often as targets."""
    return chance.choice(files_of(bundle / chance.choice(["metadata", "targets"])))


def flip_bit(chance: random.Random, bundle: Path) -> None:
    file = pick(chance, bundle)
    data = bytearray(file.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    file.write_bytes(data)


def truncate(chance: random.Random, bundle: Path) -> None:
    file = pick(chance, bundle)
    os.truncate(file, chance.randrange(file.stat().st_size))


def extend(chance: random.Random, bundle: Path) -> None:
    with pick(chance, bundle).open("ab") as file:
        file.write(chance.choice([b"\0", b"\n", b" ", b"{}", chance.randbytes(70_000)]))


def grow_sparse(chance: random.Random, bundle: Path) -> None:
    os.truncate(pick(chance, bundle), (4 << 30) + chance.randrange(1, 1 << 20))


def remove_or_repeat_a_part(chance: random.Random, bundle: Path) -> None:
    file = pick(chance, bundle)
    data = file.read_bytes()
    start = chance.randrange(len(data))
    end = min(len(data), start + chance.randrange(1, 64))
    file.write_bytes(data[:start] + data[end:] if chance.random() < 0.5 else data[:end] + data[start:])


def exchange(chance: random.Random, bundle: Path) -> None:
    folder = chance.choice(["metadata", "targets"])
    one, other = chance.sample(files_of(bundle / folder), 2)
    while one.read_bytes() == other.read_bytes():
        one, other = chance.sample(files_of(bundle / folder), 2)
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def rename(chance: random.Random, bundle: Path) -> None:
    file = pick(chance, bundle)
    file.rename(file.with_name(chance.choice(["x", file.name.upper() + "_", file.name + " ", "." + file.name])))


def delete(chance: random.Random, bundle: Path) -> None:
    pick(chance, bundle).unlink()


def link(chance: random.Random, bundle: Path) -> None:
    file = pick(chance, bundle)
    twin = chance.choice([p for p in files_of(bundle) if p != file])
    file.unlink()
    file.symlink_to(chance.choice([twin, Path("/etc/passwd"), Path("..")]))


def add(chance: random.Random, bundle: Path) -> None:
    folder = chance.choice([path for path in (bundle, *bundle.rglob("*")) if path.is_dir()])
    (folder / chance.choice(["added", "..hidden", "2.root.json", "é"])).write_bytes(b"")


def white_space(chance: random.Random, bundle: Path) -> None:
    file = chance.choice(files_of(bundle / "metadata"))
    text = file.read_text()
    position = chance.choice([index for index, character in enumerate(text) if character in "{}[],:"]) + 1
    file.write_text(text[:position] + chance.choice([" ", "\n", "\t", "\r"]) + text[position:])


def duplicate_key(chance: random.Random, bundle: Path) -> None:
    file = chance.choice(files_of(bundle / "metadata"))
    text = file.read_text()
    position = chance.choice([index for index, character in enumerate(text[:-1]) if character == "{"]) + 1
    if text[position] == '"':
        key = text[position : text.index('"', position + 1) + 1]
        text = f"{text[:position]}{key}:{chance.choice(['null', '1', '{}', '[]'])},{text[position:]}"
    else:
        text = f"{text[:position]} {text[position:]}"
    file.write_text(text)


def change_a_value(chance: random.Random, bundle: Path) -> None:
    """An informed attacker: another value or field, in perfect canonical form."""
    file = chance.choice(files_of(bundle / "metadata"))
    document = json.loads(file.read_bytes())
    holders: list[Any] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict | list) and value:
            holders.append(value)
            for child in value.values() if isinstance(value, dict) else value:
                walk(child)

    walk(document)
    holder = chance.choice(holders)
    where = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    others: list[Any] = [None, 0, -1, 2**53 - 1, "", "x", [], {}, True, [{}], {"a": {}}, "2099-01-01T00:00:00Z"]
    holder[where] = chance.choice([value for value in others if value != holder[where]])
    if isinstance(holder, dict) and chance.random() < 0.3:
        holder["extra"] = 1
    file.write_bytes(canonical.encode(document))


MUTATIONS: list[Mutation] = [
    *(flip_bit, truncate, extend, grow_sparse, remove_or_repeat_a_part, exchange, rename, delete, link, add),
    *(white_space, duplicate_key, change_a_value),
]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return make_keys(tmp_path_factory.mktemp("keys") / "keys")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> Path:
    folder = tmp_path_factory.mktemp("original")
    make_bundle(folder, keys, model_size=5_000)
    return folder


@pytest.fixture(scope="module", autouse=True)
def _quick_sync() -> Iterator[None]:
    """The disk's own speed is not what is tested here."""
    real, os.sync = os.sync, lambda: None
    yield
    os.sync = real


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: str(mutation.__name__))
def test_every_mutation_is_refused(original: Path, keys: Keys, tmp_path: Path, mutation: Mutation) -> None:
    bundle, staging = tmp_path / "bundle", tmp_path / "staging"
    for number in range(max(1, COUNT // len(MUTATIONS))):
        shutil.copytree(original, bundle)
        mutation(random.Random(f"{mutation.__name__} {number}"), bundle)  # noqa: S311  # repeatable, not secret
        before = snapshot(bundle)
        with pytest.raises(ApplianceError):
            stage_bundle(bundle, staging, keys.fingerprint, now=NOW)[1].require()
        assert snapshot(bundle) == before
        assert {entry.name for entry in tmp_path.iterdir()} <= {"bundle", "staging"}
        shutil.rmtree(bundle)
        shutil.rmtree(staging, ignore_errors=True)


def snapshot(folder: Path) -> dict[str, tuple[int, int, int]]:
    states = {str(path.relative_to(folder)): path.lstat() for path in folder.rglob("*")}
    return {path: (state.st_mode, state.st_size, state.st_mtime_ns) for path, state in states.items()}
