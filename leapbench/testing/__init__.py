"""Public conformance kit for environments, tasks and agents."""
