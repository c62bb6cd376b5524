from .choice import choose_columns as choose_columns
from .choice import describe_facts as describe_facts
from .choice import find_facts as find_facts
from .choice import list_names as list_names
