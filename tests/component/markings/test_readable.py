"""In a real PostgreSQL, the readable set is exactly ``can_read``."""

import random
from collections.abc import Iterator

import psycopg
import pytest

from appliance.markings import LEVELS, Clearance, Label, can_read
from tests.component.markings.postgresql import labelled_database

NEED = ("SI", "SI-G", "TK", "SAR-ALPHA", "SAR-DELTA ECHO", "RD", "SP-CTI")
NATIONS = ("USA", "GBR", "CAN", "DEU", "FRA")


@pytest.fixture(scope="module")
def database() -> Iterator[psycopg.Connection]:
    with labelled_database() as connection:
        yield connection


def subset(source: random.Random, tokens: tuple[str, ...]) -> frozenset[str]:
    return frozenset(token for token in tokens if source.random() < 0.5)


def test_sql_and_python_agree_on_a_million_pairs(database: psycopg.Connection) -> None:
    source = random.Random(4774)  # noqa: S311 - a repeatable sample
    labels = set[Label]()
    while len(labels) < 1000:
        rel = None if source.random() < 0.3 else subset(source, NATIONS)
        labels.add(Label(source.choice(LEVELS), subset(source, NEED), rel))
    subjects = [
        Clearance(source.choice(LEVELS), subset(source, NEED) | subset(source, NEED), subset(source, NATIONS[:3]))
        for _ in range(1000)
    ]
    with database.transaction(), database.cursor() as cursor:
        cursor.executemany("SELECT appliance.label_id(%s)", [(label.encode(),) for label in labels])
        cursor.execute("CREATE TEMPORARY TABLE subjects (number int, level text, need text[], nationalities text[])")
        with cursor.copy("COPY subjects FROM STDIN") as copy:
            for number, subject in enumerate(subjects):
                copy.write_row((number, subject.level, [*subject.need], [*subject.nationalities]))
        rows = cursor.execute(
            "SELECT number, array(SELECT encoding FROM appliance.labels WHERE id = ANY(readable)) FROM ("
            " SELECT number, appliance.readable_labels(level, need, nationalities) AS readable FROM subjects) AS s"
        ).fetchall()
    encodings = {label: label.encode() for label in labels}
    pairs = 0
    for number, readable in rows:
        assert {encodings[label] for label in labels if can_read(subjects[number], label)} == {*readable} & {
            *encodings.values()
        }
        pairs += len(labels)
    assert pairs == 1_000_000


def test_a_label_is_interned_once(database: psycopg.Connection) -> None:
    first, again, other = (
        database.execute("SELECT appliance.label_id(%s)", [encoding]).fetchone()
        for encoding in ("S;SI,TK;USA", "S;SI,TK;USA", "S;SI,TK;*")
    )
    assert first == again != other
    row = database.execute("SELECT level, need, rel FROM appliance.labels WHERE encoding = 'S;SI,TK;USA'").fetchone()
    assert row == (3, ["SI", "TK"], ["USA"])


@pytest.mark.parametrize("encoding", ["", "S", "X;;*", "S;;usa", "S;;USA;", "S;,;*", "S;;*\n", "S;;**"])
def test_what_is_no_label_is_not_interned(database: psycopg.Connection, encoding: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        database.execute("SELECT appliance.label_id(%s)", [encoding])


def test_an_unknown_level_is_an_error_and_never_the_lowest(database: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        database.execute("SELECT appliance.readable_labels('SECRET', '{}', '{USA}')")


def test_without_nationality_only_what_has_no_limit_is_readable(database: psycopg.Connection) -> None:
    database.execute("SELECT appliance.label_id('U;;*'), appliance.label_id('U;;USA')")
    row = database.execute(
        "SELECT array_agg(encoding ORDER BY encoding) FROM appliance.labels"
        " WHERE id = ANY(appliance.readable_labels('U', '{}', '{}'))"
    ).fetchone()
    assert row is not None
    assert "U;;*" in row[0]
    assert all(encoding.endswith("*") for encoding in row[0])
