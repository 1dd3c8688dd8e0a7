"""What `import leapbench as lb` offers; the commands are thin layers on it."""
