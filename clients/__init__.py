"""Packages of their own for frameworks of voice agents, one in each folder; the service does not import them."""
