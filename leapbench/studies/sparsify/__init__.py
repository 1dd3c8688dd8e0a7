"""Studies of parameters that several tasks share."""
