"""Spatially dynamic residual blocks run block-sparsely on a processor (LASNet, section 3.2).

Maps are rows (batch * height * width, channels) of a buffer in channels-last order, so that
every 1x1 convolution is one product of matrices, on all rows or on those that are active.
"""
