"""DiSparse before training: a weight goes when every task agrees."""
