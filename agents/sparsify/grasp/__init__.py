"""GraSP: what goes hurts the flow of gradients least."""
