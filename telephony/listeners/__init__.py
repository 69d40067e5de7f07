"""Whom the service speaks to: telephone calls, sessions, where their audio goes, and what was heard of it."""
