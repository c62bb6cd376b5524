from .dna.protocol import EncoderSpec as EncoderSpec
from .dna.registry import available_encoders as available_encoders
from .dna.registry import load_encoder as load_encoder
from .dna.verification.contract import check_encoder as check_encoder
from .dna.verification.verify import verify_encoder as verify_encoder
from .errors import InputError as InputError
from .store import EmbeddingStore as EmbeddingStore
