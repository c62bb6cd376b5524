from .corruption import IGNORED as IGNORED
from .corruption import MaskedTokens as MaskedTokens
from .corruption import MaskingRule as MaskingRule
from .corruption import mask_tokens as mask_tokens
from .lengths import LengthRule as LengthRule
from .spans import draw_spans as draw_spans
