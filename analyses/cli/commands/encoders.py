"""Commands about encoders: is a checkpoint right, does an encoder keep the contract, what does it look at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analyses.errors import InputError
from analyses.progress import say

if TYPE_CHECKING:
    from encoders.dna.protocol import SequenceEncoder

Name = Annotated[str, typer.Argument(metavar="NAME", help="One of `genebrain encoders`.")]
Source = Annotated[str | None, typer.Option(help="Folder with the published files, or a hub id like owner/name.")]
Revision = Annotated[
    str | None, typer.Option(help="Commit of a hub id; the newest, which is then recorded, if not given.")
]
Options = Annotated[
    list[str] | None, typer.Option("--option", metavar="KEY=VALUE", help="Option of the encoder; may be repeated.")
]
Rc = Annotated[str, typer.Option(help="forward, average or equivariant.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("verify-encoder")(verify_encoder)
    app.command("check-encoder")(check_encoder)
    app.command("motifs")(motifs)


def verify_encoder(
    name: Name,
    source: Source = None,
    revision: Revision = None,
    against: Annotated[
        str | None, typer.Option(help="Hub id of the published model that these weights are a copy of, saved again.")
    ] = None,
    option: Options = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Prove that a checkpoint is loaded right.

    The file is recognised by its SHA-256 and must give the vectors that were published for it, computed with the
    authors' own code; then batches, strands, special tokens and token ids are checked. For a file without published
    vectors the answer says so and these checks alone are run. Exit code 2 where anything fails. `genebrain run` does
    the same at the first use of a checkpoint and keeps the proof in STORE/checkpoints.
    """
    from encoders import verify_encoder as verify
    from encoders.dna.verification.proof import describe

    if source is None:
        raise InputError(f"Only weights can be verified; {name} was given no --source. Name a folder or a hub id.")
    options = _read_options(option)
    proof = verify(name, source=source, revision=revision, against=against, device=device, **options)
    say(json.dumps(proof.to_dict(), indent=1) if as_json else describe(proof))
    if proof.verdict == "failed":
        raise typer.Exit(2)


def check_encoder(
    name: Name,
    source: Source = None,
    revision: Revision = None,
    rc: Rc = "forward",
    option: Options = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Run the contract battery on an encoder, ours or your own; name what is broken.

    Your own encoder is a class that takes an EncoderRequest and has two names:

    \b
        class MyEncoder:
            def __init__(self, request):           # request.source, .options, .pooling, ...
                self.spec = EncoderSpec(name=request.name, family=..., hidden_dim=..., ...)
            def embed(self, sequences):            # list of str -> float32 array
                bases = check_sequences(sequences, self.spec)
                ...

    and an entry point in your package's pyproject.toml:

    \b
        [project.entry-points."genebrain.encoders"]
        my-encoder = "my_package.module:MyEncoder"

    EncoderSpec is in `encoders`, check_sequences in encoders.dna.sequence_check. A torch module shown as `model`
    (called with input_ids and attention_mask) lets the battery see special tokens too. Exit code 2 where a check fails.
    """
    from encoders import check_encoder as check
    from encoders import load_encoder

    encoder = load_encoder(name, source=source, revision=revision, rc=rc, device=device, **_read_options(option))
    checks = check(encoder)
    failed = [one for one in checks if not one.passed]
    if as_json:
        rows = [{"name": one.name, "passed": one.passed, "detail": one.detail, "hint": one.hint} for one in checks]
        typer.echo(json.dumps({"encoder": encoder.spec.to_dict(), "checks": rows}, indent=1))
    else:
        for one in checks:
            typer.echo(f"{'pass' if one.passed else 'FAIL'}  {one.name}")
            if not one.passed:
                typer.echo(f"      {one.detail}\n      {one.hint}")
        typer.echo(f"{encoder.spec.label}: {len(checks) - len(failed)} of {len(checks)} checks passed")
    if failed:
        raise typer.Exit(2)


def motifs(
    source: Annotated[
        list[str],
        typer.Option(metavar="K=FOLDER", help="DNABERT of this k, 3 to 6; repeated, their scores are added."),
    ],
    positive: Annotated[Path, typer.Option(help="FASTA of the sequences to be scored.")],
    negative: Annotated[Path, typer.Option(help="FASTA of sequences to compare with.")],
    output: Annotated[Path, typer.Option(help="New folder.")],
    min_length: Annotated[int, typer.Option(min=1, help="Shortest run of high scores, in bases.")] = 5,
    max_fdr: Annotated[float, typer.Option(help="Largest p-value of a motif, after correction.")] = 0.005,
    window: Annotated[int, typer.Option(min=1, help="Bases of a motif's matrix.")] = 24,
    min_instances: Annotated[int, typer.Option(min=1, help="Fewest instances of a motif.")] = 3,
    option: Options = None,
    device: Device = "auto",
) -> None:
    """Show which bases DNABERT looks at, and the motifs in them.

    Writes scores.tsv (every base), motifs.tsv and instances.tsv, motifs.meme (matrices for Tomtom) and logos. A base's
    score is the attention that [CLS] pays to the k-mers over it in the last layer; long sequences are read in windows.
    Weights fine-tuned to tell positive from negative sequences are what this was published for. K=untrained takes
    random weights, as a control. The motifs are chosen in the sequences that are counted, so p-values rank them; to
    test one, count it in other sequences.
    """
    from analyses.arms.motifs import write_motifs
    from encoders.dna.attribution.motifs import MotifSettings

    settings = MotifSettings(min_length, max_fdr, window, min_instances)
    encoders = [_load_dnabert(one, device, _read_options(option)) for one in source]
    found = write_motifs(encoders, positive, negative, output, settings=settings)
    for motif in found:
        test = motif.enrichment
        typer.echo(
            f"{motif.bases}  in {test.n_positive} positive and {test.n_negative} negative sequences, "
            f"FDR {test.p_fdr:.1e}, {len(motif.instances)} instances"
        )
    typer.echo(f"{len(found)} motifs; scores, matrices and logos are in {output}")


def _load_dnabert(source: str, device: str, options: dict[str, Any]) -> SequenceEncoder:
    from encoders import load_encoder

    k, _, folder = source.partition("=")
    if k not in ("3", "4", "5", "6") or not folder:
        raise InputError(f"--source must be K=FOLDER with K from 3 to 6, such as 6=weights/DNA_bert_6; got {source!r}.")
    if folder == "untrained":
        return load_encoder(f"untrained:dnabert-{k}", device=device, **options)
    return load_encoder(f"dnabert-{k}", source=folder, device=device, **options)


def _read_options(given: list[str] | None) -> dict[str, Any]:
    """``KEY=VALUE`` with the value as YAML reads it: a number, a word, true or false."""
    from analyses.config.yaml_text import parse_yaml

    options: dict[str, Any] = {}
    for text in given or []:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise InputError(f"--option must be KEY=VALUE, such as k=5; got {text!r}.")
        options[key] = parse_yaml(value, f"--option {key}")
    return options
