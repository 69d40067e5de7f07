"""Engines that run elsewhere, in rooms: what is said to a room and back, and the engine that speaks through rooms."""
