"""How well the point can be steered, by someone who knows the goal."""
