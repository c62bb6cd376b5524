from .settings import LoopSettings as LoopSettings
from .trainer import WholeTrainer as WholeTrainer
