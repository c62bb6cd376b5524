"""The list of commands is whole: every command in a group, every first sentence to its end."""

import re
from importlib.metadata import version

import pytest

from analyses.cli.help import GROUPS
from tests.analyses.commands import Command


def test_every_command_stands_in_a_group_with_its_whole_sentence(
    genebrain: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert genebrain("--help") == 0
    page = capsys.readouterr().out
    assert "..." not in page.replace("PC2, ...", "").replace("[ARGS]...", "")
    assert "Others:" not in page, "a new command needs a group in analyses/cli/help.py"
    for title, names in GROUPS.items():
        assert f"{title}:" in page
        for name in names:
            assert len(re.findall(rf"^  {name}  ", page, flags=re.MULTILINE)) == 1
    assert max(map(len, page.splitlines())) <= 80


def test_the_version_is_the_distribution_s(genebrain: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert genebrain("--version") == 0
    assert capsys.readouterr().out == f"genebrain {version('gene-brain-fusion')}\n"
