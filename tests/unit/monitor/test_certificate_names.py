"""Certificates of smart cards stand for whom two officers' table says, and for nobody else."""

from typing import Any

import pytest
from cryptography import x509
from cryptography.x509 import ObjectIdentifier, OtherName, SubjectAlternativeName
from hypothesis import assume, given
from hypothesis import strategies as st

from appliance.errors import ApplianceError
from appliance.monitor.decide.certificate_names import PRINCIPAL, look
from appliance.monitor.decide.identity import Identity, IdentityError
from appliance.monitor.decide.registry import Registry, parse_registry
from tests.unit.monitor.test_certificates import AUTHORITY, CLIENT, LEAF, NOW, made

CARD, UPN = "DOE.JOHN.Q.1234567890", "1234567890@mil"
PERSON = {"clearance": "SECRET", "nationalities": ["USA"], "roles": ["analyst"], "expires": "2030-01-01"}
PEOPLE = [PERSON | {"name": name} for name in ("anna", "doe-john", "mallory")]


def table(*entries: dict[str, Any], people: list[dict[str, Any]] | None = None) -> Registry:
    return parse_registry({"subjects": people or PEOPLE, "certificates": [*entries]})


def entry(subject: str = "doe-john", **name: str) -> dict[str, str]:
    return {"subject": subject} | (name or {"common_name": CARD})


def with_upn(*values: bytes, name: str = CARD) -> str:
    names = SubjectAlternativeName([OtherName(PRINCIPAL, value) for value in values])
    return made(name, extensions=[(LEAF, True), (CLIENT, False), (names, False)])


def utf8(text: str) -> bytes:
    data = text.encode()
    return bytes([0x0C, len(data)]) + data


def who(certificate: str, registry: Registry) -> Identity:
    return AUTHORITY.identify(certificate, NOW, registry.called)


def refused(certificate: str, registry: Registry) -> IdentityError:
    with pytest.raises(IdentityError) as refusal:
        who(certificate, registry)
    return refusal.value


@pytest.mark.parametrize(
    "name",
    [CARD, "Doe, John", "DOE JOHN Q", "Łukasiewicz Jan", "Доу Иван", "O'Neil.Anne", 'Doe "JD" John', "J+D=X;<>#"],
)
def test_a_name_in_any_form_stands_for_whom_the_table_says(name: str) -> None:
    assert who(made(name), table(entry(common_name=name))).name == "doe-john"


def test_a_user_principal_name_stands_for_whom_the_table_says() -> None:
    assert who(with_upn(utf8(UPN)), table(entry(upn=UPN))).name == "doe-john"
    assert who(with_upn(utf8(UPN)), table(entry(upn=UPN), entry())).name == "doe-john", "both say the same"


def test_a_card_without_an_entry_is_refused_with_the_entry_that_would_be_needed() -> None:
    said = refused(made(CARD), table(entry(common_name="DOE.JANE.1111111111")))
    assert said.rule == "identity.name"
    assert CARD in said.message
    assert "certificates in subjects.yml" in said.message


def test_a_removed_entry_ends_the_card_though_the_certificate_was_read_before() -> None:
    card = made(CARD)
    assert who(card, table(entry())).name == "doe-john"
    assert refused(card, table()).rule == "identity.name"


TRICKS = [
    "doe.john.q.1234567890",
    "DOE.JOHN.Q.1234567890 ",
    " DOE.JOHN.Q.1234567890",
    "DOE.JOHN.Q.1234567890\x00",
    "DOE.JOHN.Q.1234567890\x00.evil",
    "DOE.JOHN.Q.123456789O",
    "D\u041eE.JOHN.Q.1234567890",  # Cyrillic O
    "DOE.JOHN.Q.1234567890\u200b",  # zero width space
    "DOE.JOHN.Q.\uff11234567890",  # full-width 1
    "DOE.JOHN.Q.1234567890,OU=DoD",
    "DOE\\.JOHN.Q.1234567890",
    "CN=DOE.JOHN.Q.1234567890",
    "DOE.JOHN.Q.12345678901",
]


@pytest.mark.parametrize("name", TRICKS)
def test_what_only_looks_like_a_card_of_the_table_stands_for_nobody(name: str) -> None:
    assert refused(made(name), table(entry())).rule == "identity.name"


def test_a_second_common_name_is_refused_though_one_of_them_is_in_the_table() -> None:
    assert refused(made(CARD, "MALLORY.1"), table(entry())).rule == "identity.name"


@pytest.mark.parametrize(
    "certificate",
    [
        with_upn(utf8("2222222222@mil")),
        with_upn(utf8(UPN), utf8("2222222222@mil"), name="UNKNOWN CARD"),
        with_upn(utf8("2222222222@mil"), name="anna"),
        with_upn(utf8("2222222222@mil"), name="service:labeling"),
    ],
    ids=["common name and UPN", "two UPNs", "own name and UPN", "workload and UPN"],
)
def test_names_that_mean_several_are_refused(certificate: str) -> None:
    registry = table(entry(), entry(upn=UPN), entry("mallory", upn="2222222222@mil"))
    assert refused(certificate, registry).rule == "identity.ambiguous"


@pytest.mark.parametrize(
    "value",
    [b"\x16\x02ab", b"\x04\x02ab", b"\x05\x00", b"\x0c\x02\xff\xfe", b"\x0c\x81\x82" + b"1" * 130],
    ids=["IA5String", "octets", "NULL", "not UTF-8", "130 bytes"],
)
def test_a_principal_name_that_is_no_utf8_string_is_refused(value: bytes) -> None:
    assert refused(with_upn(value), table(entry())).rule == "identity.unreadable"


def test_another_kind_of_other_name_is_left_alone() -> None:
    fasc_n = OtherName(ObjectIdentifier("2.16.840.1.101.3.6.6"), b"\x04\x02ab")
    card = made(CARD, extensions=[(LEAF, True), (CLIENT, False), (x509.SubjectAlternativeName([fasc_n]), False)])
    assert who(card, table(entry())).name == "doe-john"


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ([entry("nobody")], "nobody is registered"),
        ([entry(), entry()], "stands there twice"),
        ([entry(), entry("mallory")], "stands there twice"),
        ([entry(), entry("mallory", common_name="doe.john.q.1234567890")], "looks like"),
        ([entry(), entry("mallory", common_name="DOE.JOHN.Q.\uff11234567890")], "looks like"),
        ([entry(common_name="COX"), entry("mallory", common_name="\u0421\u041e\u0425")], "looks like"),
        ([entry(common_name="Doe J"), entry("mallory", common_name="DOE J")], "looks like"),
        ([entry(upn=UPN), entry("mallory", upn="1234567890@MIL")], "looks like"),
        ([entry(), entry("mallory", upn=UPN)], "a person is one subject"),
        ([entry(), entry("mallory", common_name="DOE.JANE.1234567890")], "a person is one subject"),
        ([entry("mallory", common_name="anna")], "already stands for"),
        ([entry("anna", common_name="anna")], "already stands for"),
        ([entry("mallory", common_name="later")], "already stands for"),
        ([entry("mallory", common_name="service:labeling")], "already stands for"),
        ([entry("mallory", common_name="Service:Labeling")], "looks like the name of another"),
        ([entry("mallory", common_name="ANNA")], "looks like the name of another"),
        ([entry("mallory", common_name="\u0410nn\u0410")], "several alphabets"),
        ([entry("mallory", common_name="Doe\\, John")], "without escapes"),
        ([entry("mallory", common_name="CN=DOE")], "without CN="),
        ([entry("mallory", common_name="cn = DOE")], "without CN="),
        ([entry("mallory", common_name="DOE\x00")], "not seen"),
        ([entry("mallory", common_name="DOE\u200bJ")], "not seen"),
        ([entry("mallory", common_name="DOE\u202eJ")], "not seen"),
        ([entry("mallory", common_name="Dole\u0301")], "normalization form C"),
        ([entry("mallory", common_name=" DOE")], "a space"),
        ([entry("mallory", common_name="DOE  JOHN")], "a space"),
        ([entry("mallory", common_name="DOE\u00a0JOHN")], "a space"),
        ([entry("mallory", common_name="")], "common_name"),
        ([entry("mallory", common_name="D" * 200)], "common_name"),
        ([entry("mallory", upn="no-at-sign")], "upn"),
        ([{"subject": "mallory"}], "a common_name or a upn"),
        ([entry("mallory", upn="1@mil", common_name="X")], "a common_name or a upn"),
        ([entry("mallory", serial="12")], "serial"),
    ],
)
def test_a_table_that_could_mislead_is_refused_before_anybody_signs_it(entries: list[dict[str, Any]], why: str) -> None:
    with pytest.raises(ApplianceError, match=why):
        table(*entries)


def test_a_person_with_two_cards_is_one_subject_and_may_have_two_entries() -> None:
    registry = table(entry(), entry(common_name="DOE-SMITH.JOHN.Q.1234567890"), entry(upn=UPN))
    assert who(made("DOE-SMITH.JOHN.Q.1234567890"), registry).name == "doe-john"


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=40))
def test_no_other_text_than_the_one_in_the_table_means_its_subject(name: str) -> None:
    registry = table(entry(upn=UPN))
    assume(name != UPN)
    assert refused(with_upn(utf8(name), name="SOMEBODY"), registry).rule == "identity.name"


@given(st.text(max_size=30))
def test_what_a_name_looks_like_does_not_depend_on_case(name: str) -> None:
    assert look(look(name)) == look(name)
