"""The concatenation recipe: leading components of genes and of the brain side by side, under a versioned name."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Concatenation:
    """What was asked for and what the training subjects could carry.

    Attributes
    ----------
    requested, effective : tuple of int
        Components of genes and of the brain.

    Examples
    --------
    >>> Concatenation((512, 512), (512, 180)).name
    'fusion_concat_gene_brain_1024_v1'
    >>> Concatenation((512, 512), (512, 180)).description
    'fusion_concat_gene_brain_1024_v1: 1024 columns requested (512 gene + 512 brain), 692 effective (512 + 180)'
    """

    requested: tuple[int, int]
    effective: tuple[int, int]

    @property
    def name(self) -> str:
        """Name of the recipe: it says the columns requested, which a smaller cohort may not reach."""
        return f"fusion_concat_gene_brain_{sum(self.requested)}_v1"

    @property
    def description(self) -> str:
        """Name, columns requested and columns there are."""
        (gene, brain), (has_gene, has_brain) = self.requested, self.effective
        return (
            f"{self.name}: {gene + brain} columns requested ({gene} gene + {brain} brain), "
            f"{has_gene + has_brain} effective ({has_gene} + {has_brain})"
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns there are: ``gene_pc1 ... brain_pc1 ...``."""
        sides = zip(("gene", "brain"), self.effective, strict=True)
        return tuple(f"{side}_pc{j}" for side, width in sides for j in range(1, width + 1))
