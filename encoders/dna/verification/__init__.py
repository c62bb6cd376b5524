"""The contract battery and the proof of a checkpoint (published/ moves here)."""
