"""Command lines beside the service."""
