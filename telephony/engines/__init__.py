"""Speech engines behind one contract (base.py)."""
