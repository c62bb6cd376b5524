"""Write what an environment is made of as a bill of materials: CycloneDX 1.6, JSON.

.venv/bin/python .ci/sbom.py [sbom.cdx.json]        # or make sbom

It lists the packages of the Python that runs this, each with its version, licence and what it needs.
"""

from __future__ import annotations

import json
import re
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

PROJECT = "gene-brain-fusion"


def bill() -> dict[str, Any]:
    """The whole document."""
    found = {plain(one.metadata["Name"]): one for one in distributions() if one.metadata["Name"]}
    project = found.pop(PROJECT, None)
    root = {"type": "application", "bom-ref": PROJECT, "name": PROJECT}
    root |= {} if project is None else {"version": project.version, **_licences(project)}
    listed = sorted(found.items())
    needed = [(PROJECT, project), *((_ref(name, one), one) for name, one in listed)]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid4()}",
        "version": 1,
        "metadata": {"timestamp": datetime.now(UTC).isoformat(timespec="seconds"), "component": root},
        "components": [_component(name, one) for name, one in listed],
        "dependencies": [
            {"ref": ref, "dependsOn": sorted({_ref(name, found[name]) for name in _needs(one) if name in found})}
            for ref, one in needed
        ],
    }


def plain(name: str) -> str:
    """Name of a package, spelled in the one way of PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _ref(name: str, one: Distribution) -> str:
    return f"pkg:pypi/{name}@{one.version.replace('+', '%2B')}"


def _component(name: str, one: Distribution) -> dict[str, Any]:
    where = _ref(name, one)
    made = {"type": "library", "bom-ref": where, "name": name, "version": one.version, "purl": where}
    summary = (one.metadata["Summary"] or "").strip()
    return made | ({"description": summary} if summary else {}) | _licences(one)


def _licences(one: Distribution) -> dict[str, Any]:
    """As the package names them: an SPDX expression, else the words of its classifiers or of its field."""
    if expression := one.metadata["License-Expression"]:
        return {"licenses": [{"expression": expression}]}
    classifiers = [
        line.rpartition(" :: ")[2] for line in one.metadata.get_all("Classifier", []) if "License ::" in line
    ]
    words = (one.metadata["License"] or "").strip().splitlines()[:1]
    names = sorted(set(classifiers)) or [line for line in words if line not in {"", "UNKNOWN"}]
    return {"licenses": [{"license": {"name": name}} for name in names]} if names else {}


def _needs(one: Distribution | None) -> Iterator[str]:
    """Names of what a package requires; extras are left out, except of the project, whose environment it is."""
    for line in (one.requires if one is not None else None) or []:
        if "extra ==" in line and one is not None and plain(one.metadata["Name"]) != PROJECT:
            continue
        if match := re.match(r"[\w.-]+", line):
            yield plain(match[0])


def main(words: list[str]) -> None:
    """Write the document to the file that is named."""
    target = Path(words[0] if words else "sbom.cdx.json")
    document = bill()
    target.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    sys.stdout.write(f"Wrote {target}: {len(document['components'])} packages.\n")


if __name__ == "__main__":
    main(sys.argv[1:])
