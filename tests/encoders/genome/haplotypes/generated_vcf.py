"""VCFs as odd as files in the world: every version from 4.1 on, headers that lack or repeat what they should say,
overlaps, symbolic alleles, phase sets, names with commas. REF always spells the genome."""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pysam

_SYMBOLS = ("<DEL>", "<DEL>", "<DEL>", "<DEL>", "<DUP>", "<INS>", "<CN0>", "<NON_REF>", "<*>", "*", ".", "A[20:99[")
_NAMES = ("S1", "0012", "Doe,J", "A B", "^X", "-", "S1.2", "NA 12")


@dataclass(frozen=True)
class GeneratedVcf:
    """One file, the region in which its records start, and whose haplotypes to ask for."""

    seed: int
    path: Path
    genome: str
    start: int
    end: int
    subject: str
    text: str

    def without_leading_phases(self) -> "GeneratedVcf":
        """The same genotypes as they are written without a phase of the first allele; over the file itself."""
        head, _, body = self.text.rpartition("\n#CHROM")
        plain = f"{head}\n#CHROM" + re.sub(r"(?<=\t)[|/]", "", body)
        return replace(self, path=_write(plain, self.path.parent), text=plain)


def make_vcf(seed: int, folder: Path) -> GeneratedVcf:
    """Write and index the VCF of a seed."""
    rng = random.Random(seed)
    version = rng.choice(["4.1", "4.2", "4.3", "4.4", "4.5"])
    genome = "".join(rng.choices("ACGT", k=200))
    start = 30
    end = start + rng.randrange(20, 90)
    names = rng.sample(_NAMES, rng.randrange(1, 4))
    keys = rng.choice([["GT"], ["GT"], ["GT", "DP"], ["GT", "PS"], ["GT", "PS", "DP"]])
    plain = rng.random() < 0.5
    records = [
        _record(rng, genome, rng.randrange(start, end), names, keys, version=version, plain=plain)
        for _ in range(rng.randrange(1, 9))
    ]
    lines = sorted(records, key=lambda line: int(line.split("\t")[1]))
    text = "".join(f"{line}\n" for line in [*_header(rng, version, names), *lines])
    return GeneratedVcf(seed, _write(text, folder), genome, start, end, rng.choice(names), text)


def _write(text: str, folder: Path) -> Path:
    path = folder / "generated.vcf"
    path.write_bytes(text.encode("latin-1"))
    return Path(pysam.tabix_index(str(path), preset="vcf", force=True))


def _header(rng: random.Random, version: str, names: Sequence[str]) -> list[str]:
    """Lines that a header may have, in any order; any may be missing but that of the contig."""
    length = rng.choice(["A", "1", "."])
    usual = [
        '##INFO=<ID=END,Number=1,Type=Integer,Description="End, of the \\"record\\"">',
        f'##INFO=<ID=SVLEN,Number={length},Type=Integer,Description="Length">',
        '##INFO=<ID=SVTYPE,Number=1,Type=String,Description="Kind of variant (a<b>c, d=e)">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">',
        '##FORMAT=<ID=PS,Number=1,Type=Integer,Description="Phase set">',
        '##FORMAT=<ID=DS,Number=A,Type=Float,Description="Dosage">',
        '##ALT=<ID=DEL,Description="Deletion">', '##FILTER=<ID=q10,Description="Quality below 10">',
        "##source=caf\xe9 1.0; a=b", "##contig=<ID=HLA-A*01:01:01:01,length=3503>", "##contig=<ID=1>",
        "##bcftools_viewCommand=view -s \"A,B\" 'x y'", "##assembly=file:///a b.fa",
    ]  # fmt: skip
    kept = [line for line in usual if rng.random() < 0.85]
    rng.shuffle(kept)
    contig = rng.choice(["##contig=<ID=20,length=200>", "##contig=<ID=20>", "##contig=<ID=20,assembly=b37,md5=x>"])
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *names]
    return [f"##fileformat=VCFv{version}", *kept, contig, "\t".join(columns)]


def _record(
    rng: random.Random,
    genome: str,
    position: int,
    names: Sequence[str],
    keys: Sequence[str],
    *,
    version: str,
    plain: bool,
) -> str:
    ref = genome[position : position + rng.choice([1, 1, 1, 2, 3, 5, 9])]
    alts, info = _spelled(rng, ref), "."
    if rng.random() < 0.25:
        alts = [rng.choice(_SYMBOLS[:4] if plain else _SYMBOLS)]
        if len(alts[0]) > 1:
            ref, info = rng.choice([ref, ref[0], ref[0]]), _length(rng, position)
        elif alts == ["*"] and rng.random() < 0.5:
            alts = [*_spelled(rng, ref)[:1], "*"]
    if rng.random() < 0.1:
        ref, alts = ref.lower(), [alt.lower() if alt.isalpha() else alt for alt in alts]
    used = ["DS"] if not plain and rng.random() < 0.03 else keys
    n_alleles = 1 if alts == ["."] else 1 + len(alts)
    cells = [":".join(_value(rng, key, n_alleles, version=version, plain=plain) for key in used) for _ in names]
    filter_ = rng.choice(["PASS", ".", "q10"])
    fields = ["20", str(position + 1), rng.choice([".", "rs1"]), ref, ",".join(alts), ".", filter_, info]
    return "\t".join([*fields, ":".join(used), *cells])


def _spelled(rng: random.Random, ref: str) -> list[str]:
    """One to three alleles of letters: insertions, deletions, substitutions of any length."""
    while True:
        inserted = "".join(rng.choices("ACGT", k=rng.randrange(1, 5)))
        made = [ref[0] + inserted + ref[1:], ref[: rng.randrange(1, len(ref) + 1)], inserted, ref + inserted]
        made.append("".join(rng.choice([base, rng.choice("ACGT")]) for base in ref))
        alts = [alt for alt in dict.fromkeys(rng.choices(made, k=rng.choice([1, 1, 2, 3]))) if alt != ref]
        if alts:
            return alts


def _length(rng: random.Random, position: int) -> str:
    """The length of a symbolic allele in any of the ways in which it is written, also contradictory or not at all."""
    span = rng.randrange(1, 14)
    end, length = f"END={position + 1 + span}", f"SVLEN={rng.choice(['-', ''])}{span}"
    other = f"SVLEN={span + 3}"
    choices = [end, end, length, length, f"{end};{length}", f"{length};{end}", f"{end};{other}", "SVTYPE=DEL", "."]
    return rng.choice([*choices, f"SVTYPE=DEL;{length}", f"END={position}"])


def _value(rng: random.Random, key: str, n_alleles: int, *, version: str, plain: bool) -> str:
    if key != "GT":
        choices: dict[str, Callable[[], str]] = {
            "DP": lambda: rng.choice(["7", "."]),
            "PS": lambda: rng.choice(["31", "31", "31", "77", "."]),
            "DS": lambda: f"{rng.uniform(0, 2):.2f}",
        }
        return choices[key]()
    if not plain and rng.random() < 0.01:
        return rng.choice(["1", "0|0|1", f"0/{n_alleles}", "."])
    pair = [str(rng.randrange(n_alleles)) if rng.random() > 0.08 else "." for _ in range(2)]
    between = rng.choice("|||/")
    lead = rng.choice(["", "", between] * 15 + ["|", "/"]) if version >= "4.4" else ""
    return lead + between.join(pair)
