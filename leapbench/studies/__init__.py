"""Measurements and pictures beside the boards: ends of scales, what agents do."""
