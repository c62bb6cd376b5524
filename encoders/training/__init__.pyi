from .masking.corruption import MaskingRule as MaskingRule
from .masking.corruption import mask_tokens as mask_tokens
from .tasks.labelled import LabelledSequences as LabelledSequences
from .tasks.labelled import LabelledSet as LabelledSet
from .tasks.labelled import read_labelled_set as read_labelled_set
