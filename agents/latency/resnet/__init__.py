"""The residual network that all masks start from, trained densely."""
