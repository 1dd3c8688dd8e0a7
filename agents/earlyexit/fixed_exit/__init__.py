"""Every sample leaves at the same exit: a static network, and what the budget makes of it."""
