"""Result files and where they come from."""
