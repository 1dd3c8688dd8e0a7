"""L2W-DEN: learning to weight samples for dynamic early-exiting networks."""
