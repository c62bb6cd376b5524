from .draft import write_draft as write_draft
