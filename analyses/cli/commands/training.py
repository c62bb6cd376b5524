"""Commands by which encoders learn."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from analyses.progress import say

ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="YAML file of the training; see configs/training.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a value, e.g. training.steps=2000; may be repeated."),
]
Output = Annotated[Path | None, typer.Option(help="Folder of the model (overrides output:).")]
Force = Annotated[bool, typer.Option("--force", help="Begin anew; what is there is replaced.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("pretrain")(pretrain)
    app.command("finetune")(finetune)


def pretrain(config: ConfigPath, set_: Overrides = None, output: Output = None, force: Force = False) -> None:
    """Let an encoder learn from a genome: masked-language pretraining, from scratch or from weights that exist.

    Parts of the genome are held out; on them the model is held against Markov chains of several orders, in nats per
    hidden base: 1.386 is knowing nothing, and a model that is no better than a chain has learnt no more than counts of
    words. The result is a folder that `source:` of an arm takes and `genebrain verify-encoder` checks.

    A training that was ended goes on from its last checkpoint when the same command is run again, to the same bits on
    one machine. Several GPUs: accelerate launch $(which genebrain) pretrain CONFIG; several
    processes of a CPU: torchrun --nproc-per-node 2 $(which genebrain) pretrain CONFIG.
    """
    from analyses.config.file import load_sections
    from analyses.config.training.pretraining import PretrainingConfig

    loaded = load_sections(config, _with_output(set_, output), PretrainingConfig)
    from analyses.training.pretrain import run_pretraining
    from encoders.training.loop.settings import is_main_process

    found = run_pretraining(loaded, force=force)
    if not is_main_process():
        return
    best = min(found.chains.values())
    order = min(found.chains, key=found.chains.__getitem__)
    interval = "" if found.interval is None else " (95 % interval {:+.4f} to {:+.4f})".format(*found.interval)
    say(
        f"{'was finished already: ' * found.was_there}{found.nats_per_base:.4f} nats per held-out base, "
        f"{found.verdict} the best Markov chain (order {order}, {best:.4f}): {found.difference:+.4f}{interval}\n"
        f"model    {found.folder}\n"
        f"check    genebrain verify-encoder {loaded.model.encoder} --source {quote(str(found.folder))}"
    )


def finetune(config: ConfigPath, set_: Overrides = None, output: Output = None, force: Force = False) -> None:
    """Let an encoder learn a labelled set: a linear head on it, the whole network, or low-rank changes (LoRA).

    A labelled set is a folder with train.csv, dev.csv and test.csv, each with columns sequence and label. Each seed is
    a training of its own, which ends when the loss on dev gets no better; figures on test (accuracy, F1, MCC, AUROC,
    AUPRC, or those of a regression) have intervals over test sequences and over seeds. The result is a folder that
    `source:` of an arm and `genebrain motifs` take, with metrics.json and predictions.csv.
    """
    from analyses.config.file import load_sections
    from analyses.config.training.finetuning import FinetuningConfig

    loaded = load_sections(config, _with_output(set_, output), FinetuningConfig)
    from analyses.training.finetune import run_finetuning
    from encoders.training.loop.settings import is_main_process

    found = run_finetuning(loaded, force=force)
    if not is_main_process():
        return
    if found.was_there:
        say("was finished already")
    say(
        f"model    {found.folder} (seed {found.metrics['kept_seed']})\n"
        f"figures  {found.folder / 'metrics.json'}, {found.folder / 'predictions.csv'}\n"
        f"check    genebrain verify-encoder {loaded.model.encoder} --source {quote(str(found.folder))}"
    )


def _with_output(overrides: list[str] | None, output: Path | None) -> list[str]:
    given = list(overrides or [])
    return given if output is None else [*given, f"output={output}"]
