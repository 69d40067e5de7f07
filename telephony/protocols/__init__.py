"""The wires, without I/O: bytes or JSON in, typed events out, and back."""
