"""YAML: every key once, no dates, nothing that grows, and one sentence for what is none."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from analyses.config.yaml_text import parse_yaml
from analyses.errors import InputError
from tests.sentences import or_one_sentence

LAUGHS = "\n".join(
    ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]", *(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9))]
)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("folds: {n_splits: 3, n_splits: 4}\n", "'n_splits' stands twice in line 1; keep one"),
        ("seed: 5\nname: x\nseed: 6\n", "'seed' stands in line 1 and again in line 3; keep one"),
        ("a: {b: 1, c: 2,\n b: 3}\n", "'b' stands in line 1 and again in line 2"),
        ("- {x: 1}\n- {x: 1, y: {z: 1,\n    z: 2}}\n", "'z' stands in line 2 and again in line 3"),
        (LAUGHS, "aliases stand for more than 100,000 values"),
        ("a: &a [*a]", "aliases stand for more than"),
        ("[" * 5000, "nested too deeply"),
        ("a: [b", "line 1"),
        ("a: !!python/object/apply:os.system ['true']", "could not determine a constructor"),
        ("a: !!int x", "invalid literal"),
        ("? [a, b]\n: 1", "unhashable"),
        ("a: \x00", "special characters"),
    ],
)
def test_what_is_no_plain_yaml_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as caught:
        parse_yaml(text, "here.yaml")
    assert str(caught.value).startswith("here.yaml is not valid YAML")
    assert "\n" not in str(caught.value)


def test_keys_may_be_merged_and_overridden_once() -> None:
    assert parse_yaml("base: &b {x: 1}\nown: {<<: *b, x: 2}", "here") == {"base": {"x": 1}, "own": {"x": 2}}


def test_what_looks_like_a_date_stays_text() -> None:
    assert parse_yaml("[2001-02-03, 2001-99-99]", "here") == ["2001-02-03", "2001-99-99"]


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\x85\u2028\u2029")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abcXYZ_", min_size=1), inner),
    max_leaves=12,
)


@given(plain)
def test_plain_data_read_as_they_were_written(data: object) -> None:
    assert parse_yaml(yaml.safe_dump(data, allow_unicode=True), "here") == data


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with or_one_sentence("here is not valid YAML: "):
        read = parse_yaml(text, "here")
        assert read is None or isinstance(read, bool | int | float | str | bytes | list | dict | set)
