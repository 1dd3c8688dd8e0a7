"""Views at random: the floor of the scale."""
