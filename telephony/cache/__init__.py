"""Phrases that are already spoken: found by what was asked for, made once, kept in Redis and in files."""
