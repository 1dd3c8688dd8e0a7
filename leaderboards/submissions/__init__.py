"""What strangers send to a board: bundles, their store, verification, rounds, host."""
