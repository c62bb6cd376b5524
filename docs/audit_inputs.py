"""Writes docs/formats.md: small inputs of every format, given to the readers, and what these said.

    python docs/audit_inputs.py          # or make audit-inputs

Nothing on the page is written by hand but the names of the inputs: a row says what the product did with one of them. A
test holds that the page is up to date.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pysam

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))
PAGE = REPOSITORY / "docs" / "formats.md"

from analyses.errors import InputError as AnalysesError  # noqa: E402
from analyses.genome.haplotypes import haplotype_fasta  # noqa: E402
from analyses.genome.subject_lists import read_subjects  # noqa: E402
from encoders.brain.import_options import ImportOptions  # noqa: E402
from encoders.brain.layouts.sources import read_source  # noqa: E402
from encoders.brain.records import one_row_per_subject  # noqa: E402
from encoders.brain.tables import read_brain_table  # noqa: E402
from encoders.errors import InputError as EncodersError  # noqa: E402
from encoders.genome.annotation.panel import read_panel  # noqa: E402
from encoders.genome.variants.files import VariantFiles  # noqa: E402
from encoders.tables.subjects import read_subject_table  # noqa: E402

HEAD = """# What is read, what is refused, and by which policy

Written by `make audit-inputs`, which gives every input below to its reader and notes the answer: `read`, with what was
told, or the sentence of the refusal. The rule behind all: what is absent, unreadable or ambiguous is never silently the
reference, the mean, the first, or the next subject's. PGEN, BGEN 1.2 and VCF Zarr follow the policies of VCF; a chunk
that a Zarr store lacks is refused where the store's fill value would be read as calls, though Zarr's rule fills it in.
"""


@dataclass(frozen=True)
class Input:
    """One small file and what reads it.

    Parameters
    ----------
    what : str
    read : callable
        Writes the file into the current folder, reads it, and returns what is worth showing.
    policy : str
        The options that decide, as a user writes them.
    """

    what: str
    read: Callable[[], object]
    policy: str = ""


# Genomes --------------------------------------------------------------------------------------------------------------

SEQUENCE = ("ACGTTGCATGCCATAGGTCA" * 20)[:400]
REGION = "20:141-160"


def _fasta(name: str = "r.fa", sequence: str = SEQUENCE, contig: str = "20") -> Path:
    path = Path(name)
    path.write_text(f">{contig}\n" + "".join(f"{sequence[at : at + 60]}\n" for at in range(0, len(sequence), 60)))
    return path


def _vcf(
    *cells: str,
    key: str = "GT",
    alt: str = "",
    version: str = "4.2",
    info: str = ".",
    contig: str = "20",
    samples: tuple[str, ...] = ("S1",),
) -> Path:
    """One record for each cell, from 20:150 and 2 bases apart; all subjects have the cell."""
    lines = [
        f"##fileformat=VCFv{version}", f"##contig=<ID={contig},length=400>",
        '##INFO=<ID=END,Number=1,Type=Integer,Description="End">',
        '##INFO=<ID=SVLEN,Number=A,Type=Integer,Description="Length">',
        *(f'##FORMAT=<ID={name},Number=1,Type={kind},Description="{name}">'
          for name, kind in (("GT", "String"), ("DS", "Float"), ("PS", "Integer"))),
        "\t".join(("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *samples)),
    ]  # fmt: skip
    for number, cell in enumerate(cells):
        at = 150 + 2 * number
        ref = SEQUENCE[at - 1]
        other = alt or "ACGT"[("ACGT".index(ref) + 1) % 4]
        lines.append(f"{contig}\t{at}\t.\t{ref}\t{other}\t.\tPASS\t{info}\t{key}" + f"\t{cell}" * len(samples))
    Path("v.vcf").write_text("\n".join([*lines, ""]))
    return Path(pysam.tabix_index("v.vcf", preset="vcf", force=True))


def _haplotypes(variants: Path, reference: Path | None = None, **policies: object) -> str:
    text = haplotype_fasta([reference or _fasta()], [variants], REGION, "S1", **policies)  # type: ignore[arg-type]
    return "haplotypes " + " / ".join(line for line in text.splitlines() if not line.startswith(">"))


def _stale() -> str:
    """The index of an earlier file, which had no records where this one has its own."""
    _vcf("0|1")
    shutil.move("v.vcf.gz.tbi", "old.tbi")
    path = _vcf(*["0|1"] * 5)
    shutil.copy("old.tbi", f"{path}.tbi")
    return _haplotypes(path)


def _cut(path: Path, n_bytes: int) -> Path:
    path.write_bytes(path.read_bytes()[:-n_bytes])
    return path


def _chrm() -> str:
    text = "".join(f">{name}\n{SEQUENCE}\n" for name in ("chrM", "chrMT", "20"))
    Path("m.fa").write_text(text)
    return _haplotypes(_vcf("0|1"), Path("m.fa"))


GENOTYPES = [
    Input("phased VCF", lambda: _haplotypes(_vcf("0|1", "1|1"))),
    Input("one unphased heterozygote", lambda: _haplotypes(_vcf("0/1"))),
    Input("two unphased heterozygotes of one window", lambda: _haplotypes(_vcf("0/1", "0/1")), "unphased: phased"),
    Input("the same", lambda: _haplotypes(_vcf("0/1", "0/1"), unphased="iupac"), "unphased: iupac"),
    Input("heterozygotes of two phase sets", lambda: _haplotypes(_vcf("0|1:150", "1|0:152", key="GT:PS"))),
    Input("missing genotype", lambda: _haplotypes(_vcf("./.")), "missing: reference"),
    Input("the same", lambda: _haplotypes(_vcf("./."), missing="N"), "missing: N"),
    Input("dosage without a call (DS)", lambda: _haplotypes(_vcf("1.98", key="DS")), "dosages: refuse"),
    Input("the same", lambda: _haplotypes(_vcf("1.98", key="DS"), dosages="best-guess", unphased="as-written"),
          "dosages: best-guess"),
    Input("a genotype that names no allele (0|2)", lambda: _haplotypes(_vcf("0|2"))),
    Input("one allele only (haploid call)", lambda: _haplotypes(_vcf("1"))),
    Input("deletion by SVLEN, VCF 4.4, no END",
          lambda: _haplotypes(_vcf("0|1", alt="<DEL>", version="4.4", info="SVLEN=5"))),
    Input("deletion of two lengths, END and SVLEN",
          lambda: _haplotypes(_vcf("0|1", alt="<DEL>", version="4.4", info="END=155;SVLEN=9"))),
    Input("duplication (<DUP>)", lambda: _haplotypes(_vcf("0|1", alt="<DUP>", info="END=155"))),
    Input("phase written first (`|0|1`, VCF 4.4)", lambda: _haplotypes(_vcf("|0|1", version="4.4"))),
    Input("index of an earlier file", _stale),
    Input("file cut off", lambda: _haplotypes(_cut(_vcf("0|1"), 10))),
    Input("contig chr20 beside 20", lambda: _haplotypes(_vcf("0|1", contig="chr20")), "contig_aliases: false"),
    Input("the same", lambda: _haplotypes(_vcf("0|1", contig="chr20"), contig_aliases=True), "contig_aliases: true"),
]  # fmt: skip

REFERENCES = [
    Input("lower-case (soft-masked) bases", lambda: _haplotypes(_vcf("0|1"), _fasta(sequence=SEQUENCE.lower()))),
    Input("NUL bytes of a broken copy",
          lambda: _haplotypes(_vcf("0|1"), _fasta(sequence=SEQUENCE[:145] + "\0" * 9 + SEQUENCE[154:]))),
    Input("chrM beside chrMT", _chrm),
    Input("another reference (REF does not agree)",
          lambda: _haplotypes(_vcf("0|1"), _fasta(sequence=SEQUENCE[3:] + "ACG"))),
]  # fmt: skip


# Annotation and lists -------------------------------------------------------------------------------------------------


def _gtf(attributes: str, *, encoding: str = "utf-8", squeezed: bool = False, extra: str = "") -> str:
    lines = [
        f"20\tx\t{kind}\t{first}\t{last}\t.\t+\t.\t{attributes}"
        for kind, first, last in (("gene", 101, 200), ("transcript", 101, 200), ("exon", 101, 200))
    ]
    content = ("\n".join(lines) + "\n" + extra).encode(encoding)
    Path("a.gtf").write_bytes(gzip.compress(content, mtime=0) if squeezed else content)
    panel = read_panel(Path("a.gtf"))
    return f"genes {', '.join(gene.gene_id for gene in panel.genes)}"


ENSEMBL = (
    'gene_id "G1"; gene_name "A"; transcript_id "T1"; gene_biotype "protein_coding"; '
    'transcript_biotype "protein_coding"; tag "Ensembl_canonical";'
)
ANNOTATIONS = [
    Input("Ensembl or GENCODE GTF", lambda: _gtf(ENSEMBL)),
    Input("RefSeq GTF (`MANE Select`)", lambda: _gtf(ENSEMBL.replace("Ensembl_canonical", "MANE Select"))),
    Input("values without quotes, two blanks", lambda: _gtf(ENSEMBL.replace('"', "").replace("; ", ";  "))),
    Input("latin-1", lambda: _gtf(ENSEMBL + ' note "Gläser";', encoding="latin-1")),
    Input("gzip under the name of plain text", lambda: _gtf(ENSEMBL, squeezed=True)),
    Input("a `##FASTA` part", lambda: _gtf(ENSEMBL, extra="##FASTA\n>20\nACGT\n")),
    Input("an unreadable line of another gene",
          lambda: _gtf(ENSEMBL, extra='20\tx\texon\tone\t2\t.\t+\t.\tgene_id "G9";\n')),
    Input("no gene lines", lambda: _gtf('note "nothing"')),
]  # fmt: skip


def _list(text: str) -> str:
    Path("s.txt").write_text(text)
    subjects = read_subjects(Path("s.txt"), ["S1", "S2", "NA 12", "NA"])
    VariantFiles(_vcf("0|1", samples=("S1", "S2", "NA 12", "NA"))).check_samples(subjects)
    return f"subjects {', '.join(subjects)}"


LISTS = [
    Input("one id a line, blanks in an id", lambda: _list("S2\nNA 12\n")),
    Input("plink's FID IID", lambda: _list("S1 S2\n")),
    Input("a byte order mark and CRLF", lambda: _list("\ufeffS1\r\nS2\r\n")),
    Input("an id that no file has", lambda: _list("S9\n")),
]


# Tables ---------------------------------------------------------------------------------------------------------------


WITH_FACTS = "id,age,site,fd_mean,roi1,roi2\na,31,x,.1,1,2\nb,40,y,.2,3,1\nc,50,x,.3,2,4\n"


def _table(text: str, encoding: str = "utf-8", **settings: object) -> str:
    Path("t.csv").write_bytes(text.encode(encoding))
    frame = read_subject_table(Path("t.csv"), "id", **settings).frame  # type: ignore[arg-type]
    return f"{len(frame)} subjects; " + "; ".join(f"{name}: {', '.join(map(str, frame[name]))}" for name in frame)


def _brain(text: str) -> str:
    Path("b.csv").write_text(text)
    table = read_brain_table(Path("b.csv"), id_column="id")
    return f"features {', '.join(table.feature_names)}; left out {', '.join(table.left_out) or 'none'}"


def _sessions(*labels: str, **settings: object) -> str:
    Path("b.csv").write_text("id,session,roi\n" + "".join(f"P1,{label},{n}\n" for n, label in enumerate(labels)))
    records, _ = read_source(Path("b.csv"), ImportOptions(id_column="id", session_column="session"))
    kept = one_row_per_subject(records, session="last", **settings)  # type: ignore[arg-type]
    return f"the last is {labels[int(kept.values[0, 0])]}"


def _objects() -> str:
    np.savez("x.npz", X=np.ones((2, 2)), ids=np.array(["a", 1], dtype=object))
    return f"{len(read_source(Path('x.npz'), ImportOptions(ids_key='ids'))[0].ids)} subjects"


def _parquet() -> str:
    pd.DataFrame({"roi": [1.5, 2.5]}, index=pd.Index(["P1", "P2"])).to_parquet("p.parquet")
    return f"subjects {', '.join(read_subject_table(Path('p.parquet'), '__index_level_0__').frame.index)}"


TABLES = [
    Input("comma, point", lambda: _table("id,age\n01,31.5\n02,64\n")),
    Input("semicolon, decimal comma, UTF-16", lambda: _table("id;age\n01;31,5\n02;64,25\n", "utf-16")),
    Input("5,843 beside nothing that decides", lambda: _table("id\tvolume\na\t5,843\nb\t4,210\n")),
    Input("the same", lambda: _table("id\tvolume\na\t5,843\nb\t4,210\n", decimal="."), "decimal: '.'"),
    Input("Windows-1252", lambda: _table("id,site\na,Köln\nb,Bonn\n", "cp1252")),
    Input("an id twice", lambda: _table("id,age\na,1\na,2\n")),
    Input("a column name twice", lambda: _table("id,age,age\na,1,2\n")),
    Input("parquet with an index without a name", _parquet),
    Input("npz that holds Python objects", _objects),
    Input("age, site and motion among the columns", lambda: _brain(WITH_FACTS)),
    Input("a value missing", lambda: _brain("id,roi1,roi2\na,1,\nb,3,1\nc,2,4\n"), "nan: refuse"),
    Input("sessions ses-2, ses-10", lambda: _sessions("ses-10", "ses-2")),
    Input("sessions pre, post", lambda: _sessions("pre", "post")),
    Input("the same", lambda: _sessions("pre", "post", session_order=("pre", "post")),
          "--session-order pre --session-order post"),
]  # fmt: skip

SECTIONS = {
    "Genotypes (VCF, BCF)": GENOTYPES,
    "Reference (FASTA)": REFERENCES,
    "Annotation (GTF, GFF3)": ANNOTATIONS,
    "Lists of subjects": LISTS,
    "Tables of participants and brains": TABLES,
}


# The page -------------------------------------------------------------------------------------------------------------


@contextmanager
def _empty_folder() -> Iterator[None]:
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def answer(given: Input) -> str:
    """What the product does with an input: what it read, with what it told, or its refusal."""
    with _empty_folder(), warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            said = f"read: {given.read()}"
        except (AnalysesError, EncodersError) as error:
            said = f"refused: {error}"
    # What a library is about to change is no word to the user.
    words = [str(one.message) for one in told if issubclass(one.category, UserWarning)]
    return " ".join([said, *(f"(told: {word})" for word in words)])


def page() -> str:
    """The whole page."""
    lines = [HEAD]
    for title, inputs in SECTIONS.items():
        lines += [f"## {title}\n", "| input | policy | answer |", "|---|---|---|"]
        lines += [f"| {_cell(one.what)} | {_cell(one.policy)} | {_cell(answer(one))} |" for one in inputs]
        lines.append("")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\0", "NUL")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"Wrote {PAGE.relative_to(REPOSITORY)}: {json.dumps({k: len(v) for k, v in SECTIONS.items()})}\n")
