"""Text that comes from files is text in the page, in the drawings and in the tables, whatever it looks like."""

import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd

from analyses.report.page import make_report
from tests.analyses.example_alignment import FEATURES, GENES
from tests.analyses.run_folder import write_run_folder

HOSTILE = (
    '"><img src=x onerror=alert(1)><script>alert(2)</script>',
    "=HYPERLINK(A1)",
    r"$\frac$",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt; &amp;amp; ]]> -->",
    r"\g<1>\1\n",
    "\u202egnp\u2066",
    "@SUM(A1:A2)|cmd",
)
# Half of them in the place of genes, half in that of regions; all of them in the title and in the label of an arm.
RENAMED = dict(zip((*GENES[:4], *FEATURES[:4]), HOSTILE, strict=True)) | {
    "untrained dnabert-3 rc-avg": f"untrained {' '.join(HOSTILE)}"
}


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: Counter[tuple[str, tuple[str, ...]]] = Counter()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen[tag, tuple(sorted(name for name, _ in attrs))] += 1


def _tags(page: Path) -> Counter[tuple[str, tuple[str, ...]]]:
    tags = Tags()
    tags.feed(page.read_text(encoding="utf-8"))
    # Glyphs, clips and groups of a drawing follow its text; what can act or load is none of them.
    return Counter({key: n for key, n in tags.seen.items() if key[0] not in {"path", "g", "use", "tspan", "rect"}})


def _renamed(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _renamed(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_renamed(item) for item in node]
    return RENAMED.get(node, node) if isinstance(node, str) else node


def test_text_from_files_stays_text(tmp_path: Path) -> None:
    folder = write_run_folder(tmp_path / "run")
    harmless = _tags(make_report(folder))
    for path in (*folder.glob("*.json"), *folder.glob("alignments/*/*.json")):
        tree = _renamed(json.loads(path.read_text()))
        if path.name == "run.json":
            tree |= {"title": " ".join(HOSTILE), "name": " ".join(HOSTILE)}
        path.write_text(json.dumps(tree))
    assert _tags(make_report(folder)) == harmless
    drawn = " ".join(
        word for path in folder.glob("figures/*.svg") for word in ElementTree.parse(path).getroot().itertext()
    )
    assert all(text in drawn for text in HOSTILE)  # as written: neither a formula nor an entity
    for table in folder.glob("figures/*.csv"):
        cells = pd.read_csv(table, dtype=str, keep_default_na=False)
        words = [cell for column in cells for cell in (column, *cells[column])]
        assert not [cell for cell in words if re.match(r"[=+@\t\r]|-[^\d.]", cell)]
