"""Control: no learning, uniformly random actions in a box."""
