"""Recipes say what they mean, or are refused."""

from pathlib import Path

import pytest

from appliance.bundle.inputs.recipe import ancestry, load_recipes
from appliance.errors import ApplianceError

IMAGES = Path(__file__).parents[3] / "images"


def write(images: Path, name: str, text: str) -> None:
    (images / name).mkdir(parents=True)
    (images / name / "image.yml").write_text(text)


def test_the_projects_own_recipes_are_read_parents_first() -> None:
    recipes = load_recipes(IMAGES)
    order = list(recipes)
    assert {"base", "database", "gateway", "python"} <= set(order)
    for recipe in recipes.values():
        assert recipe.parent is None or order.index(recipe.parent) < order.index(recipe.name)
        assert recipe.user is None or recipe.user.uid >= 1100


def test_users_of_one_number_have_one_name_in_all_images() -> None:
    recipes = load_recipes(IMAGES).values()
    users = {user for recipe in recipes for user in [*([recipe.user] if recipe.user else []), *recipe.other_users]}
    # The database image knows no service: it has a user for each that there may be.
    named = {user for user in users if user.name != f"service{user.uid}"}
    assert len({user.uid for user in named}) == len({user.name for user in named}) == len(named)


def test_ancestry_begins_at_the_root() -> None:
    recipes = load_recipes(IMAGES)
    assert [recipe.name for recipe in ancestry("labeling", recipes)] == ["base", "python", "labeling"]


@pytest.mark.parametrize(
    "text",
    [
        "name: other\n",
        "name: bad\nshell: rm\n",
        "name: bad\nfiles: {../secret: /etc/secret}\n",
        "name: bad\nfiles: {config: /etc/../../secret}\n",
        "name: bad\nfiles: {config: relative}\n",
        "name: bad\nwithout: [usr/share/man]\n",
        "name: bad\nwithout: [/usr/../../etc]\n",
        "name: bad\nwithout: [/]\n",
        "name: bad\nuser: {name: root, uid: 0}\n",
        "name: bad\nnpm: {a: '1'}\nnpm_files: {b/x.js: /x.js}\n",
        "name: [bad\n",
    ],
)
def test_a_wrong_recipe_is_refused_by_its_file(tmp_path: Path, text: str) -> None:
    write(tmp_path, "bad", text)
    with pytest.raises(ApplianceError, match=r"bad/image\.yml"):
        load_recipes(tmp_path)


@pytest.mark.parametrize("parents", [("b", "a"), ("missing", "a")])
def test_parents_that_lead_nowhere_are_refused(tmp_path: Path, parents: tuple[str, str]) -> None:
    for name, parent in zip("ab", parents, strict=True):
        write(tmp_path, name, f"name: {name}\nparent: {parent}\n")
    with pytest.raises(ApplianceError, match="descend from themselves"):
        load_recipes(tmp_path)
