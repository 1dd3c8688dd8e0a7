"""Early exits: the packaged reference, accuracy against budget."""
