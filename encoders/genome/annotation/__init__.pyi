from .panel import Panel as Panel
from .panel import UnstrandedPolicy as UnstrandedPolicy
from .panel import read_panel as read_panel
from .transcript_choice import TranscriptRule as TranscriptRule
