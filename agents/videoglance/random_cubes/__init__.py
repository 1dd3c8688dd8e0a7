"""Networks trained on cubes drawn at random, without a locator."""
