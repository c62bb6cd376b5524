"""Writes docs/configuration.md, the reference of all keys, from the sections of the configuration.

``make configuration`` runs it; a test says when the page is behind.
"""

from pathlib import Path

from analyses.config.reference import describe_page
from analyses.config.training.finetuning import FinetuningConfig
from analyses.config.training.pretraining import PretrainingConfig

PAGE = Path(__file__).with_name("configuration.md")

_HEAD = """# The configuration, key by key

Written by `make configuration` from the code that reads it. In a terminal: `genebrain config --explain alignment`. In
an editor: `genebrain config --schema > genebrain.schema.json`, and as first line of the file
`# yaml-language-server: $schema=genebrain.schema.json`. `genebrain config FILE` says all that is wrong with a file, and
shows it with its defaults.

Input paths are relative to the folder of CONFIG, those of `--set`, of variables and of an arm's own file too (give
whole ones there, as `$PWD/ref.fa`), those of a file that is extended to its folder; output paths to the current folder.
`${VARIABLE:-default}` reads the environment. `extends: other.yaml` takes another configuration and changes single keys.
NAME stands for a name of yours, N for a place in a list."""


def page() -> str:
    """The whole page."""
    parts = [_HEAD, describe_page()]
    for command, model in (("pretrain", PretrainingConfig), ("finetune", FinetuningConfig)):
        parts += [f"\n## `genebrain {command}`", describe_page(model, level=3)]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.name} is written")
