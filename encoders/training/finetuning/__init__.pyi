from .adapters import add_lora as add_lora
from .adapters import merge_lora as merge_lora
from .figures import summarise as summarise
from .model import FinetunedModel as FinetunedModel
