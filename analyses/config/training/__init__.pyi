from .finetuning import FinetuningConfig as FinetuningConfig
from .pretraining import PretrainingConfig as PretrainingConfig
