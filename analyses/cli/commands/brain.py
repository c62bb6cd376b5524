"""Commands of the brain side: import of any layout, a description before it, connectivity of time series or images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from analyses.cli.help import ListedCommands
from analyses.progress import say

IdColumn = Annotated[str | None, typer.Option(help="Column (or array) of subject ids; known names are found.")]
IdRegex = Annotated[
    str | None,
    typer.Option(help="Searched in each id or file path: group 'id' (or the first) is the subject; also session, run."),
]
StripPrefix = Annotated[list[str] | None, typer.Option(help="Taken off the front of ids, e.g. sub-; may be repeated.")]
Missing = Annotated[
    list[str] | None, typer.Option(help="Cell that means missing: -9, 999, inf, fail; may be repeated.")
]
SessionOrder = Annotated[
    list[str] | None,
    typer.Option(help="A session, from first to last; repeated. Needed where they are neither numbers nor dates."),
]
Separator = Annotated[str | None, typer.Option(help="Of text tables; found if not given.")]
Decimal = Annotated[Literal[".", ","] | None, typer.Option(help="Decimal mark of text tables; found if not given.")]
Layout = Annotated[
    Literal["npy", "npz", "folder", "parquet-vector", "wide", "h5", "freesurfer", "enigma", "stats", "ukb", "chunks"]
    | None,
    typer.Option(help="Form of the source; found if not given."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the group of commands of this module."""
    brain = typer.Typer(
        cls=ListedCommands,
        no_args_is_help=True,
        rich_markup_mode=None,
        help="Brain tables, embeddings and connectivity: describe what you have, import it, name it in the YAML.",
    )
    brain.command("import")(import_)
    brain.command()(describe)
    brain.command()(connectivity)
    app.add_typer(brain, name="brain")


def import_(  # noqa: PLR0913 - every argument is an option of the command
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Files or folders; several are joined on ids.")],
    output: Annotated[Path, typer.Option(help="Canonical table to write (.parquet).")],
    layout: Layout = None,
    nan: Annotated[
        Literal["refuse", "drop-subjects", "mean", "keep"],
        typer.Option(help="Missing values: stop, leave the subject out, take the feature's mean, or keep for the run."),
    ] = "refuse",
    include: Annotated[list[str] | None, typer.Option(help="Pattern over features, e.g. '*_thickness'.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Pattern over features to leave out.")] = None,
    id_column: IdColumn = None,
    id_regex: IdRegex = None,
    strip_prefix: StripPrefix = None,
    missing: Missing = None,
    separator: Separator = None,
    decimal: Decimal = None,
    session_column: Annotated[str | None, typer.Option(help="Column that tells sessions of a subject apart.")] = None,
    run_column: Annotated[str | None, typer.Option(help="Column that tells runs of a session apart.")] = None,
    window_column: Annotated[str | None, typer.Option(help="Column that tells windows of a run apart.")] = None,
    fd_column: Annotated[str | None, typer.Option(help="Mean framewise displacement of a run, mm.")] = None,
    session: Annotated[str | None, typer.Option(help="first, last, mean, or the name of a session.")] = None,
    session_order: SessionOrder = None,
    run_weights: Annotated[
        Literal["mean", "fd"], typer.Option(help="Runs are averaged alike, or by 1 / framewise displacement.")
    ] = "mean",
    pooling: Annotated[
        Literal["cls", "mean", "masked-mean", "none"] | None, typer.Option(help="Of token x hidden arrays.")
    ] = None,
    values_key: Annotated[str | None, typer.Option(help="Array of values in npz, h5 and pt files.")] = None,
    ids_key: Annotated[str | None, typer.Option(help="Array of subject ids in npz and h5 files.")] = None,
    ids: Annotated[Path | None, typer.Option(help="Ids of an npy matrix: txt, csv or npy.")] = None,
    allow_pickle: Annotated[
        bool, typer.Option("--allow-pickle", help="Read numpy object arrays; they can run code.")
    ] = False,
    source_model: Annotated[str | None, typer.Option(help="Parquet vectors: which model.")] = None,
    layer: Annotated[str | None, typer.Option(help="Parquet vectors: which layer.")] = None,
    instance: Annotated[int | None, typer.Option(help="UK Biobank: 2 is the first imaging visit.")] = None,
    dictionary: Annotated[Path | None, typer.Option(help="UK Biobank data dictionary: names features.")] = None,
    field: Annotated[list[str] | None, typer.Option(help="UK Biobank: pattern over field ids or titles.")] = None,
    stats_file: Annotated[list[str] | None, typer.Option(help="FreeSurfer folders: files under stats/.")] = None,
    measure: Annotated[str | None, typer.Option(help="FreeSurfer folders: thickness, area, volume, ...")] = None,
    as_json: AsJson = False,
) -> None:
    """Turn brain features of any common form into one table that runs can name.

    genebrain brain import lh.aparc.txt rh.aparc.txt --output thickness.parquet

    genebrain brain import embeddings/ --id-regex 'sub-(?P<id>[^_/]+)' --pooling mean --output brainlm.parquet

    Read: npy with ids, npz, a folder of npy/npz/pt per subject, parquet vectors, csv/tsv/parquet, h5, FreeSurfer tables
    and stats folders, ENIGMA, UK Biobank, chunks with iids.npy. Ids stay text; repeated or floating-point ids stop.
    """
    from analyses.brain.table_import import describe_import, import_brain
    from encoders.brain.import_options import ImportOptions

    options = ImportOptions(
        layout=layout,
        id_column=id_column,
        id_regex=id_regex,
        strip_prefixes=tuple(strip_prefix or ()),
        session_column=session_column,
        run_column=run_column,
        window_column=window_column,
        fd_column=fd_column,
        session=session,
        session_order=tuple(session_order or ()),
        run_weights=run_weights,
        pooling=pooling,
        include=tuple(include or ("*",)),
        exclude=tuple(exclude or ()),
        missing_codes=tuple(missing or ()),
        separator=separator,
        decimal=decimal,
        values_key=values_key,
        ids_key=ids_key,
        ids_file=None if ids is None else str(ids),
        allow_pickle=allow_pickle,
        source_model=source_model,
        layer=layer,
        instance=instance,
        dictionary=None if dictionary is None else str(dictionary),
        fields=tuple(field or ()),
        **_given(stats_files=tuple(stats_file or ())),
        measure=measure,
    )
    say(describe_import(import_brain(paths, output, options, nan=nan), as_json=as_json))


def describe(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="File or folder in any form that import reads.")],
    against: Annotated[Path | None, typer.Option(help="Another table: say which subjects both have.")] = None,
    id_column: IdColumn = None,
    id_regex: IdRegex = None,
    strip_prefix: StripPrefix = None,
    missing: Missing = None,
    separator: Separator = None,
    decimal: Decimal = None,
    layout: Layout = None,
    show_ids: Annotated[
        bool, typer.Option("--show-ids", help="Name a few subjects; otherwise they are counted.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Count what a brain table holds: subjects, features, gaps, constants, repeats, odd values. Writes nothing."""
    from analyses.brain.table_summary import describe_summary, summarise
    from encoders.brain.import_options import ImportOptions

    options = ImportOptions(
        layout=layout,
        id_column=id_column,
        id_regex=id_regex,
        strip_prefixes=tuple(strip_prefix or ()),
        missing_codes=tuple(missing or ()),
        separator=separator,
        decimal=decimal,
        pooling="mean",
    )
    summary = summarise(table, options, against=against, show_ids=show_ids)
    say(describe_summary(summary, as_json=as_json))


def connectivity(  # noqa: PLR0913 - every argument is an option of the command
    output: Annotated[Path, typer.Option(help="Canonical table to write (.parquet).")],
    timeseries: Annotated[
        Path | None, typer.Option(help="npz keyed by subject, or a folder of npy/csv/tsv: time points x regions.")
    ] = None,
    images: Annotated[list[Path] | None, typer.Option(help="4D image; may be repeated.")] = None,
    labels: Annotated[Path | None, typer.Option(help="With --images: 3D image of region numbers.")] = None,
    lut: Annotated[Path | None, typer.Option(help="With --images: table of index and name.")] = None,
    confounds: Annotated[
        Literal["none", "simple", "scrubbing", "compcor"],
        typer.Option(help="With --images: strategy for fMRIPrep's confounds, found beside each image."),
    ] = "simple",
    t_r: Annotated[float | None, typer.Option(help="With --images: repetition time, s.")] = None,
    high_pass: Annotated[float | None, typer.Option(help="With --images: Hz.")] = None,
    low_pass: Annotated[float | None, typer.Option(help="With --images: Hz.")] = None,
    kind: Annotated[
        Literal["correlation", "partial", "covariance", "tangent"], typer.Option(help="What an edge is.")
    ] = "correlation",
    fit_on: Annotated[
        Path | None, typer.Option(help="With --kind tangent: ids of the training subjects, one a line.")
    ] = None,
    constant_rois: Annotated[
        str, typer.Option(help="Regions without signal: any, all, refuse, or a share of subjects such as 0.05.")
    ] = "any",
    fisher_z: Annotated[bool, typer.Option("--fisher-z/--no-fisher-z", help="atanh of correlations.")] = True,
    estimator: Annotated[
        Literal["ledoit-wolf", "empirical"], typer.Option(help="Covariance over time: shrunk or not.")
    ] = "ledoit-wolf",
    id_regex: IdRegex = None,
    strip_prefix: StripPrefix = None,
    session: Annotated[str | None, typer.Option(help="first, last, or the name of a session.")] = None,
    session_order: SessionOrder = None,
    join: Annotated[
        Literal["nothing", "runs", "sessions"],
        typer.Option(help="Join a subject's runs end to end, or its sessions too; several are refused otherwise."),
    ] = "nothing",
    header: Annotated[
        bool | None,
        typer.Option("--header/--no-header", help="Whether text files name their regions first; found if not given."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a table of connectivity from parcellated time series or from images, with nilearn.

    genebrain brain connectivity --timeseries aal116.npz --strip-prefix s --kind correlation --output conn.parquet

    Tangent space learns a group mean. Write --kind covariance and say `connectivity: tangent` in the YAML: each fold
    then learns the mean from its training subjects. --kind tangent itself needs --fit-on, the subjects to learn from.
    """
    from analyses.brain.connectivity_table import ConnectivityRequest, describe_connectivity, write_connectivity
    from encoders.brain.connectivity.visits import Visits

    request = ConnectivityRequest(
        timeseries=timeseries,
        images=tuple(images or ()),
        labels=labels,
        lut=lut,
        confounds=confounds,
        filters={"t_r": t_r, "high_pass": high_pass, "low_pass": low_pass},
        kind=kind,
        fit_on=fit_on,
        constant_rois=constant_rois,
        fisher_z=fisher_z,
        estimator=estimator,
        id_regex=id_regex,
        strip_prefixes=tuple(strip_prefix or ()),
        header=header,
        visits=Visits(session, tuple(session_order or ()), join),
    )
    say(describe_connectivity(write_connectivity(request, output), as_json=as_json))


def _given(**values: Any) -> dict[str, Any]:
    """Those that were given; the others keep their defaults."""
    return {name: value for name, value in values.items() if value}
