"""Upper bounds that see the scenes' annotations."""
