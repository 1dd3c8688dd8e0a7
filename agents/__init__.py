"""Reference agents and models, a folder a method."""
