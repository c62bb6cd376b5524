"""Every public name of the package resolves to the object its module defines."""

import importlib

import pytest

import fusion


@pytest.mark.parametrize("name", fusion.__all__)
def test_public_name_resolves(name: str) -> None:
    found = getattr(fusion, name)
    assert getattr(importlib.import_module(found.__module__), found.__name__) is found


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="attribute nothing"):
        _ = fusion.nothing
