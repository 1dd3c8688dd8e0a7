"""Every sample leaves at the same exit: a static network under a budget."""
