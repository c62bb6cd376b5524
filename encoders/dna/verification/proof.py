"""What was compared when a checkpoint was verified, and how it is told."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from encoders.dna.verification.contract import Check
from encoders.dna.verification.published_vectors import citation

Verdict = Literal["proved", "structural checks only", "failed"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One published vector beside ours.

    Attributes
    ----------
    name : str
        Name of the published figure.
    n_values, n_compared : int
        Length of the vector, and how many of its values the project carries.
    max_difference, norm_difference : float
        Largest absolute difference of the values carried, and that of the norms of the whole vectors.
    tolerance : float
        What both may be.
    tokens_agree : bool or None
        Whether the encoder's own tokenizer gives the published ids; None where it cannot be asked.
    """

    name: str
    n_values: int
    n_compared: int
    max_difference: float
    norm_difference: float
    tolerance: float
    tokens_agree: bool | None

    @property
    def passed(self) -> bool:
        """Whether the loaded network gives the published vector."""
        within = max(self.max_difference, self.norm_difference) <= self.tolerance
        return within and self.tokens_agree is not False


@dataclass(frozen=True, slots=True)
class Proof:
    """What was compared when a checkpoint was verified.

    Attributes
    ----------
    encoder, source, revision, weights_sha256 : str or None
        What was loaded.
    comparisons : tuple of Comparison
        Published vectors; none where none is known.
    checks : tuple of Check
        Structural checks.
    citation : str
        Whose the vectors are.
    """

    encoder: str
    source: str | None
    revision: str | None
    weights_sha256: str | None
    comparisons: tuple[Comparison, ...]
    checks: tuple[Check, ...]
    citation: str = field(default_factory=citation)

    @property
    def failures(self) -> tuple[str, ...]:
        """Names of all that does not hold."""
        compared = [f"published vector {one.name}" for one in self.comparisons if not one.passed]
        return (*compared, *(f"check {one.name!r} ({one.detail})" for one in self.checks if not one.passed))

    @property
    def verdict(self) -> Verdict:
        """Short answer."""
        if self.failures:
            return "failed"
        return "proved" if self.comparisons else "structural checks only"

    def to_dict(self) -> dict[str, Any]:
        """All fields as JSON values, with the verdict and, where vectors were compared, whose they are."""
        shown = asdict(self) | {"verdict": self.verdict, "failures": list(self.failures)}
        if not self.comparisons:
            del shown["citation"]
        return shown


def describe(proof: Proof) -> str:
    """The proof as lines of text, for people."""
    lines = [f"{proof.encoder} from {proof.source}" + (f" at {proof.revision}" if proof.revision else "")]
    lines.append(f"sha256 of the weights: {proof.weights_sha256}")
    if not proof.comparisons:
        lines.append(f"no published vector is known for sha256 {proof.weights_sha256}; structural checks only")
    for one in proof.comparisons:
        lines.append(
            f"{'pass' if one.passed else 'FAIL'}  {one.name}: first {one.n_compared} of {one.n_values} values differ "
            f"by {one.max_difference:.1e} at most, the norm by {one.norm_difference:.1e} (allowed: {one.tolerance:.1e})"
            + {True: "; token ids agree", False: "; TOKEN IDS DIFFER", None: ""}[one.tokens_agree]
        )
    for check in proof.checks:
        lines.append(f"{'pass' if check.passed else 'FAIL'}  {check.name}" + f": {check.detail}" * bool(check.detail))
    if proof.comparisons:
        lines.append(proof.citation)
    return "\n".join([*lines, f"verdict: {proof.verdict}"])
