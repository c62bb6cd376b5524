"""Names that go everywhere: what cannot name a folder on every system is refused at the configuration's edge."""

import unicodedata
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from analyses.config.file import load_config
from analyses.config.names import check_distinct, check_name
from analyses.errors import InputError

HOSTILE = [
    "/../../../x",
    "..",
    ".",
    "",
    " ",
    ".hidden",
    "a/b",
    "a\\b",
    "C:x",
    "a\nb",
    "a\x00b",
    "end.",
    "end ",
    "-rf",
    'v"><img src=x onerror=alert(1)>',
    "<b>",
    "a&b",
    "$\\frac$",
    "a;b",
    "$(x)",
    "`x`",
    "a?b",
    "a%20b",
    "a#b",
    "a*",
    "NUL",
    "com1.txt",
    "x" * 61,
    "é" * 31,
    "\u202ex",
    "a\u200bb",
    "=1+1",
    "{shard}",
]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("place", ["view", "arm"])
def test_a_name_that_is_no_folder_everywhere_is_refused(minimal: Path, name: str, place: str) -> None:
    tree = yaml.safe_load(minimal.read_text())
    if place == "view":
        tree["brain"] = {name: {"path": "brain.csv"}}
    else:
        tree["encoders"][0]["name"] = name
    minimal.write_text(yaml.safe_dump(tree))
    with pytest.raises(InputError, match="names a folder"):
        load_config(minimal)


@given(st.text())
def test_an_accepted_name_makes_one_folder_of_that_name(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    try:
        checked = check_name(name)
    except ValueError:
        return
    folder = tmp_path_factory.mktemp("names")
    (folder / f"{checked}__{checked}").mkdir()
    assert [entry.name for entry in folder.iterdir()] == [f"{checked}__{checked}"]
    assert unicodedata.is_normalized("NFC", checked)


@pytest.mark.parametrize("name", ["thickness", "lh_area.v2", "Dicke kortikal", "皮质", "r7_full", "2026", "no"])
def test_names_of_every_language_are_kept(name: str) -> None:
    assert check_name(name) == name


def test_equal_names_are_refused_also_where_capitals_do_not_count() -> None:
    with pytest.raises(ValueError, match="'Linked' and 'linked'"):
        check_distinct("brain:", ["Linked", "control", "linked"])


def test_a_title_is_one_line_of_anything(minimal: Path) -> None:
    assert load_config(minimal, ["title=<script>alert('$x$')</script>"]).title == "<script>alert('$x$')</script>"
    with pytest.raises(InputError, match="one line"):
        load_config(minimal, ["title=a\nb"])
