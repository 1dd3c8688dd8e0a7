"""What agents of several families share."""
