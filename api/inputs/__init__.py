"""Pictures that a request begins with: how they come in, what they may be, where they are kept."""
