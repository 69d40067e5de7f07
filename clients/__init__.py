"""Clients of the WebSocket doors for frameworks of voice agents. Each module stands alone: copy it, or import it."""
