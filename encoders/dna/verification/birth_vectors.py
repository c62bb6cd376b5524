"""Vectors that a training recorded when it wrote its weights: loading must give them again.

They lie beside the weights. The network that had learnt computed them, not one that was loaded, so that a key under a
wrong name, a tie that was lost or a file that was changed shows.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from encoders.dna.checkpoints.configuration import read_json_object
from encoders.dna.protocol import EncoderSpec
from encoders.dna.verification.published_vectors import PublishedVector
from encoders.errors import InputError

BIRTH_FILE = "birth_vectors.json"
FORMAT = "1"
CITATION = "vectors recorded by the training that wrote these weights (birth_vectors.json beside them)"


def birth_text(rows: Sequence[Mapping[str, Any]], weights_sha256: str) -> str:
    """The file as text: of each row name, sequence, input_ids, n_special, n_values, first_values and norm."""
    return json.dumps({"format": FORMAT, "weights_sha256": weights_sha256, "vectors": list(rows)}, indent=1) + "\n"


def read_birth_vectors(spec: EncoderSpec) -> list[PublishedVector]:
    """Vectors beside the weights that were loaded; none where the source is no folder, or has no such file.

    Raises
    ------
    InputError
        The file is damaged, of another format, or was recorded for other weights.
    """
    path = Path(spec.source or "").expanduser() / BIRTH_FILE
    if spec.source is None or not path.is_file():
        return []
    content = read_json_object(path)
    if content.get("format") != FORMAT:
        raise InputError(f"{path} must have format {FORMAT}; it has {content.get('format')!r}: use the version of it.")
    if content.get("weights_sha256") != spec.weights_sha256:
        raise InputError(
            f"The weights of {spec.source} have sha256 {spec.weights_sha256}; its {BIRTH_FILE} was recorded for "
            f"{content.get('weights_sha256')}. One of the two files was altered: restore the folder as it was written."
        )
    try:
        return [_row(one, spec) for one in content["vectors"]]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"{path} must hold vectors as they were recorded; it is damaged ({error}): restore it."
        ) from None


def _row(row: Mapping[str, Any], spec: EncoderSpec) -> PublishedVector:
    before, after = row["n_special"]
    return PublishedVector(
        name=str(row["name"]),
        model=spec.source or "",
        revision="",
        checkpoint_sha256=spec.weights_sha256,
        sequence=str(row["sequence"]),
        input_ids=tuple(int(one) for one in row["input_ids"]),
        n_special=(int(before), int(after)),
        pooling="mean",
        n_values=int(row["n_values"]),
        first_values=tuple(float(one) for one in row["first_values"]),
        norm=float(row["norm"]),
    )
