"""Checkpoints as people have them: folders as trainers leave them, and what can be wrong with them."""
