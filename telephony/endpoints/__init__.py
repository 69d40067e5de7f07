"""The doors of the service: each turns a protocol into calls on the core."""
