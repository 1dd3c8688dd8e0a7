"""A point that is pushed about in a box, except in a calm disc."""
