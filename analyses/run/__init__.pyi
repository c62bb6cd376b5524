from .record import describe_splits as describe_splits
from .record import make_run_record as make_run_record
from .run import Run as Run
