from .copies import leading_components as leading_components
from .sentences import assumption_warnings as assumption_warnings
from .sentences import copy_warnings as copy_warnings
from .sides import named_columns as named_columns
