"""Text on its way to the engine: pure functions, no I/O."""
