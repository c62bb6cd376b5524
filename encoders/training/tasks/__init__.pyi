from .card import TaskCard as TaskCard
from .card import TaskKind as TaskKind
from .labelled import LabelledSequences as LabelledSequences
from .labelled import LabelledSet as LabelledSet
from .labelled import read_labelled_set as read_labelled_set
