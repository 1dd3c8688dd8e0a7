"""Agents that learn to tell their skills apart: DIAYN, SMM and APS."""
