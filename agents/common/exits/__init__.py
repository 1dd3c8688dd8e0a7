"""Exit rules: when an answer is sure enough, for every family in which one may leave early."""
