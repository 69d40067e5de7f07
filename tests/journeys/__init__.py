"""The ways of six users through the documents: each runs the commands that they show, and hears the result."""
