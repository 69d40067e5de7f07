"""Samples, sample rates, loudness, and encoded formats."""
