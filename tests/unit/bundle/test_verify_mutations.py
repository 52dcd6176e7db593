"""Random damage to a bundle, blind and well-informed: every mutation is refused, and nothing outside staging changes.

A few of each kind run always, ten thousand with `make slow`; the same seeds give the same mutations.
"""

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import ApplianceError
from appliance.trust import canonical
from appliance.trust.repository.hybrid import LIMIT as HYBRID_LIMIT
from appliance.trust.repository.metadata import LIMITS
from tests.unit.bundle.sample import Keys, make_bundle, stage

FEW, MANY = 130, 10_000
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


def link_folder(chance: random.Random, bundle: Path) -> None:
    """A folder that lies outside with the very files that were signed."""
    folder = chance.choice([path for path in bundle.rglob("*") if path.is_dir()])
    outside = shutil.move(folder, bundle.parent / "outside" / folder.name)
    folder.symlink_to(chance.choice([outside, Path(os.path.relpath(outside, folder.parent))]))


def traverse(chance: random.Random, bundle: Path) -> None:
    """A target whose path leads out of the bundle."""
    file = bundle / "metadata" / "targets.json"
    document = json.loads(file.read_bytes())
    targets = document["signed"]["targets"]
    path = chance.choice(list(targets))
    up = "../" * chance.randrange(1, 9)
    name = Path(path).name
    targets[chance.choice([f"{up}{name}", f"/etc/{name}", f"{path}/{up}{name}", f"./{path}", f"policies//{name}"])] = (
        targets.pop(path)
    )
    file.write_bytes(canonical.encode(document))


def over_long(chance: random.Random, bundle: Path) -> None:
    """Metadata longer than any may be, of which a reader must not take the beginning for the whole."""
    file = chance.choice(files_of(bundle / "metadata"))
    limit = LIMITS.get(file.name.split(".")[-2], HYBRID_LIMIT)
    with file.open("ab") as end:
        end.write(chance.choice([b" ", b"\0", b"\n"]) * (limit + 1 - file.stat().st_size))


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
    *(flip_bit, truncate, extend, grow_sparse, remove_or_repeat_a_part, exchange, rename, delete, link, link_folder),
    *(add, traverse, over_long, white_space, duplicate_key, change_a_value),
]


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


kinds = pytest.mark.parametrize("kind", range(len(MUTATIONS)), ids=[mutation.__name__ for mutation in MUTATIONS])


@kinds
def test_every_mutation_is_refused(original: Path, keys: Keys, tmp_path: Path, kind: int) -> None:
    refuse_all(original, keys, tmp_path, kind, FEW)


@pytest.mark.long
@kinds
def test_ten_thousand_mutations_are_refused(original: Path, keys: Keys, tmp_path: Path, kind: int) -> None:
    refuse_all(original, keys, tmp_path, kind, MANY)


def test_the_shares_add_up() -> None:
    for total in (FEW, MANY):
        assert sum(len(share(kind, total)) for kind in range(len(MUTATIONS))) == total


def share(kind: int, total: int) -> range:
    """The mutations of one kind, by their numbers."""
    return range(total * kind // len(MUTATIONS), total * (kind + 1) // len(MUTATIONS))


def refuse_all(original: Path, keys: Keys, home: Path, kind: int, total: int) -> None:
    """Prove of each mutation that it changes the bundle, is refused, and leaves all but the staging folder alone."""
    bundle, staging, outside = home / "bundle", home / "staging", home / "outside"
    whole = contents(original)
    for number in share(kind, total):
        shutil.copytree(original, bundle)
        outside.mkdir()
        MUTATIONS[kind](random.Random(number), bundle)  # noqa: S311  # repeatable, not secret
        assert contents(bundle) != whole
        before = snapshot(bundle), snapshot(outside)
        with pytest.raises(ApplianceError):
            stage(bundle, staging, keys).require()
        assert (snapshot(bundle), snapshot(outside)) == before
        assert {entry.name for entry in home.iterdir()} <= {"bundle", "staging", "outside"}
        for folder in (bundle, staging, outside):
            shutil.rmtree(folder, ignore_errors=True)


def contents(folder: Path) -> dict[str, str | bytes | int]:
    """What a reader finds: links by their aim, files by their bytes, those over 4 GiB by their length."""

    def content(path: Path) -> str | bytes | int:
        if path.is_symlink() or path.is_dir():
            return str(path.readlink()) if path.is_symlink() else "a folder"
        return path.read_bytes() if path.stat().st_size < 1 << 30 else path.stat().st_size

    return {str(path.relative_to(folder)): content(path) for path in folder.rglob("*")}


def snapshot(folder: Path) -> dict[str, tuple[int, int, int]]:
    states = {str(path.relative_to(folder)): path.lstat() for path in folder.rglob("*")}
    return {path: (state.st_mode, state.st_size, state.st_mtime_ns) for path, state in states.items()}
