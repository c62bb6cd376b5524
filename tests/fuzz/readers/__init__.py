"""Every reader of the product, by name."""

from tests.fuzz.reader import Reader
from tests.fuzz.readers import (
    arrays,
    checkpoints,
    cohorts,
    genomes,
    genotypes,
    images,
    own_files,
    settings,
    studies,
    tables,
)

READERS: dict[str, Reader] = {
    reader.name: reader
    for module in (tables, arrays, images, genomes, genotypes, checkpoints, settings, own_files, cohorts, studies)
    for reader in module.READERS
}
