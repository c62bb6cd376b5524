"""The shape of the house: folders a newcomer can read, imports that fall one way, faces that keep their word."""

import ast
import importlib
from pathlib import Path

import grimp
import networkx as nx
import pytest

from tests.conftest import REPOSITORY

PACKAGES = ("fusion", "encoders", "analyses")
MOST_MODULES = 16
FOLDERS = sorted(path.parent for name in PACKAGES for path in (REPOSITORY / name).rglob("__init__.py"))
FACES = [folder for folder in FOLDERS if (folder / "__init__.pyi").exists()]


def _dotted(folder: Path) -> str:
    return ".".join(folder.relative_to(REPOSITORY).parts)


def test_modules_import_one_another_in_no_circle() -> None:
    graph, drawn = grimp.build_graph(*PACKAGES), nx.DiGraph()
    drawn.add_edges_from(
        (module, imported) for module in graph.modules for imported in graph.find_modules_directly_imported_by(module)
    )
    assert drawn.number_of_edges() > 1000
    assert [circle for circle in nx.strongly_connected_components(drawn) if len(circle) > 1] == []


@pytest.mark.parametrize("folder", FOLDERS, ids=_dotted)
def test_a_folder_can_be_read_at_a_glance(folder: Path) -> None:
    modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
    assert len(modules) <= MOST_MODULES
    told = ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8")))
    assert told is not None
    assert told.rstrip().endswith("."), "one sentence says what the folder is for"


@pytest.mark.parametrize("folder", FACES, ids=_dotted)
def test_every_name_of_a_face_is_the_object_that_its_module_defines(folder: Path) -> None:
    package = importlib.import_module(_dotted(folder))
    stub = ast.parse((folder / "__init__.pyi").read_text("utf-8"))
    owners = {alias.name: node.module for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert sorted(owners) == package.__all__
    for name, module in owners.items():
        assert getattr(package, name) is getattr(importlib.import_module(f"{package.__name__}.{module}"), name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="attribute nothing"):
        _ = importlib.import_module("fusion").nothing
