from .gaps import MAX_MISSING as MAX_MISSING
from .gaps import check_columns_measured as check_columns_measured
from .imputed_view import ImputedView as ImputedView
from .imputed_view import PairwiseView as PairwiseView
from .imputer import Imputer as Imputer
from .pairwise import PairwiseCovariance as PairwiseCovariance
