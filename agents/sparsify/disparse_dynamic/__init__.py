"""DiSparse while training: every task lets in weights of its own."""
