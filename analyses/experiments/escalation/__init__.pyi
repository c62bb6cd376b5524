from .answer import sentences as sentences
from .record import METHOD_LABELS as METHOD_LABELS
