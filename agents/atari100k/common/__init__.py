"""A data-efficient Rainbow and the losses that are added to it."""
