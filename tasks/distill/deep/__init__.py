"""The paper's tier: convolutional networks, trained as far as an agent pays for."""
