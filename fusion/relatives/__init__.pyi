from .kinship_model import KinshipModel as KinshipModel
from .whitened_view import WhitenedView as WhitenedView
from .whitening import WhitenedRelatives as WhitenedRelatives
from .whitening import whiten_relatives as whiten_relatives
