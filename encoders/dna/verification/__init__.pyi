from .contract import check_encoder as check_encoder
from .proof import describe as describe
from .seen_tokens import innermost as innermost
from .seen_tokens import network as network
from .seen_tokens import seen_ids as seen_ids
from .seen_tokens import special_counts as special_counts
from .verify import prove_once as prove_once
from .verify import verify_encoder as verify_encoder
