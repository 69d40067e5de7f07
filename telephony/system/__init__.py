"""The machine below the process: cores, memory, allocator."""
