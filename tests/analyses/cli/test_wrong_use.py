"""Whatever is named to a command that it cannot use ends in one sentence and exit code 2, never in a fault."""

from pathlib import Path

import pytest

from tests.analyses.commands import Command

WRONG = {
    "run {yaml} --workers x": "'--workers' must be a whole number; got 'x': see `genebrain run --help`.",
    "run {yaml} --seed -1": "'--seed' must be 0 or more; got '-1'",
    "demo --subjects 3": "'--subjects' must be 100 or more; got '3'",
    "run": "Missing argument 'CONFIG': see `genebrain run --help`.",
    "run {yaml} --nope": "No such option: --nope",
    "rum": "No such command 'rum'. Did you mean 'run'? See `genebrain --help`.",
    "--nope": "No such option: --nope: see `genebrain --help`.",
    "config {folder}": "is a folder. Check the path.",
    "config /dev/null": "/dev/null is no file. Check the path.",
    "config {empty}": "must hold keys with values, one a line; it holds nothing",
    "log {folder}": "A results folder holds run.json",
    "init {table} --output /proc/x.yaml": "needs a folder that takes files, or can be made; /proc does not",
    "init {table} --output {empty}/x.yaml": "needs a folder that takes files, or can be made",
    "haplotypes --reference {folder} --variants {table} --region 1:1-5 --subject S": "is a folder: correct the path.",
    "power --n 100 --x 2 --y 2 --rho 0": "A correlation to be found lies above 0 and below 1; got 0",
    "power --n 100 --x 2 --y 2 --rho nan": "A correlation to be found lies in [0, 1); got nan",
    "power --n 100 --x 99999999 --y 2": "at most 4,096 dimensions; got 99,999,999 + 2: take fewer.",
    "config --explain a..b": "there is no 'a..b'",
}


@pytest.mark.parametrize("line", WRONG)
def test_wrong_use_is_one_sentence(
    line: str, genebrain: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in (("empty", ""), ("table.csv", "subject_id,age\ns1,30\ns2,41\n"), ("run.yaml", "name: x\n")):
        (tmp_path / name).write_text(text)
    (tmp_path / "a #1 %20").mkdir()
    places = {"folder": "a #1 %20", "empty": "empty", "table": "table.csv", "yaml": "run.yaml"}
    words = [word.format(**{key: tmp_path / place for key, place in places.items()}) for word in line.split()]
    assert genebrain(*words) == 2
    said = capsys.readouterr().err
    assert said.startswith("genebrain: ")
    assert WRONG[line] in said
    assert said.count("\n") == 1


def test_a_command_that_groups_others_shows_its_help_when_nothing_is_named(
    genebrain: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    genebrain("brain")
    shown = capsys.readouterr()
    assert "describe" in shown.out + shown.err


@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (MemoryError(), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 9 bytes"), True),
        (RuntimeError("Storage size calculation overflowed with sizes=[9, 9]"), True),
        (RuntimeError("a matrix is singular"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_too_little_memory_is_no_fault(error: Exception, is_memory: bool, capsys: pytest.CaptureFixture[str]) -> None:
    from analyses.cli.faults import tell_no_memory

    assert tell_no_memory(error) is is_memory
    assert ("needs more memory than there is here" in capsys.readouterr().err) is is_memory
