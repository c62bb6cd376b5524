from .heads import MaskedLanguageModel as MaskedLanguageModel
