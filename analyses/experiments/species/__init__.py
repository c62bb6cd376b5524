"""``experiment: species``: orthologs as sequences and as vectors."""
