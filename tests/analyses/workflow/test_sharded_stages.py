"""Work shared out by shards gives what one process gives, also when processes are killed."""

import signal
from pathlib import Path

import numpy as np
import pysam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyses.cluster.shards import Shard, deal
from analyses.config.inputs import GenomeConfig
from analyses.errors import InputError
from analyses.genome.parts import WindowParts, _read_agreement
from analyses.genome.windows import count_windows, open_genome
from analyses.run.run import Run
from analyses.simulation.cohort import DemoCohort
from analyses.workflow.pipeline import run_stages
from analyses.workflow.sharded_stages import window_parts
from encoders.errors import InputError as EncodersError
from tests import warm_processes
from tests.analyses.commands import CONFIG, Command
from tests.analyses.shared_out import ARM, WINDOW_FILES, arguments, check_same_files, open_run, settings, stored_vectors

_RUN = """
import os, signal, sys
from pathlib import Path
from analyses.config.file import load_config
from analyses.run.run import Run
from analyses.workflow.pipeline import run_stages
from analyses.genome import parts
from analyses.workflow import sharded_stages
from analyses.cluster.shards import Shard

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

run = Run(load_config(Path(sys.argv[1]), sys.argv[3:], variables={"DEMO_COHORT": sys.argv[2]}))
"""


def _run_until_killed(cohort: DemoCohort, output: Path, code: str) -> None:
    answer = warm_processes.run(_RUN + code, CONFIG, cohort.folder, *settings(cohort, output))
    assert answer.returncode == -signal.SIGKILL, answer.stderr


@pytest.fixture(scope="module")
def cohort(small_cohort: DemoCohort) -> DemoCohort:
    """The commands below read this one."""
    return small_cohort


@pytest.fixture(scope="module")
def alone(cohort: DemoCohort, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Windows and vectors of one process."""
    run = open_run(cohort, tmp_path_factory.mktemp("alone") / "run")
    run_stages(run, until="embed")
    return run


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=60), st.integers(1, 12))
def test_every_item_is_dealt_once_and_loads_are_even(sizes: list[int], count: int) -> None:
    dealt = deal(sizes, count)
    assert sorted(item for items in dealt.values() for item in items) == list(range(len(sizes)))
    loads = [sum(sizes[item] for item in items) for items in dealt.values()]
    assert max(loads) - min(loads) <= max(sizes)


@given(st.integers(0, 2**128 - 1), st.integers(1, 40))
def test_every_digest_belongs_to_one_shard(digest: int, count: int) -> None:
    assert sum(Shard(index, count).holds(f"{digest:032x}") for index in range(count)) == 1


def test_shards_may_be_counted_from_0_or_from_1() -> None:
    assert {Shard.parse(f"{i}/3") for i in (1, 2, 3)} == {Shard.parse(f"{i}/3") for i in (0, 1, 2)}
    for wrong in ("4/3", "1", "0/0", "-1/3", "1/3/5", "a/b"):
        with pytest.raises(InputError, match="must be i/n"):
            Shard.parse(wrong)


@pytest.mark.parametrize("count", [1, 3, 11])
def test_parts_merge_to_the_files_of_one_process(
    alone: Run, cohort: DemoCohort, genebrain: Command, tmp_path: Path, count: int
) -> None:
    output = tmp_path / "out"
    for index in range(count, 0, -1):
        assert genebrain("windows", *arguments(cohort, output, "--shard", f"{index}/{count}")) == 0
    assert not (output / "windows" / "summary.json").exists()
    assert genebrain("windows", *arguments(cohort, output)) == 0
    check_same_files(WINDOW_FILES, output, alone.workspace.folder)


def test_a_second_run_of_a_shard_does_nothing(
    cohort: DemoCohort, genebrain: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert genebrain("windows", *arguments(cohort, output, "--shard", "1/2")) == 0
    part = next((output / "windows" / "parts").glob("*/part-1-of-2/table/table.npz"))
    before = part.stat().st_mtime_ns
    assert genebrain("windows", *arguments(cohort, output, "--shard", "1/2")) == 0
    assert "nothing to do; 1 of 2 are missing" in capsys.readouterr().out
    assert part.stat().st_mtime_ns == before


def test_a_shard_that_is_killed_is_redone_and_leaves_nothing_half(
    alone: Run, cohort: DemoCohort, tmp_path: Path
) -> None:
    output = tmp_path / "run"
    parts = window_parts(open_run(cohort, output))
    assert parts.write(Shard(0, 2))
    middle = "sharded_stages.window_parts(run).write(Shard(1, 2), progress=lambda done, total: done == 2 and die())"
    _run_until_killed(cohort, output, middle)
    assert [path.name for path in parts.folder.iterdir()] == ["part-0-of-2"]
    publishing = "parts._write_agreement = die\nsharded_stages.window_parts(run).write(Shard(1, 2))"
    _run_until_killed(cohort, output, publishing)
    assert len(list(parts.folder.glob(".part-1-of-2.*"))) == 1
    assert not parts.path(Shard(1, 2)).exists()
    run_stages(open_run(cohort, output), until="windows")
    check_same_files(WINDOW_FILES, output, alone.workspace.folder)
    assert not list(parts.folder.glob(".part-*"))


def test_parts_of_other_settings_are_not_taken(
    alone: Run, cohort: DemoCohort, genebrain: Command, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    other = arguments(cohort, output, "--set", "genome.window=300")
    assert genebrain("windows", *other, "--shard", "1/2") == 0
    assert genebrain("windows", *other, "--shard", "2/2") == 0
    assert genebrain("windows", *arguments(cohort, output)) == 0
    check_same_files(WINDOW_FILES, output, alone.workspace.folder)


def test_embedding_shards_fill_the_store_of_one_process_also_when_killed(
    alone: Run, cohort: DemoCohort, genebrain: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "run"
    assert genebrain("embed", *arguments(cohort, output, "--shard", "2/3", "--arm", ARM)) == 0
    run = open_run(cohort, output)
    n_done = len(stored_vectors(run))
    assert 0 < n_done < len(stored_vectors(alone))
    _run_until_killed(cohort, output, "sharded_stages.chosen_arms(run, ['kmer-5'])[0].embed(die, Shard.parse('3/3'))")
    assert len(stored_vectors(run)) == n_done
    for shard in ("3/3", "1/3"):
        assert genebrain("embed", *arguments(cohort, output, "--shard", shard)) == 0
    assert stored_vectors(run) == stored_vectors(alone)
    capsys.readouterr()
    for shard in ("1/3", "2/3", "3/3"):
        assert genebrain("embed", *arguments(cohort, output, "--shard", shard)) == 0
    assert capsys.readouterr().out.count("0 embedded, 0 forward passes") == 3


@pytest.mark.parametrize(
    ("command", "more", "sentence"),
    [
        ("windows", ("--shard", "9/8"), "--shard must be i/n"),
        ("embed", ("--shard", "1/2", "--arm", "kmer"), "--arm must name an arm of the configuration (kmer-5)"),
        ("embed", ("--arm", ARM), "Add --shard 1/1"),
        ("embed", ("--shard", "1/2", "--force"), "--force redoes the windows stage"),
        ("run", ("--emit-slurm", "jobs", "--force"), "--force would redo finished work in every requeued task"),
        ("run", ("--set", "engine.address=tcp://127.0.0.1:1"), "engine.address is that of a dask scheduler"),
    ],
)
def test_wrong_requests_get_one_sentence(
    *,
    cohort: DemoCohort,
    genebrain: Command,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    more: tuple[str, ...],
    sentence: str,
) -> None:
    assert genebrain(command, *arguments(cohort, tmp_path / "out", *more)) == 2
    assert sentence in capsys.readouterr().err


def test_files_alone_are_not_shared_out(genebrain: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert genebrain("windows", "--annotation", "a.gtf", "--variants", "v.vcf.gz", "--shard", "1/2") == 2
    assert "Give the YAML file of the experiment" in capsys.readouterr().err


def test_the_gate_judges_all_shards_together(cohort: DemoCohort, genebrain: Command, tmp_path: Path) -> None:
    """One REF in 500 is damaged: no shard can know that it is too many, the merge says what one process says."""
    run = open_run(cohort, tmp_path / "unused")
    places = [(gene.interval, gene.exons) for gene in run.genome.panel.genes]
    gene, site = next(  # of an intron: in an exon the consensus itself would stop
        (body, site)
        for body, exons in places
        for site in run.genome.variants.sites(body)
        if not any(exon.start <= site.position < exon.end for exon in exons)
    )
    with pysam.FastaFile(str(cohort.reference)) as fasta:
        contigs = {name: fasta.fetch(name) for name in fasta.references}
    letters = contigs[gene.chrom]
    wrong = "ACGT"[("ACGT".index(letters[site.position]) + 1) % 4]
    contigs[gene.chrom] = letters[: site.position] + wrong + letters[site.position + 1 :]
    damaged = tmp_path / "damaged.fa"
    damaged.write_text("".join(f">{name}\n{sequence}\n" for name, sequence in contigs.items()))
    genome = f"genome.reference={damaged}"
    with pytest.raises(EncodersError) as said:
        run_stages(open_run(cohort, tmp_path / "one", genome), until="windows")
    shared_out = open_run(cohort, tmp_path / "shared", genome)
    parts = window_parts(shared_out)
    assert all(parts.write(Shard(index, 3)) for index in range(3))
    with pytest.raises(EncodersError) as merged:
        run_stages(shared_out, until="windows")
    assert str(merged.value) == str(said.value)
    assert "REF must spell the reference" in str(said.value)


def _assert_counted_once(config: GenomeConfig, folder: Path, every: int) -> None:
    """Records of overlapping genes are in two shards and count once, as in one process."""
    genome = open_genome(config)
    subjects = genome.variants.samples[::every]
    table, summary = count_windows(genome, config, subjects)
    parts = WindowParts(folder / "parts" / "key", config, subjects)
    assert parts.count() is None
    assert [parts.write(shard) for shard in parts.missing(genome, 4)] == [True] * 4
    assert parts.count() == 4
    merged, same_summary = parts.merge(genome, 4)
    assert same_summary == summary
    assert merged.sequences == table.sequences
    assert np.array_equal(merged.sequence_index, table.sequence_index)
    by_part = sum(len(_read_agreement(path)) for path in parts.folder.glob("*/agreement.json.gz"))
    assert by_part > summary.reference_agreement.n_records  # there are such records


def test_genes_that_overlap_are_counted_once(simulated_genome: Path, tmp_path: Path) -> None:
    config = GenomeConfig(
        reference=(simulated_genome / "genome.fa.gz",),
        annotation=(simulated_genome / "genes.gtf",),
        variants=tuple(simulated_genome / f"{name}.vcf.gz" for name in ("phased", "mixed")),
        unphased="as-written",
        unstranded="forward",
    )
    _assert_counted_once(config, tmp_path, 2)


def test_real_genes_that_overlap_are_counted_once(real_data: Path, tmp_path: Path) -> None:
    """17 genes, 503 subjects."""
    folder = real_data / "genome" / "grch37_chr20"
    config = GenomeConfig(
        reference=tuple(folder.glob("*.fa.gz")),
        annotation=tuple(folder.glob("*.gtf")),
        variants=tuple(next(folder.glob(f"*EUR{n}*.vcf.gz")) for n in (300, 203)),
        biotype=None,
        unphased="as-written",
        unstranded="forward",
    )
    _assert_counted_once(config, tmp_path, 5)
