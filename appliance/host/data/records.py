"""The records of a file as a service takes them: each with one marking, which the file's and the enclave's dominate."""

import re
from typing import Any

from appliance.enclave.site import Enclave
from appliance.errors import ApplianceError
from appliance.host.data.file_check import label_within
from appliance.markings import dominates, parse
from appliance.trust import canonical

_BESIDE = ("groups", "external_id", "source")
_MADE = re.compile(r"import:[0-9a-f]{64}:[0-9]+")
_ZERO = re.compile("\0")


def task(row: dict[str, Any], banner: str, enclave: Enclave, place: str, made: str) -> dict[str, Any]:
    """A record of a file as a service takes it, which checks its data.

    Args:
        row: the record.
        banner: marking of the file, for a record that has none of its own.
        enclave: that takes it.
        place: file and record, for errors.
        made: its external id where it has none, or only one that an earlier import made.

    Raises:
        ApplianceError: a marking that may not be there, or a text that no record can hold.
    """
    if (field := canonical.find_text(row, _ZERO)) is not None:
        raise ApplianceError(
            f"{place}: {field or 'a name'} holds U+0000, which no record can hold; nothing was imported",
            rule="PostgreSQL 15, 8.3: text has no U+0000",
            remedy="correct that record and import the file again",
        )
    nested = row.get("data")
    data: dict[str, Any] = dict(nested if isinstance(nested, dict) else row)
    marking = _marking(
        {"marking": row.get("marking"), "data.marking": data.pop("marking", None)}, banner, enclave, place
    )
    beside = {name: row[name] for name in _BESIDE if row.get(name)}
    if _MADE.fullmatch(str(beside.get("external_id", made))):
        beside["external_id"] = made
    return {"data": {name: value for name, value in data.items() if name not in beside}, "marking": marking} | beside


def _marking(given: dict[str, Any], banner: str, enclave: Enclave, place: str) -> str:
    """The one marking of a record.

    Raises:
        ApplianceError: it is none, above the file's or the enclave's, or there are two.
    """
    found: dict[str, str] = {}
    for field, value in given.items():
        if value is None:
            continue
        if not isinstance(value, str):
            raise _refused(f"{place}: {field} is {canonical.described(value)}, no marking")
        found[field] = label_within(value, enclave, f"{place}: {field}")
    if len(set(found.values())) > 1:
        raise _refused(f"{place}: marking is {found['marking']}, and data.marking {found['data.marking']}")
    if not found:
        return banner
    marking = next(iter(found.values()))
    vocabulary = enclave.marking.vocabulary
    if not dominates(parse(banner, vocabulary).label, parse(marking, vocabulary).label):
        raise _refused(f"{place}: {next(iter(found))} is {marking}, above the file's own {banner}")
    return marking


def _refused(message: str) -> ApplianceError:
    return ApplianceError(
        f"{message}; nothing was imported",
        rule="a record has one marking, and the marking of a file dominates those of all records in it",
        remedy="have whoever marked the file correct it",
    )
