"""One matrix on the text embeddings of a frozen CLIP."""
