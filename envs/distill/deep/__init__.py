"""The paper's own size: convolutional teachers and students on colour images."""
