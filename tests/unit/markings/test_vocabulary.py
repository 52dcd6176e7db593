"""The vocabulary is data that a site replaces; what does not fit together is refused by name."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.markings import parse
from appliance.markings.reading import rules, schema
from appliance.markings.vocabulary import load

FOLDER = Path(__file__).parents[3] / "policies" / "markings"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "markings"))


def change(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / f"{name}.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_site_adds_its_own_control(site: Path) -> None:
    change(site, "vocabulary", '[[controls]]\ntoken = "NNPI"', '[[controls]]\ntoken = "LOCAL"\naxis = "other"\n'
           'effect = "need"\nbanner = "LOCAL USE"\n\n[[controls]]\ntoken = "NNPI"')  # fmt: skip
    marking = parse("SECRET//LOCAL USE", load(site))
    assert marking.portion == "S//LOCAL"
    assert marking.label.encode() == "S;LOCAL;USA"


def test_a_group_means_the_members_that_the_site_gives_it(site: Path) -> None:
    change(site, "countries", '"AUS", "CAN", "GBR", "NZL", "USA"', '"CAN", "USA"')
    assert parse("SECRET//REL TO USA, FVEY", load(site)).label.rel == frozenset({"CAN", "USA"})


@pytest.mark.parametrize(
    ("name", "old", "new", "field"),
    [
        ("vocabulary", 'nation = "USA"', 'nation = "XXX"', "nation"),
        ("vocabulary", 'effect = "need"', 'effect = "wish"', "effect"),
        ("vocabulary", 'token = "BALK"', 'token = "ATOMAL"', "ATOMAL"),
        ("vocabulary", "version =", "edition =", "version"),
        ("vocabulary", '"[A-Z0-9]{1,4}"', '"["', "compartments"),
        ("vocabulary", '"cnwdi-frd"', '"no-such-rule"', "refused"),
        ("countries", '"AUS", "CAN", "GBR", "USA"', '"AUS", "QQQ"', "QQQ"),
        ("rules", 'when = ["TK"]\nlevels = ["S", "TS"]', 'when = ["TK"]', "tk-level"),
        ("rules", 'id = "level"', 'id = "text-case"', "text-case"),
        ("rules", 'source = "ISM-ID-00047; CAPCO 2016 H.4 (TK)"', 'source = ""', "source"),
        ("countries", 'GER = "DEU"', 'GER = "QQQ"', "mistaken"),
        ("vocabulary", 'RSMA = ""', 'NOSUCH = ""', "activities"),
        ("vocabulary", 'level = "NC"', 'level = "XX"', "nato_legacy"),
        ("rules", 'when = ["TK"]', 'when = ["TX"]', "TX"),
        ("rules", 'check = "release-list"', 'check = "no-such-code"', "no-such-code"),
    ],
)
def test_a_vocabulary_that_does_not_fit_together_is_refused(
    site: Path, name: str, old: str, new: str, field: str
) -> None:
    change(site, name, old, new)
    with pytest.raises(ValueError, match=field):
        load(site)


def test_the_checks_that_data_may_name_are_those_that_exist() -> None:
    assert set(rules._CHECKS) == schema.CODE


def test_the_library_is_light_to_import() -> None:
    """Importing loads neither pydantic nor the vocabulary; both come with the first marking that is read."""
    code = "import sys, appliance.markings; print('pydantic' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert result.stdout.strip() == "False"
