"""Text-to-speech for phone calls: one engine room, many doors."""

__version__ = "0.1.0"
