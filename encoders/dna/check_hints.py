"""For each check of the contract, where to look for the fault behind it."""

HINTS: dict[str, str] = {
    "shape": "embed must return one row per sequence, also for none, as wide as spec.hidden_dim.",
    "dtype": "Return float32, whatever the computation uses.",
    "finite": "Look for a division by zero tokens, an overflow in half precision, or damaged weights.",
    "deterministic": "Switch dropout off (model.eval()) and draw nothing at random in embed.",
    "batch invariant": "Is the attention mask ignored, or padding pooled? Padding must change no vector.",
    "strands": "spec.rc_mode promises one vector for both strands; say 'forward' or average the pooled vectors.",
    "too long raises": "Raise InputError above spec.max_bp; never truncate.",
    "too short raises": "Raise InputError below spec.min_bp; specials alone are no embedding.",
    "limits are true": "spec.max_bp is more than is read: the input is truncated, or positions run out.",
    "letters": "Upper-case, read U as T, and refuse what is no base (encoders.dna.sequence_check.check_sequences).",
    "unknown bases": "Read a few N as unknown, and refuse a sequence of N alone.",
    "special tokens": "Leave [CLS], [SEP] and the like out of the mean.",
    "tokenizer": "The token ids are not those that the published tokenizer gives.",
    "fingerprint": "Every setting that decides the vectors must be in the spec and change its fingerprint.",
}
