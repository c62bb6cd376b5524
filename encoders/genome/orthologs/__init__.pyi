from .edit_distance import edit_distance as edit_distance
from .edit_distance import normalised_edit_distance as normalised_edit_distance
from .records import read_genes_of_species as read_genes_of_species
from .strands import is_other_strand as is_other_strand
