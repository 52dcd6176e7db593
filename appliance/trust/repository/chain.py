"""The chain of roots: how people and keys change without a new line on paper.

Each root after the first is signed, as TUF asks, by enough people of the one before and of itself; and enough people
of the one before sign its exact bytes with both algorithms (``<n>.root.hybrid.dsse.json``), so that breaking ECDSA
alone never lets strangers in.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tuf.api.metadata import Root  # type: ignore[attr-defined]

from appliance.trust.files import read_limited
from appliance.trust.repository import hybrid
from appliance.trust.repository.metadata import LIMITS, MetadataError, check_signatures, parse, role_keys
from appliance.trust.repository.root import registered

_ROOT_FILE = re.compile(r"^([1-9][0-9]{0,5})\.root\.json$")


@dataclass(frozen=True)
class RootChain:
    """Root files by name: ``<n>.root.json`` from 1 without a gap, each after the first with its approval."""

    files: dict[str, bytes]

    @classmethod
    def pick(cls, files: Mapping[str, bytes]) -> Self:
        """The chain among other files."""
        names = chain_names(files)
        return cls({name: files[name] for name in names if name in files})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the chain in a folder of ``appliance keys``.

        Raises:
            ApplianceError: a gap, or a file that cannot be read.
        """
        names = chain_names([entry.name for entry in folder.iterdir()])
        return cls({name: read_limited(folder / name, LIMITS["root"]) for name in names})

    def __len__(self) -> int:
        return sum(1 for name in self.files if _ROOT_FILE.match(name))

    @property
    def roots(self) -> list[bytes]:
        """The root files, the first first."""
        return [self.files[f"{number}.root.json"] for number in range(1, len(self) + 1)]

    def current(self) -> Root:
        """The last root, parsed; call :meth:`verify` before trusting it."""
        root: Root = parse(self.roots[-1], "root", f"{len(self)}.root.json").signed
        return root

    def verify(self) -> Root:
        """Verify every link and return the last root. The first is taken as trusted: compare its fingerprint before.

        Raises:
            ApplianceError: a link is missing, is not approved by the people before it, or registers no usable people.
        """
        before: Root | None = None
        for number, data in enumerate(self.roots, start=1):
            name = f"{number}.root.json"
            metadata = parse(data, "root", name)
            root: Root = metadata.signed
            registered(root)
            keys = role_keys(root, "root") | (role_keys(before, "root") if before else {})
            check_signatures(metadata, keys, name)
            if before:
                approval = approval_name(number)
                enrolled = registered(before)
                hybrid.verify(
                    self.files[approval], {name: data}, enrolled.people, before.roles["root"].threshold, approval
                )
            before = root
        assert before is not None  # noqa: S101  # chain_names refuses an empty chain
        return before


def approval_name(number: int) -> str:
    """The file in which people approve root ``number`` with both algorithms."""
    return f"{number}.root.hybrid.dsse.json"


def chain_names(names: Mapping[str, bytes] | Sequence[str]) -> list[str]:
    """The names of the root files among ``names``, with those of their approvals.

    Raises:
        MetadataError: they are not a chain from 1.
    """
    numbers = sorted(int(match[1]) for name in names if (match := _ROOT_FILE.match(name)))
    if numbers != list(range(1, len(numbers) + 1)) or not numbers:
        raise MetadataError(
            f"metadata: the root files {numbers} are not a chain from 1",
            rule="TUF specification 5.3, update the root",
            remedy="carry the folder again with 1.root.json and every successor",
        )
    return [f"{number}.root.json" for number in numbers] + [approval_name(number) for number in numbers[1:]]
