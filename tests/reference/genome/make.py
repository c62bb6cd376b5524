"""Make the simulated genome and cohort again, and what bcftools and plink2 say of them: ``python make.py FOLDER``.

The answers need bcftools 1.24 (by pysam 0.24), bcftools 1.16 and plink2 on the PATH. Sequence and genotypes are drawn
from a seed; nothing is of a real genome.
"""

import gzip
import hashlib
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import msprime
import pysam
import pysam.bcftools
import pysam.utils

SEED = 20
PHASED, MIXED = [f"P{n:02d}" for n in range(41)], [f"M{n:02d}" for n in range(23)]
CONTIGS = {"20": (10_000, 60_000), "22": (4_000, 26_000)}
"""First base that is no N (from 0), and length."""
GENES = {
    "G1": ("20", "+", 11_001, 22_000, [(11_001, 11_700), (14_003, 14_290), (17_411, 18_900), (21_001, 22_000)]),
    "G2": ("20", "-", 20_001, 31_500, [(20_001, 21_333), (25_007, 25_120), (30_880, 31_500)]),
    "G3": ("20", "+", 33_001, 41_777, [(33_001, 33_640), (36_200, 36_800), (41_001, 41_777)]),
    "G4": ("20", "-", 42_501, 45_013, [(42_501, 45_013)]),
    "G5": ("20", ".", 46_001, 49_000, [(46_001, 46_444), (48_100, 49_000)]),
    "G7": ("22", "-", 8_001, 19_500, [(8_001, 8_615), (10_444, 10_600), (14_030, 15_909), (18_777, 19_500)]),
}
"""Contig, strand, first and last base (from 1), exons. G1 and G2 overlap; the strand of G5 is unknown."""
WINDOW = 510
POLICIES = {
    "H1@1.24": "-H 1", "H2@1.24": "-H 2", "H1_M_N@1.24": "-H 1 -M N", "H2_M_N@1.24": "-H 2 -M N",
    "1pIu@1.24": "-H 1pIu", "2pIu@1.24": "-H 2pIu", "IUPAC_I@1.24": "-I", "default_applyALT@1.16": "",
}  # fmt: skip
HEADER = """##fileformat=VCFv4.2
##FILTER=<ID=PASS,Description="All filters passed">
##INFO=<ID=END,Number=1,Type=Integer,Description="End">
##ALT=<ID=DEL,Description="Deletion">
##ALT=<ID=CN0,Description="Copy number 0">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##contig=<ID=20,length=60000>
##contig=<ID=22,length=26000>
"""


class Record(NamedTuple):
    chrom: str
    position: int
    ref: str
    alts: list[str]
    info: str
    genotypes: list[str]

    def line(self) -> str:
        fields = [self.chrom, str(self.position), ".", self.ref, ",".join(self.alts), ".", "PASS", self.info, "GT"]
        return "\t".join([*fields, *self.genotypes]) + "\n"


def draw_genome(rng: random.Random) -> dict[str, str]:
    """N up to the first base, then bases; every seventh stretch of 400 in lower case, as repeats are."""
    contigs = {}
    for name, (first, length) in CONTIGS.items():
        bases = "".join(rng.choices("ACGT", weights=(29, 21, 21, 29), k=length - first))
        parts = [bases[n : n + 400] for n in range(0, len(bases), 400)]
        contigs[name] = "N" * first + "".join(p.lower() if n % 7 == 3 else p for n, p in enumerate(parts))
    return contigs


def _alleles(rng: random.Random, genome: str, place: int) -> tuple[str, list[str], str]:
    """REF, ALT and INFO of one record at ``place`` (from 0); REF spells the genome."""
    base, kind = genome[place], rng.random()
    other = rng.choice([letter for letter in "ACGT" if letter != base])
    if kind < 0.74:
        return base, [other], "."
    if kind < 0.82:
        return base, [base + "".join(rng.choices("ACGT", k=rng.randrange(1, 7)))], "."
    if kind < 0.92:
        return genome[place : place + rng.randrange(2, 14)], [base], "."
    if kind < 0.96:
        ref = genome[place : place + rng.randrange(2, 5)]
        return ref, [other + "".join(rng.choices("ACGT", k=len(ref) - 1))], "."
    if kind < 0.99:
        return base, [other, base + "TA"], "."
    return base, ["<DEL>"], f"END={place + rng.randrange(5, 30)}"


def draw_records(rng: random.Random, contigs: dict[str, str]) -> Iterator[Record]:
    """Sites of a coalescent with recombination, as records of 64 phased subjects."""
    for name, (first, length) in CONTIGS.items():
        trees = msprime.sim_ancestry(
            len(PHASED + MIXED), sequence_length=length - first, recombination_rate=1e-7, population_size=10_000,
            random_seed=SEED + int(name),
        )  # fmt: skip
        genome = contigs[name].upper()
        deleted: tuple[int, list[int]] = (first, [])
        free = first
        for variant in msprime.sim_mutations(trees, rate=4e-8, random_seed=SEED, model="binary").variants():
            place = first + int(variant.site.position)
            if place < free:
                continue
            carried = [int(allele > 0) for allele in variant.genotypes]
            ref, alts, info = _alleles(rng, genome, place)
            if info != ".":  # bcftools stops at other records inside a <DEL>
                if place < deleted[0]:
                    continue
                free = int(info.removeprefix("END="))
            if place < deleted[0] and any(deleted[1]):  # inside a deletion: who lost the base carries *
                alts = [*alts, "*"]
                carried = [len(alts) if gone else allele for gone, allele in zip(deleted[1], carried, strict=True)]
            elif len(alts) == 2:
                carried = [allele and rng.choice((1, 2)) for allele in carried]
            elif len(ref) > 3 and len(alts[0]) == 1:
                deleted = (place + len(ref), carried)
            pairs = zip(carried[::2], carried[1::2], strict=True)
            yield Record(name, place + 1, ref, alts, info, [f"{one}|{two}" for one, two in pairs])


def unphase(rng: random.Random, record: Record) -> Record:
    """One genotype in 40 is missing, half of the others lose their phase; but for * and what it stands for."""

    def change(genotype: str) -> str:
        if rng.random() < 0.025:
            return "./."
        return "/".join(sorted(genotype.split("|"))) if rng.random() < 0.5 else genotype

    if "*" in record.alts or len(record.ref) > 3:
        return record
    return record._replace(genotypes=[change(genotype) for genotype in record.genotypes])


def write_vcf(path: Path, records: Iterable[Record], samples: list[str]) -> Path:
    """Compressed and indexed; ``path`` ends in .vcf."""
    columns = "#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT".replace(" ", "\t")
    head = HEADER + "\t".join([columns, *samples]) + "\n"
    path.write_text(head + "".join(record.line() for record in records))
    return Path(pysam.tabix_index(str(path), preset="vcf", force=True))


def write_genome(folder: Path, contigs: dict[str, str]) -> None:
    plain = folder / "genome.fa"
    plain.write_text(
        "".join(
            f">{name}\n" + "".join(f"{s[n : n + 60]}\n" for n in range(0, len(s), 60)) for name, s in contigs.items()
        )
    )
    pysam.tabix_compress(str(plain), str(plain) + ".gz", force=True)
    pysam.faidx(str(plain) + ".gz")
    plain.unlink()


def write_genes(path: Path) -> None:
    lines = ["#!genome-build simulated-1\n"]
    for name, (chrom, strand, first, last, exons) in GENES.items():
        gene = f'gene_id "{name}"; gene_name "{name}"; gene_biotype "protein_coding";'
        transcript = f'{gene} transcript_id "{name}-1"; tag "Ensembl_canonical";'
        rows = [("gene", first, last, gene), ("transcript", first, last, transcript)]
        rows += [("exon", *exon, f'{transcript} exon_number "{number}";') for number, exon in enumerate(exons, 1)]
        lines += [f"{chrom}\tsimulated\t{kind}\t{a}\t{b}\t.\t{strand}\t.\t{text}\n" for kind, a, b, text in rows]
    path.write_text("".join(lines))


class Consensus:
    """Answers of bcftools 1.24 about one place after another."""

    def __init__(self, contigs: dict[str, str], scratch: Path) -> None:
        self.contigs, self.scratch = contigs, scratch

    def fasta(self, chrom: str, first: int, last: int) -> Path:
        path = self.scratch / "region.fa"
        path.write_text(f">{chrom}:{first}-{last}\n{self.contigs[chrom][first - 1 : last].upper()}\n")
        return path

    def sequence(self, place: tuple[str, int, int], vcf: Path, *options: str) -> str:
        answer = self.scratch / "answer.fa"
        pysam.bcftools.consensus(
            "-f", str(self.fasta(*place)), "-o", str(answer), *options, str(vcf), catch_stdout=False
        )
        return "".join(answer.read_text().splitlines()[1:]).upper()

    def offsets(self, place: tuple[str, int, int], vcf: Path, *options: str) -> tuple[str, list[int]]:
        """Sequence, and where each base of the reference begins in it; what is inserted belongs to the base before."""
        chain = self.scratch / "chain"
        sequence = self.sequence(place, vcf, "-c", str(chain), *options)
        starts, here = [], 0
        for line in chain.read_text().splitlines():
            size, *gaps = (0,) if line.startswith("chain") or not line.strip() else map(int, line.split())
            starts += range(here, here + size)
            here += size
            if gaps:
                here += gaps[1]
                starts += [here] * gaps[0]
        return sequence, [*starts, len(sequence)]


def haplotype_rows(consensus: Consensus, files: dict[Path, list[str]]) -> Iterator[list[str]]:
    """SHA-256 of every gene body in every haplotype, and with codes for what has no phase."""
    for name, (chrom, _, first, last, _) in GENES.items():
        for vcf, samples in files.items():
            for options in ("-H 1", "-H 2", *(("-H 1pIu", "-H 2pIu", "-I") if samples == MIXED else ())):
                for sample in samples:
                    try:
                        sequence = consensus.sequence((chrom, first, last), vcf, "-s", sample, *options.split())
                    except pysam.utils.SamtoolsError:
                        if options in ("-H 1", "-H 2"):
                            raise
                        continue  # no code stands for half of a <DEL>
                    digest = hashlib.sha256(sequence.encode()).hexdigest()
                    yield [name, f"{chrom}:{first}-{last}", sample, options, digest]


def _oriented(sequence: str, strand: str) -> str:
    return sequence[::-1].translate(str.maketrans("ACGT", "TGCA")) if strand == "-" else sequence


def distinct_windows(consensus: Consensus, name: str, unit: str, files: dict[Path, list[str]]) -> dict[str, Any]:
    """Haplotypes by bcftools, cut where its chain file places the borders of the windows of the reference."""
    chrom, strand, first, last, exons = GENES[name]
    found, n_windows = set(), 0
    for begin, end in exons if unit == "exon" else [(first, last)]:
        length = end - begin + 1
        steps = [min(step, length) for step in range(0, length + WINDOW, WINDOW)]
        cuts = sorted({length - step for step in steps} if strand == "-" else set(steps))
        n_windows += len(cuts) - 1
        for vcf, samples in files.items():
            for sample, haplotype in ((sample, number) for sample in samples for number in "12"):
                place = (chrom, begin, end)
                sequence, starts = consensus.offsets(place, vcf, "-s", sample, "-H", haplotype)
                found |= {_oriented(sequence[starts[a] : starts[b]], strand) for a, b in pairwise(cuts)}
    digest = hashlib.sha256("\n".join(sorted(found)).encode()).hexdigest()
    return {"n_windows": n_windows, "n_distinct": len(found), "sha256_of_sorted": digest}


def edge_cases(contigs: dict[str, str]) -> dict[str, tuple[int, list[tuple[int, str, str, str]]]]:
    """First base of a region of 60, and records of one subject, for every rule of bcftools consensus."""
    genome = contigs["20"].upper()

    def at(position: int, length: int = 1) -> str:
        return genome[position - 1 : position - 1 + length]

    def other(position: int) -> str:
        return "ACGT"[("ACGT".index(at(position)) + 1) % 4]

    def case(first: int, *records: tuple[int, int, str, str]) -> tuple[int, list[tuple[int, str, str, str]]]:
        """Place, length of REF, ALT with r for the first base of REF and o for another, genotype."""
        made = []
        for place, length, alt, genotype in records:
            text = alt if alt.startswith("<") else alt.replace("r", at(place)).replace("o", other(place))
            made.append((place, at(place, length), text, genotype))
        return first, made

    return {
        "snp_het_phased": case(50_000, (50_030, 1, "o", "0|1")),
        "deletion": case(50_100, (50_130, 6, "r", "0|1")),
        "complex_indel_no_shared_anchor": case(50_200, (50_230, 4, "oTT", "0|1")),
        "snp_then_insertion_same_pos": case(50_300, (50_330, 1, "o", "0|1"), (50_330, 1, "rCC", "0|1")),
        "two_insertions_same_pos": case(50_400, (50_430, 1, "rCC", "0|1"), (50_430, 1, "rTTT", "0|1")),
        "deletion_next_to_snp": case(50_500, (50_530, 1, "o", "0|1"), (50_531, 4, "r", "0|1")),
        "star_allele_0|2": case(50_600, (50_630, 5, "r", "1|0"), (50_632, 1, "o,*", "0|2")),
        "missing_./.": case(50_700, (50_730, 1, "o", "./.")),
        "unphased_0/1": case(50_800, (50_830, 1, "o", "0/1"), (50_835, 1, "o", "1/0")),
        "symbolic_DEL": case(50_900, (50_930, 1, "<DEL>", "0|1")),
        "symbolic_CN0": case(51_000, (51_030, 1, "<CN0>", "0|1")),
        "deletion_starting_before_region": case(51_100, (51_097, 8, "r", "0|1")),
        "insertion_at_last_base": case(51_200, (51_259, 1, "rGGG", "0|1")),
    }


def edge_answers(consensus: Consensus) -> Iterator[dict[str, Any]]:
    for name, (first, rows) in edge_cases(consensus.contigs).items():
        place = ("20", first, first + 59)
        records = [
            Record("20", position, ref, alt.split(","), f"END={position + 9}" if alt == "<DEL>" else ".", [genotype])
            for position, ref, alt, genotype in rows
        ]
        vcf = write_vcf(consensus.scratch / "case.vcf", records, ["S1"])
        out = {}
        for policy, text in POLICIES.items():
            if policy.endswith("1.16"):
                command = ["bcftools", "consensus", "-f", str(consensus.fasta(*place)), str(vcf)]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                out[policy] = {"rc": done.returncode, "seq": "".join(done.stdout.splitlines()[1:]).upper()}
                continue
            try:
                out[policy] = {"rc": 0, "seq": consensus.sequence(place, vcf, "-s", "S1", *text.split())}
            except pysam.utils.SamtoolsError:
                out[policy] = {"rc": 1, "seq": ""}
        lines = [[r.position, r.ref, ",".join(r.alts), r.info, r.genotypes[0]] for r in records]
        ref = consensus.contigs["20"][first - 1 : first + 59].upper()
        yield {"name": name, "region": f"20:{first}-{first + 59}", "records": lines, "ref": ref, "out": out}


def write_plink(folder: Path, scratch: Path) -> None:
    """Genotypes in plink2's own format, kinship; components of the subjects without missing genotypes.

    Pairs with missing genotypes are scaled by what both know in plink2's components, and not in ours.
    """
    snps = ["--max-alleles", "2", "--snps-only", "just-acgt"]
    runs = {
        "mixed": ["mixed", "--make-pgen", "vzs"], "king": ["mixed", *snps, "--make-king-table"],
        "pca": ["phased", *snps, "--maf", "0.05", "--bad-freqs", "--pca", "5"],
    }  # fmt: skip
    for name, (source, *options) in runs.items():
        command = ["plink2", "--vcf", str(folder / f"{source}.vcf.gz"), *options, "--threads", "1"]
        subprocess.run([*command, "--out", str(scratch / name)], check=True, capture_output=True)
    for name in ("mixed.pgen", "mixed.psam", "mixed.pvar.zst", "king.kin0", "pca.eigenvec", "pca.eigenval"):
        shutil.copy(scratch / name, folder / name)


def main(folder: Path) -> None:
    """Write everything into ``folder``."""
    scratch = folder / "scratch"
    scratch.mkdir(parents=True)
    rng = random.Random(SEED)
    contigs = draw_genome(rng)
    write_genome(folder, contigs)
    write_genes(folder / "genes.gtf")
    records = list(draw_records(rng, contigs))
    n = len(PHASED)
    phased = [record._replace(genotypes=record.genotypes[:n]) for record in records]
    mixed = [unphase(rng, record._replace(genotypes=record.genotypes[n:])) for record in records]
    files = {
        write_vcf(folder / "phased.vcf", phased, PHASED): PHASED, write_vcf(folder / "mixed.vcf", mixed, MIXED): MIXED
    }  # fmt: skip
    consensus = Consensus(contigs, scratch)
    with gzip.GzipFile(folder / "haplotypes.tsv.gz", "wb", mtime=0) as file:
        rows = [["gene", "region", "subject", "options", "sha256"], *haplotype_rows(consensus, files)]
        file.write("".join("\t".join(row) + "\n" for row in rows).encode())
    (folder / "edge_cases.json").write_text(json.dumps(list(edge_answers(consensus)), indent=1) + "\n")
    units = {
        unit: {name: distinct_windows(consensus, name, unit, files) for name in GENES} for unit in ("exon", "gene")
    }
    (folder / "windows.json").write_text(json.dumps(units, indent=1) + "\n")
    write_plink(folder, scratch)
    shutil.rmtree(scratch)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
