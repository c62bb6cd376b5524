"""Every reader of the product, by name."""

from tests.fuzz.reader import Reader
from tests.fuzz.readers import (
    arrays,
    checkpoints,
    cohorts,
    experiments,
    genomes,
    genotypes,
    images,
    own_files,
    settings,
    studies,
    tables,
    trainings,
)

READERS: dict[str, Reader] = {
    reader.name: reader
    for module in (
        tables, arrays, images, genomes, genotypes, checkpoints, settings, own_files, cohorts, studies, experiments,
        trainings,
    )
    for reader in module.READERS
}  # fmt: skip
