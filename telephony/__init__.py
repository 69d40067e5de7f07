"""Text-to-speech for phone calls: one engine room, many doors."""
