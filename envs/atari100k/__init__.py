"""Atari games under the protocol of learning from 100,000 interactions."""
