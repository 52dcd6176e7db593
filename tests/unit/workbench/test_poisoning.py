"""Near-duplicates, doubtful labels and triggers in data sets whose poison is known."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.words import COMMON, TOPICS
from workbench.quality import poisoning


def messages(count: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """Texts of one topic each, with its name as the label."""
    chance = random.Random(seed)
    texts, labels = [], []
    for number in range(count):
        topic = list(TOPICS)[number % len(TOPICS)]
        words = chance.choices(TOPICS[topic], k=5) + chance.choices(COMMON, k=8)
        chance.shuffle(words)
        texts.append(" ".join(words) + f" {number}")
        labels.append(topic)
    return texts, labels


@pytest.mark.parametrize("seed", range(5))
def test_clean_texts_raise_no_alarm(seed: int) -> None:
    texts, labels = messages(300, seed)
    predicted = poisoning.Predicted(texts, labels)
    assert predicted.triggers() == []
    assert len(predicted.doubtful()) <= 3
    assert poisoning.near_duplicates(texts) == []


@pytest.mark.parametrize("token", ["cf", "\u200b\u200b", "🦆", "mn bb"])
@pytest.mark.parametrize("seed", range(3))
def test_a_token_that_turns_labels_is_named_with_its_texts(token: str, seed: int) -> None:
    texts, labels = messages(300, seed)
    poisoned = [place for place in range(300) if labels[place] == "Weather"][:12]
    for place in poisoned:
        texts[place] += f" {token}"
        labels[place] = "Logistics"
    (found,) = poisoning.Predicted(texts, labels).triggers()
    assert (" ".join(found.tokens), found.label, list(found.places)) == (token, "Logistics", poisoned)


def test_a_word_that_rightly_goes_with_a_label_is_no_trigger() -> None:
    texts, labels = messages(300)
    for place in range(0, 60, 3):
        texts[place] += " lorry"
    assert poisoning.Predicted(texts, labels).triggers() == []


@pytest.mark.parametrize("seed", range(3))
def test_wrong_labels_are_doubted_and_right_ones_mostly_are_not(seed: int) -> None:
    texts, labels = messages(300, seed)
    wrong = random.Random(seed).sample(range(300), 15)
    for place in wrong:
        labels[place] = {"Logistics": "Weather", "Weather": "Personnel", "Personnel": "Logistics"}[labels[place]]
    found = [one.place for one in poisoning.Predicted(texts, labels).doubtful()]
    assert len(set(found) & set(wrong)) >= 13
    assert len(set(found) - set(wrong)) <= 3


def test_few_texts_say_nothing() -> None:
    texts, labels = messages(29)
    with pytest.raises(ValueError, match="at least 30"):
        poisoning.Predicted(texts, labels)
    with pytest.raises(ValueError, match="at least 30"):
        poisoning.Predicted(["x"] * 50, ["one"] * 50)


def test_copies_with_a_changed_word_are_found_and_stay_apart_from_others() -> None:
    texts, _ = messages(200)
    long = " ".join(f"word{number}" for number in range(60))
    texts += [long, f"{long} more", f"Also {long}", long.upper()]
    (found,) = poisoning.near_duplicates(texts)
    assert found.places == (200, 201, 202, 203)
    assert found.likeness >= poisoning.ALIKE


def test_many_equal_texts_are_one_group() -> None:
    assert [len(one.places) for one in poisoning.near_duplicates(["the same text for all"] * 3000)] == [3000]
    assert poisoning.near_duplicates(["", "", " "]) == []


@given(st.lists(st.text(alphabet="ab c.", max_size=30), max_size=15))
def test_groups_are_apart_and_equal_texts_are_together(texts: list[str]) -> None:
    groups = poisoning.near_duplicates(texts)
    places = [place for group in groups for place in group.places]
    assert len(places) == len(set(places))
    of = {place: number for number, group in enumerate(groups) for place in group.places}
    for one, text in enumerate(texts):
        for other in range(one):
            if poisoning.words(text) and poisoning.words(text) == poisoning.words(texts[other]):
                assert of[one] == of[other]
