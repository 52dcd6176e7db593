"""The life of a site, in its order: each step on the running site, through the gateways, as its people do it."""

import json

import pytest

from demo import browser, corpus, use
from demo.instance import Instance, prove_cut
from demo.stages import status
from demo.tour import tour
from demo.tour_steps import STEPS


def test_the_host_has_no_way_out(site: Instance) -> None:
    assert len(prove_cut(site)) == 2


def test_every_container_runs_and_carries_its_label(site: Instance) -> None:
    facts = status(site)
    assert facts["containers"] >= 12
    assert facts["bytes"] < 4 << 30


def test_a_candidate_answers_nobody_but_its_evaluation(site: Instance) -> None:
    assert set(use.refuse_candidate(site)) == {"unclassified", "secret"}


def test_the_candidate_reaches_the_lowest_tier_in_its_evaluation(site: Instance) -> None:
    facts = use.evaluate(site, "unclassified")
    assert (facts["tier"], facts["reached"], facts["items"]) == ("T0-sandbox", True, 12)
    assert 0 <= facts["measures"]["smoke.correct"]["value"] <= 1


def test_a_person_certifies_and_only_then_the_model_serves(site: Instance) -> None:
    assert use.certify(site, "unclassified")["accepted"]["signers"] == ["certifier-1"]


def test_the_secret_model_is_evaluated_and_certified_for_itself(site: Instance) -> None:
    use.evaluate(site, "secret")
    use.certify(site, "secret")


def test_the_log_opens_in_inspects_own_viewer(site: Instance) -> None:
    facts = use.evaluate(site, "unclassified", suite="markbench", limit=15)
    browser.open_viewer(site, facts["job"])


def test_a_higher_tier_is_refused_with_its_reasons_within_two_minutes(site: Instance) -> None:
    facts = use.refuse_tier(site)
    assert facts["seconds"] < 240, "two minutes on an idle machine"
    assert len(facts["reasons"]) > 1


def test_two_annotators_give_forty_preferences_one_of_them_in_the_page(site: Instance) -> None:
    assert use.label(site)["preferences_by_api"] == 39
    browser.label_in_page(site)
    assert use.export(site)["preferences"] == 40


def test_the_stock_openai_client_gets_a_streamed_marked_answer(site: Instance) -> None:
    assert use.ask(site)["marking"] == "SECRET//REL TO USA, GBR"


def test_denials_look_like_absence_and_reading_down_is_reading_only(site: Instance) -> None:
    assert use.deny(site) == {"read_down": 200, "write_down": 404, "prompt_down": 404}


def test_the_log_verifies_and_a_changed_byte_is_named(site: Instance) -> None:
    facts = use.audit(site)
    assert facts["found"]
    assert facts["entries"] > 200


def test_the_officer_lists_and_filters_decisions_in_a_browser(site: Instance) -> None:
    facts = browser.officer_page(site)
    assert facts["rows"] > 10
    assert facts["denied"] > 0


def test_marked_reports_are_asked_at_two_levels(site: Instance) -> None:
    told = corpus.read_and_ask(site)
    assert told["unclassified"]["quotations"] > 0
    assert told["secret"]["quotations"] > told["unclassified"]["quotations"]
    assert {one["state"] for one in told.values()} == {"answered"}


def test_the_tour_shows_every_step_and_leaves_the_site_as_it_was(
    site: Instance, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert tour(site, wait=False, as_json=True) == 0
        seen = json.loads(capsys.readouterr().out)
        assert [one["step"] for one in seen] == [step.heading for step in STEPS]
    assert use.ask(site)["marking"] == "SECRET//REL TO USA, GBR"
