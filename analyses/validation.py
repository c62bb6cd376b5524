"""What a value must be, in words of this program: pydantic's own speak of inputs and fields."""

from collections.abc import Mapping
from typing import Any

_A_WHOLE_NUMBER, _A_NUMBER, _A_MAPPING = "must be a whole number", "must be a number", "must hold keys with values"
_WORDS = {
    "missing": "must be given",
    "greater_than_equal": "must be {ge} or more",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be {le} or less",
    "less_than": "must be less than {lt}",
    "finite_number": "must be a finite number",
    "literal_error": "must be {expected}",
    "string_type": "must be text",
    "string_pattern_mismatch": "must be written as {pattern}",
    "string_too_short": "must have {min_length} letters or more",
    "string_too_long": "must have {max_length} letters or fewer",
    "too_short": "must list {min_length} or more",
    "too_long": "must list {max_length} or fewer",
    "path_type": "must be a path",
    "none_required": "must be null",
    **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), _A_WHOLE_NUMBER),
    **dict.fromkeys(("float_type", "float_parsing"), _A_NUMBER),
    **dict.fromkeys(("bool_type", "bool_parsing"), "must be true or false"),
    **dict.fromkeys(("list_type", "tuple_type"), "must be a list"),
    **dict.fromkeys(("dict_type", "mapping_type", "model_type", "model_attributes_type"), _A_MAPPING),
}
"""By pydantic's types of errors."""


def in_words(error: Mapping[str, Any]) -> str:
    """What a value must be, of one of pydantic's errors; a validator of ours says it itself.

    Examples
    --------
    >>> from analyses.validation import in_words
    >>> in_words({"type": "greater_than_equal", "msg": "Input should be ...", "ctx": {"ge": 3}})
    'must be 3 or more'
    """
    words = _WORDS.get(error["type"])
    return error["msg"].removeprefix("Value error, ") if words is None else words.format(**error.get("ctx", {}))
