"""The configuration as a JSON schema: editors complete keys by it, and show what they mean."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from analyses.config.run_config import RunConfig
from analyses.config.section import Section

_VARIABLE = {"type": "string", "pattern": r"\$\{\w+(:-[^}]*)?\}"}
"""Any value may come from the environment."""

_EXTENDS = "Configuration of which this one changes single keys; paths are relative to the file that names them."


def json_schema() -> dict[str, Any]:
    """What a configuration file may hold, before paths are resolved.

    Returns
    -------
    dict
        JSON schema, draft 2020-12. Arms may be names or files, several keys have a short form that is text, and
        `extends` names another file, which may give what this one lacks: nothing is required.
    """
    schema = RunConfig.model_json_schema()
    sections = {section.__name__: section for section in _sections(Section)}
    for name, node in {**schema["$defs"], RunConfig.__name__: schema}.items():
        short = _with_short_form(sections[name])
        for key, value in node["properties"].items():
            node["properties"][key] = _widened(value, key in short)
    encoders = schema["properties"]["encoders"]["anyOf"][0]
    encoders["items"] = {"anyOf": [{"type": "string"}, encoders["items"]]}
    confounds = schema["properties"]["confounds"]["anyOf"]
    confounds[0]["items"] = {"anyOf": [{"type": "string"}, confounds[0]["items"]]}
    confounds.append(confounds[0]["items"]["anyOf"][1])
    outcomes = schema["$defs"]["AssociateConfig"]["properties"]["outcomes"]["anyOf"][0]
    outcomes["items"] = {"anyOf": [{"type": "string"}, outcomes["items"]]}
    schema["properties"]["extends"] = {"type": "string", "description": _EXTENDS}
    del schema["required"]
    for key in ("name", "output"):  # known by the file's name where they are not written
        schema["properties"][key].pop("default", None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "genebrain configuration"}


@cache
def schema_text() -> str:
    """`json_schema` as a file holds it; it is the same for every configuration."""
    return json.dumps(json_schema(), indent=1) + "\n"


def _sections(section: type[Section]) -> list[type[Section]]:
    return [section, *(inner for one in section.__subclasses__() for inner in _sections(one))]


def _with_short_form(section: type[Section]) -> set[str]:
    """Keys of which one word stands for a list or a section: a validator takes it before its type is looked at."""
    validators = section.__pydantic_decorators__.field_validators.values()
    return {field for one in validators if one.info.mode == "before" for field in one.info.fields}


def _widened(value: dict[str, Any], has_short_form: bool) -> dict[str, Any]:
    about: dict[str, Any] = {key: value[key] for key in ("description", "title", "default") if key in value}
    rest = {key: value[key] for key in value if key not in about}
    return {**about, "anyOf": [rest, {"type": "string"} if has_short_form else _VARIABLE]}
