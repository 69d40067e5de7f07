"""Text-to-speech for phone calls: one core, many doors."""

__version__ = "0.2.0"
