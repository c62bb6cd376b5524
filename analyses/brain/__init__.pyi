from .connectivity_table import ConnectivityRequest as ConnectivityRequest
from .connectivity_table import describe_connectivity as describe_connectivity
from .connectivity_table import write_connectivity as write_connectivity
from .table_import import describe_import as describe_import
from .table_import import import_brain as import_brain
from .table_summary import describe_summary as describe_summary
from .table_summary import summarise as summarise
