"""CLIP's own loss: on captions, on the flattened graph, with wrong captions; and no learning."""
