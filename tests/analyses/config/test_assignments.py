"""``--set`` takes a value as the option's type does: text is text."""

from pathlib import Path

import pytest

from analyses.config.assignments import assign
from analyses.config.file import load_config
from analyses.config.run_config import RunConfig
from analyses.errors import InputError

AS_TEXT = [
    "res #1",
    "2026",
    "no",
    "null-model",
    "a: b",
    "[a",
    "{a",
    "'quoted'",
    '"x"',
    "1e3",
    "2001-99-99",
    "&a",
    "*a",
    "!x",
]


@pytest.mark.parametrize("text", AS_TEXT)
def test_text_options_take_text_as_it_stands(minimal: Path, text: str) -> None:
    config = load_config(minimal, [f"output=out/{text}", f"title={text}", f"output={text}", f"tracking.panel={text}"])
    assert config.output == Path.cwd() / text
    assert (config.title, config.tracking.panel) == (text, text)


def test_a_home_folder_is_expanded_as_a_shell_would(minimal: Path) -> None:
    assert load_config(minimal, ["output=~/x"]).output == Path.home() / "x"


@pytest.mark.parametrize(
    ("assignment", "read"),
    [
        ("seed=12", lambda c: c.seed == 12),
        ("tracking.enabled=no", lambda c: c.tracking.enabled is False),
        ("tracking.panel=null", lambda c: c.tracking.panel is None),
        ("alignment.x_dimensions=7", lambda c: c.alignment.x_dimensions == 7),
        ("alignment.x_dimensions=auto", lambda c: c.alignment.x_dimensions == "auto"),
        ("alignment.min_ratio=2.5", lambda c: c.alignment.min_ratio == 2.5),
        ("encoders.0.options.k=4", lambda c: c.encoders[0].options["k"] == 4),
        ("encoders.0.source=no", lambda c: c.encoders[0].source == "no"),
        ("genome.genes=NO", lambda c: c.genome.genes == ("NO",)),
        ("genome.genes=[NO66, COMT]", lambda c: c.genome.genes == ("NO66", "COMT")),
        ("genome.genes=null", lambda c: c.genome.genes is None),
        ("brain.thickness.nan=mean", lambda c: c.brain["thickness"].nan == "mean"),
        ("brain.thickness.include=[a*, b*]", lambda c: c.brain["thickness"].include == ("a*", "b*")),
        ("brain={other: {path: x.csv}}", lambda c: list(c.brain) == ["other"]),
        ("dims.grid=[2, 3]", lambda c: c.dims.grid == (2, 3)),
    ],
)
def test_other_options_are_read_by_their_type(minimal: Path, assignment: str, read: object) -> None:
    assert callable(read)
    assert read(load_config(minimal, [assignment]))


def test_a_list_that_is_none_is_one_sentence() -> None:
    with pytest.raises(InputError, match=r"--set dims\.grid is not valid YAML"):
        assign({}, "dims.grid=[2, 3", RunConfig)


def test_a_file_that_extends_itself_is_named(minimal: Path) -> None:
    minimal.with_name("one.yaml").write_text("extends: two.yaml\n")
    minimal.with_name("two.yaml").write_text("extends: one.yaml\n")
    with pytest.raises(InputError, match=r"one\.yaml extends two\.yaml extends one\.yaml"):
        load_config(minimal.with_name("one.yaml"))
