"""Lists of subjects: the subject that the list names, or a refusal; never another one."""

import re
import warnings
from pathlib import Path

import pytest

from analyses.errors import InputError
from analyses.genome.subject_lists import read_subjects

SAMPLES = ("S1", "S2", "S3", "NA", "NA 12", "12", "0012", "id", "pad ", "a,b", "Zoë")


def _list(folder: Path, content: str | bytes) -> Path:
    path = folder / "subjects.txt"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("S2\nS1\n", "S2 S1"),
        ("S2", "S2"),
        ("\n\nS2\n\nS1\n\n", "S2 S1"),
        ("NA 12\n", "NA_12"),
        ("NA 12\nNA\n12\n0012\n", "NA_12 NA 12 0012"),
        ("id\nS1\n", "id S1"),
        ("pad \nS1\n", "pad_ S1"),
        ("a,b\nS1\n", "a,b S1"),
        ("subject_id\nS3\nNA 12\n", "S3 NA_12"),
        ("#IID\nS3\n", "S3"),
    ],
)
def test_one_id_a_line_is_read_as_it_is_and_without_a_word(tmp_path: Path, content: str, expected: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = read_subjects(_list(tmp_path, content), SAMPLES)
    assert found == tuple(name.replace("_", " ") for name in expected.split())


@pytest.mark.parametrize(
    ("content", "expected", "told"),
    [
        ("S1 S3\n", ("S3",), "FID and IID"),
        ("S1\tS3\nS3\tS2\n", ("S3", "S2"), "FID and IID"),
        ("FAM 1 S3\n", None, ""),
        ("0 S3 0 0 1 -9\n0 S1 0 0 2 -9\n", ("S3", "S1"), "FID and IID"),
        ("FAM\tNA 12\n", ("NA 12",), "FID and IID"),
        ("#FID\tIID\tSEX\nS1\tS3\t2\n", ("S3",), "its column IID names"),
        ("FID IID\nS1 S3\nS2 S2\n", ("S3", "S2"), "its column IID names"),
        ("sample\tpop\nNA 12\tGBR\nS2\tGBR\n", ("NA 12", "S2"), "its column sample names"),
        ('age,sample_id\n61,"S2"\n', ("S2",), "its column sample_id names"),
        ("\ufeffS1\nS2\n", ("S1", "S2"), "byte order mark"),
        ("S1\r\nNA 12\r\n", ("S1", "NA 12"), "Windows"),
        ("S1 \nNA 12\t\n", ("S1", "NA 12"), "blanks at the ends"),
        ("  S1\nS2\n", ("S1", "S2"), "blanks at the ends"),
        ('"S1"\n"NA 12"\n', ("S1", "NA 12"), "quotes and blanks"),
        ("\ufeffFID IID\r\nS1 S3\r\n", ("S3",), "mark .*; .*Windows.*; its column IID"),
        ("S1\nZoë\n".encode("utf-16"), ("S1", "Zoë"), "UTF-16"),
    ],
)
def test_other_lists_are_read_and_it_is_told_how(
    tmp_path: Path, content: str | bytes, expected: tuple[str, ...] | None, told: str
) -> None:
    path = _list(tmp_path, content)
    if expected is None:  # three columns, the second no sample: the list is taken at its word and its subject is none
        with pytest.warns(UserWarning, match="FID and IID"):
            assert read_subjects(path, SAMPLES) == ("1",)
        return
    with pytest.warns(UserWarning, match=rf"The list of subjects {re.escape(str(path))} was read so: .*{told}"):
        assert read_subjects(path, SAMPLES) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("S1 GBR\nS2 GBR\n", "the first column is of samples and the second is not"),
        ("S1\tGBR\nS2\tFIN\n", "Give one id a line, or a header with sample_id"),
        ("S1 S3\nS2 X9\n", "the first column is of samples"),
        ("NA 13\n", "the first column is of samples"),
        ("S1\nS2\nS1\n", "names each once; id 3 of"),
        ("FID IID\nS1 S3\nS2\n", "'FID IID' needs IID; line 3 of"),
        ("\n \n", "has none"),
        ("IID\n", "has none"),
        (b"S1\nZo\xeb\n", "text in UTF-8"),
    ],
)
def test_what_may_be_another_subject_is_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_subjects(_list(tmp_path, content), SAMPLES)


@pytest.mark.parametrize("content", ["S1\nS9\n", "S1 S3\nS4\n", "IID\nS9\n", "FAM S9\nFAM S1\n"])
def test_an_id_that_is_no_sample_stays_one(tmp_path: Path, content: str) -> None:
    """It is refused where genotypes are read; no part of its line is taken for a sample in its place."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = read_subjects(_list(tmp_path, content), [name for name in SAMPLES if name != "13"])
    assert not set(found) <= set(SAMPLES)


def test_no_list_means_every_sample_and_a_missing_one_is_refused(tmp_path: Path) -> None:
    assert read_subjects(None, SAMPLES) == SAMPLES
    with pytest.raises(InputError, match="does not exist"):
        read_subjects(tmp_path / "none.txt", SAMPLES)
