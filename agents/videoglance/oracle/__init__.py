"""A policy that knows where the object is: an upper bound, shown and never ranked."""
