from .masking.corruption import MaskingRule as MaskingRule
from .masking.corruption import mask_tokens as mask_tokens
