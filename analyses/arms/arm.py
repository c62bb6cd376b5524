"""The arms of a run: each gives a gene view, from an encoder over distinct windows or from vectors made elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from analyses.arms.cost import note_cost, read_cost
from analyses.arms.twins import UNTRAINED, UNTRAINED_SOURCE
from analyses.config.encoder import PRECOMPUTED, EncoderConfig
from analyses.errors import InputError
from analyses.progress import Advance
from analyses.results.provenance import digest

if TYPE_CHECKING:
    from analyses.cluster.shards import Shard
    from analyses.results.schema.comparisons import StoreCost
    from encoders.dna.protocol import EncoderSpec, SequenceEncoder
    from encoders.embedding import EmbedReport
    from encoders.genome.windows.haplotype_windows import WindowTable
    from encoders.precomputed import PrecomputedPanel
    from encoders.store import EmbeddingStore
    from fusion.views.view import View


class Arm(Protocol):
    """One way to turn genes into numbers."""

    @property
    def name(self) -> str:
        """Names the arm in files and tables."""
        ...

    @property
    def spec(self) -> EncoderSpec:
        """What the vectors are; its fingerprint changes when they do."""
        ...

    def gene_view(self) -> View:
        """Subjects x (genes x hidden dimension), rows in the cohort's order."""
        ...


@dataclass(frozen=True)
class SequenceArm:
    """An encoder that reads the distinct windows of the cohort.

    Parameters
    ----------
    windows : callable
        Gives the table that the windows stage wrote.
    """

    name: str
    encoder: SequenceEncoder
    store: EmbeddingStore
    windows: Callable[[], WindowTable]

    @property
    def spec(self) -> EncoderSpec:
        return self.encoder.spec

    def embed(self, progress: Advance, shard: Shard | None = None) -> EmbedReport:
        """Embed the distinct windows that the store lacks, or those of one shard."""
        from encoders.embedding import embed_missing

        sequences = self.windows().sequences if shard is None else self._missing(shard)
        report = embed_missing(self.encoder, sequences, self.store, progress=progress)
        if report.n_encoded:
            note_cost(self.store.folder, report)
        return report

    def _missing(self, shard: Shard) -> list[str]:
        """What the store lacks of a shard; shards are cut by the id under which a vector is stored."""
        from encoders.embedding import missing_sequences
        from encoders.genome.sequences import sequence_id

        missing = missing_sequences(self.spec, self.windows().sequences, self.store)
        return [bases for bases in missing if shard.holds(sequence_id(bases))]

    def cost(self) -> StoreCost:
        """What all vectors of this setting in the store have cost, whichever run made them."""
        return read_cost(self.store.folder)

    def gene_view(self) -> View:
        """The subjects' gene vectors, kept factored."""
        from encoders.embedding import read_embeddings
        from encoders.subjects import make_gene_factors
        from fusion import FactoredView

        table = self.windows()
        return FactoredView(**vars(make_gene_factors(table, read_embeddings(table.sequences, self.store))))


@dataclass(frozen=True)
class PrecomputedArm:
    """Vectors per gene and subject that were made elsewhere.

    Parameters
    ----------
    subjects : callable
        Gives the cohort, in its order.
    """

    name: str
    spec: EncoderSpec
    panel: PrecomputedPanel
    subjects: Callable[[], tuple[str, ...]]

    def gene_view(self) -> View:
        """The vectors as a table that stays on disk, its columns grouped by gene."""
        from fusion import TableView

        panel = self.panel.select(self.subjects())
        return TableView(panel, panel.subject_ids, panel.column_groups)


def make_precomputed_arm(
    config: EncoderConfig, panel: PrecomputedPanel, subjects: Callable[[], tuple[str, ...]]
) -> PrecomputedArm:
    """Describe vectors made elsewhere: where they lie, how large the files are, and what the configuration says."""
    from encoders.dna.protocol import EncoderSpec

    root = Path(str(config.source))
    files = [(str(path.relative_to(root)), *_size(path)) for path in sorted(root.rglob("*")) if path.is_file()]
    spec = EncoderSpec(
        name=PRECOMPUTED,
        family=PRECOMPUTED,
        label=config.name,
        hidden_dim=max(gene.hidden_dim for gene in panel.genes),
        tokenizer_version="not known: made elsewhere",
        min_bp=1,
        source=root.name,
        pooling=config.pooling,
        layer=config.layer,
        rc_mode=config.rc,
        dtype=config.dtype,
        license="not known: made elsewhere",
        options=(("files", digest(files)), *sorted((key, str(value)) for key, value in config.options.items())),
    )
    return PrecomputedArm(config.name, spec, panel, subjects)


def open_panel(config: EncoderConfig) -> PrecomputedPanel:
    """The genes under ``source`` and the subjects that all of them have."""
    from encoders.precomputed import open_precomputed

    if config.source is None:
        raise InputError(
            f"Encoder '{config.name}' is precomputed and needs source: the folder with one entry per gene."
        )
    return open_precomputed(config.source)


def _size(path: Path) -> tuple[int, int]:
    """Bytes and time of change: hashing the embeddings of a biobank at every run would take minutes."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def make_sequence_arm(
    config: EncoderConfig, store_root: Path, windows: Callable[[], WindowTable], *, window: int
) -> SequenceArm:
    """Load the encoder of one arm and open its store.

    Parameters
    ----------
    window : int
        Bases per window of the run.

    Raises
    ------
    InputError, encoders.errors.InputError
        The encoder cannot be loaded as told, or does not read windows of that length.
    """
    from encoders.store import EmbeddingStore

    encoder = load_arm(config)
    longest = encoder.spec.max_bp
    if longest is not None and window > longest:
        raise InputError(
            f"genome.window must not exceed what encoder '{config.name}' reads at once, {longest} bp; got {window}. "
            "Lower genome.window."
        )
    return SequenceArm(config.name, encoder, EmbeddingStore(store_root, encoder.spec), windows)


def load_arm(arm: EncoderConfig) -> SequenceEncoder:
    """Load the encoder of one arm."""
    from encoders import load_encoder

    name, source, options = arm.encoder, arm.source, dict(arm.options)
    if source == UNTRAINED_SOURCE:
        name, source, options = f"{UNTRAINED}{name}", None, options | arm.untrained
    settings: dict[str, Any] = options
    return load_encoder(
        name,
        source=source,
        revision=None if source is None else arm.revision,
        rc=arm.rc,
        pooling=arm.pooling,
        layer=arm.layer,
        dtype=arm.dtype,
        **settings,
    )
