"""The encoders of this package on one page: what can be known of each before its module is imported."""

from dataclasses import dataclass, replace

UNTRAINED = "untrained:"
NO_WEIGHTS = "not applicable: no weights"
RANDOM_WEIGHTS = "not applicable: random weights"
NON_COMMERCIAL = "CC-BY-NC-SA-4.0"

BOTH = ("forward", "average")
EITHER = "of the source"


@dataclass(frozen=True, slots=True)
class EncoderCard:
    """What is known of an encoder by its name alone.

    Attributes
    ----------
    name : str
        Registry name.
    module : str
        Where its builder is; imported when the encoder is asked for.
    hidden_dim : str
        Length of a vector of the published models, or what decides it.
    rc_modes : tuple of str
        Strand policies that it can take.
    license : str
        Licence of the published weights.
    needs_source : bool
        Whether a folder or hub id must be given.
    no_average : str
        Why the strands cannot be averaged, where they cannot.
    """

    name: str
    module: str
    hidden_dim: str
    rc_modes: tuple[str, ...] = BOTH
    license: str = "Apache-2.0"
    needs_source: bool = True
    no_average: str = ""


_TRAINED = (
    *(EncoderCard(f"dnabert-{k}", "dnabert", "768") for k in (3, 4, 5, 6)),
    EncoderCard("dnabert2", "dnabert2", "768"),
    EncoderCard("caduceus-ph", "caduceus", "256"),
    EncoderCard("caduceus-ps", "caduceus", "256", rc_modes=("equivariant", "average")),
    EncoderCard("nucleotide-transformer", "nucleotide_transformer", "512 to 2560", license=NON_COMMERCIAL),
    EncoderCard("hyenadna", "hyenadna", "128 or 256", license="BSD-3-Clause"),
    EncoderCard("huggingface", "huggingface", EITHER, license=EITHER),
)
_WITHOUT_SOURCE = (
    EncoderCard("evo2", "evo2", "4096 (7b)", needs_source=False),
    EncoderCard("kmer-spectrum", "kmer_spectrum", "512 (k=5)", license=NO_WEIGHTS, needs_source=False),
    EncoderCard(
        "one-hot-dosage",
        "one_hot_dosage",
        "4 x window",
        rc_modes=("forward",),
        license=NO_WEIGHTS,
        needs_source=False,
        no_average="a base is known by its place in the window, and the other strand has it at another place",
    ),
)


def _untrained(card: EncoderCard) -> EncoderCard:
    random = replace(card, name=UNTRAINED + card.name, hidden_dim="by options", license=RANDOM_WEIGHTS)
    return replace(random, needs_source=False)


CARDS = {card.name: card for card in (*_TRAINED, *_WITHOUT_SOURCE, *map(_untrained, _TRAINED))}
"""Every encoder of this package by its name; those of other packages have no card."""


def describe_encoders(names: tuple[str, ...]) -> str:
    """Table of encoders for a terminal: name, hidden size, strand policies, licence, and whether a source is needed."""
    rows = [("name", "hidden size", "rc", "licence of the weights", "source")]
    for name in names:
        card = CARDS.get(name)
        if card is None:
            rows.append((name, "of its package", "of its package", "of its package", "of its package"))
            continue
        source = "needed" if card.needs_source else "-"
        rows.append((name, card.hidden_dim, ", ".join(card.rc_modes), card.license, source))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
