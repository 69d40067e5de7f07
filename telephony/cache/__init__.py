"""Phrases that are already spoken: found by what was asked for, made once, kept in memory, in Redis and in files."""
