"""Labelled sets hold what a direct count of the annotation gives, on the right strand, apart, and matched by GC."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pysam
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from encoders.errors import InputError
from encoders.genome.sequences import reverse_complement
from encoders.training.tasks import TaskSettings, make_task, read_labelled_set, write_task
from encoders.training.tasks.composition import Match, dinucleotide_shares, gc_content, match_classes
from encoders.training.tasks.making import MadeTask
from tests.encoders.training.tasks.simulated_genes import write_genome

Genome = tuple[Path, Path]
CHROMOSOMES = TaskSettings(dev=("2",), test=("3",), window=80, seed=3)


@pytest.fixture(scope="module")
def genome(tmp_path_factory: pytest.TempPathFactory) -> Genome:
    return write_genome(tmp_path_factory.mktemp("genome"))


@pytest.fixture(scope="module")
def splice(genome: Genome) -> MadeTask:
    return make_task("splice", *genome, settings=CHROMOSOMES)


def exon_table(gtf: Path) -> pd.DataFrame:
    """Exons as pandas reads them, 1-based, with their place in the transcript."""
    names = ["chrom", "source", "kind", "start", "end", "score", "strand", "phase", "attributes"]
    table = pd.read_csv(gtf, sep="\t", names=names, dtype={"chrom": str, "phase": str})
    table["gene"] = table["attributes"].str.extract('gene_id "([^"]+)"')
    return table[table["kind"] == "exon"].sort_values(["gene", "start"])


def direct_sites(gtf: Path) -> set[tuple[str, int, str, str]]:
    """Contig, position between bases, strand and class of both ends of every intron."""
    sites = set()
    for _, exons in exon_table(gtf).groupby("gene"):
        strand = exons["strand"].iloc[0]
        for end, start in zip(exons["end"].iloc[:-1], exons["start"].iloc[1:], strict=True):
            left, right = ("donor", "acceptor") if strand == "+" else ("acceptor", "donor")
            sites |= {
                (exons["chrom"].iloc[0], int(end), strand, left),
                (exons["chrom"].iloc[0], int(start) - 1, strand, right),
            }
    return sites


def test_sites_are_those_of_a_direct_count(genome: Genome) -> None:
    every = make_task("splice", *genome, settings=TaskSettings(by="cluster", window=80, match="none", pool=3))
    wanted = Counter(kind for *_, kind in direct_sites(genome[1]))
    assert every.card.provenance["candidates"]["donor"] == wanted["donor"]
    assert every.card.provenance["candidates"]["acceptor"] == wanted["acceptor"]
    found = {
        (at.chrom, (at.start + at.end) // 2, at.strand, every.card.classes[label])
        for at, label in zip(every.places, every.labels, strict=True)
        if label
    }
    assert found <= direct_sites(genome[1])
    assert len(found) > 0.7 * len(direct_sites(genome[1]))


def test_sequences_are_read_on_the_strand_of_the_gene(genome: Genome, splice: MadeTask) -> None:
    """Donors read GT after the middle and acceptors AG before it, on both strands; so do the others as often."""
    cores: dict[str, Counter[str]] = {name: Counter() for name in splice.card.classes}
    with pysam.FastaFile(str(genome[0])) as fasta:
        for bases, label, at in zip(splice.sequences, splice.labels, splice.places, strict=True):
            plus = fasta.fetch(at.chrom, at.start, at.end).upper()
            assert bases == (plus if at.strand == "+" else reverse_complement(plus))
            cores[splice.card.classes[label]][f"{bases[38:40]} {bases[40:42]}"] += 1
    assert {key[3:] for key in cores["donor"]} == {"GT"}
    assert {key[:2] for key in cores["acceptor"]} == {"AG"}
    assert {at.strand for at in splice.places} == {"+", "-"}
    assert all(key[:2] == "AG" or key[3:] == "GT" for key in cores["neither"])
    as_donors = sum(n for key, n in cores["neither"].items() if key[3:] == "GT") / cores["neither"].total()
    assert 0.3 < as_donors < 0.7


def test_no_background_lies_at_an_edge_of_an_exon(genome: Genome, splice: MadeTask) -> None:
    edges = {place[:3] for place in direct_sites(genome[1])}
    middles = {
        (at.chrom, (at.start + at.end) // 2, at.strand) for at in np.array(splice.places, object)[splice.labels == 0]
    }
    assert middles
    assert not middles & edges


@pytest.mark.parametrize("name", ["splice", "promoter", "coding", "exon", "first-exon"])
def test_gc_alone_is_at_chance(genome: Genome, name: str) -> None:
    """Exact test: AUROC of a classifier of GC, trained and tested on different chromosomes, with its interval."""
    settings = TaskSettings(dev=("2",), test=("3",), window=60, seed=1)
    made = make_task(name, *genome, settings=settings)  # type: ignore[arg-type]
    gc = gc_content(made.sequences)[:, None]
    train, test = made.split == 0, made.split == 2
    said = LogisticRegression(C=1e6).fit(gc[train], made.labels[train]).predict_proba(gc[test])
    labels = made.labels[test]
    for label in range(said.shape[1]):
        one = labels == label
        auroc = roc_auc_score(one, said[:, label])
        n, m = int(one.sum()), int((~one).sum())
        assert abs(auroc - 0.5) < 2.6 * np.sqrt((n + m + 1) / (12 * n * m))  # of ranks that say nothing
    counts = made.card.provenance["counts"]
    assert all(len(set(of_split.values())) == 1 for of_split in counts.values())


def test_classes_that_differ_in_gc_are_matched_and_matching_takes_the_difference_away() -> None:
    rng = np.random.default_rng(0)
    rich = ["".join(rng.choice(list("ACGT"), 50, p=(0.2, 0.3, 0.3, 0.2))) for _ in range(60)]
    poor = ["".join(rng.choice(list("ACGT"), 50, p=(0.28, 0.22, 0.22, 0.28))) for _ in range(600)]
    sequences, labels = [*rich, *poor], np.repeat([1, 0], [60, 600])
    before = gc_content(rich).mean() - gc_content(poor).mean()
    rows = match_classes(sequences, labels, rng)
    kept = [[sequences[row] for row in rows if labels[row] == label] for label in (0, 1)]
    assert len(kept[0]) == len(kept[1]) > 40
    assert before > 0.1
    assert abs(gc_content(kept[0]).mean() - gc_content(kept[1]).mean()) < 0.005


def test_matching_by_dinucleotides_brings_them_closer() -> None:
    rng = np.random.default_rng(1)
    sequences = ["".join(rng.choice(list("ACGT"), 50)) for _ in range(700)]
    sequences[:60] = [f"{one[:30]}CGCGCGCGTATATATATATA" for one in sequences[:60]]
    labels = np.repeat([1, 0], [60, 640])
    shares = dinucleotide_shares(sequences)

    def distance(match: Match) -> float:
        rows = match_classes(sequences, labels, np.random.default_rng(0), match=match, tolerance=0.04)
        one, other = (shares[rows[labels[rows] == label]].mean(axis=0) for label in (0, 1))
        return float(np.abs(one - other).sum())

    assert distance("dinucleotides") < 0.9 * distance("gc")


def test_frames_begin_where_they_say(genome: Genome) -> None:
    """The place within its codon of the first base, by the distance along the coding sequence, with pandas."""
    made = make_task("frame", *genome, settings=TaskSettings(by="cluster", window=60, match="none"))
    table = exon_table(genome[1])
    place = {}
    for _, exons in table.groupby("gene"):
        ordered = exons if exons["strand"].iloc[0] == "+" else exons[::-1]
        before = 0
        for exon in ordered.itertuples():
            span = range(exon.start - 1, exon.end)
            for at in span if exon.strand == "+" else reversed(span):
                place[exon.chrom, at, exon.strand] = before % 3
                before += 1
    first = [at.start if at.strand == "+" else at.end - 1 for at in made.places]
    assert [
        place[at.chrom, base, at.strand] for at, base in zip(made.places, first, strict=True)
    ] == made.labels.tolist()
    assert len(made.labels) > 60


def test_promoters_lie_over_transcription_starts_and_their_background_away_from_them(genome: Genome) -> None:
    made = make_task("promoter", *genome, settings=TaskSettings(by="cluster", window=60, match="none"))
    starts = {
        (exons["chrom"].iloc[0], exons["start"].min() - 1 if exons["strand"].iloc[0] == "+" else exons["end"].max() - 1)
        for _, exons in exon_table(genome[1]).groupby("gene")
    }
    for at, label in zip(made.places, made.labels, strict=True):
        start = at.start + 50 if at.strand == "+" else at.end - 1 - 50
        distance = min(abs(base - (at.start + at.end) // 2) for chrom, base in starts if chrom == at.chrom)
        assert ((at.chrom, start) in starts) if label else distance > 1000


def test_gaps_are_left_out_and_soft_masked_bases_are_bases(genome: Genome, splice: MadeTask) -> None:
    made = make_task("promoter", *genome, settings=TaskSettings(by="cluster", window=60, pool=60, match="none"))
    assert made.card.provenance["left_out"]["with N or another code"] > 0
    assert set("".join((*made.sequences, *splice.sequences))) == set("ACGT")
    assert any(at.chrom == "1" and at.start < 2300 and at.end > 1700 for at in splice.places)


def test_a_set_is_written_whole_and_read_back(splice: MadeTask, tmp_path: Path) -> None:
    write_task(splice, tmp_path / "splice")
    read = read_labelled_set(tmp_path / "splice")
    assert (read.kind, read.classes, read.name) == ("multiclass", ("neither", "donor", "acceptor"), "splice")
    assert {name: len(one) for name, one in read.splits.items()} == {
        name: sum(counts.values()) for name, counts in splice.card.provenance["counts"].items()
    }
    assert set(read.test.columns["chromosome"]) == {"3"}
    assert sorted(read.test.sequences) == sorted(np.array(splice.sequences, object)[splice.split == 2])
    assert read.provenance == splice.card.provenance


def test_a_folder_that_is_no_labelled_set_is_never_replaced(splice: MadeTask, tmp_path: Path) -> None:
    write_task(splice, tmp_path / "splice")
    write_task(splice, tmp_path / "splice")  # its own may be
    (tmp_path / "splice" / "thesis.txt").write_text("x")
    (tmp_path / "gue").mkdir()
    (tmp_path / "gue" / "train.csv").write_text("sequence,label\n")
    for taken in ("splice", "gue"):
        with pytest.raises(InputError, match=f"replaces an earlier one alone; .*{taken} holds something else"):
            write_task(splice, tmp_path / taken)
    assert (tmp_path / "splice" / "thesis.txt").exists()


def test_genes_on_contigs_that_the_reference_lacks_are_told(genome: Genome, tmp_path: Path) -> None:
    lines = genome[1].read_text().splitlines(True)
    for name, absent in (("some", ("1",)), ("all", ("1", "2", "3"))):
        moved = ["9" + line[1:] if line.split("\t")[0] in absent else line for line in lines]
        (tmp_path / f"{name}.gtf").write_text("".join(moved))
    made = make_task("splice", genome[0], tmp_path / "some.gtf", settings=TaskSettings(window=80))
    assert 0 < made.card.provenance["genes_not_in_reference"] < made.card.provenance["genes"]
    with pytest.raises(InputError, match=r"no gene lies on a contig of .*: give the FASTA that the annotation"):
        make_task("splice", genome[0], tmp_path / "all.gtf")


def test_the_seed_decides(genome: Genome, splice: MadeTask) -> None:
    again = make_task("splice", *genome, settings=CHROMOSOMES)
    other = make_task("splice", *genome, settings=TaskSettings(dev=("2",), test=("3",), window=80, seed=4))
    assert again.sequences == splice.sequences
    assert other.sequences != splice.sequences


@pytest.mark.parametrize(
    ("name", "settings", "told"),
    [
        ("splice", TaskSettings(window=81), "must be even; got 81"),
        ("splice", TaskSettings(most=3), "needs most from 10 to"),
        ("splice", TaskSettings(window=0), "needs window from 2 to 100000; got 0"),
        ("splice", TaskSettings(seed=-1), "needs seed from 0 to .*; got -1"),
        ("splice", TaskSettings(dev=("2",)), "one for dev and one for test; got dev 2, test none"),
        ("splice", TaskSettings(dev=("2",), test=("9",)), "Contig 9 is not in the reference"),
        ("splice", TaskSettings(dev=("2",), test=("2",)), "2 is asked for in dev and test"),
        ("splice", TaskSettings(dev=("2", "1"), test=("3",)), "leaves one for train"),
        ("splice", TaskSettings(by="cluster", test=("2",)), "split by cluster takes no chromosomes"),
        ("frame", TaskSettings(window=2000), "none of class 0"),
    ],
)
def test_what_makes_no_sense_is_refused(genome: Genome, name: str, settings: TaskSettings, told: str) -> None:
    with pytest.raises(InputError, match=told):
        make_task(name, *genome, settings=settings)  # type: ignore[arg-type]


def test_exons_need_no_coding_sequence_and_introns_touch_none(genome: Genome, tmp_path: Path) -> None:
    """Held against the exon lines, as pandas reads them."""
    gtf = tmp_path / "exons.gtf"
    gtf.write_text("".join(line for line in genome[1].read_text().splitlines(True) if "\tCDS\t" not in line))
    made = make_task("exon", genome[0], gtf, settings=TaskSettings(dev=("2",), test=("3",), window=40, seed=3))
    exons = exon_table(gtf)
    assert made.card.classes == ("intron", "exon")
    assert {*made.labels} == {0, 1}
    for label, at in zip(made.labels, made.places, strict=True):
        there = exons[(exons["chrom"] == at.chrom) & (exons["start"] <= at.end) & (exons["end"] > at.start)]
        within = (there["start"] - 1 <= at.start) & (there["end"] >= at.end)
        assert within.any() if label else there.empty


def test_frames_need_coding_sequence(genome: Genome, tmp_path: Path) -> None:
    gtf = tmp_path / "exons.gtf"
    gtf.write_text("".join(line for line in genome[1].read_text().splitlines(True) if "\tCDS\t" not in line))
    with pytest.raises(InputError, match="has no CDS line"):
        make_task("frame", genome[0], gtf)
