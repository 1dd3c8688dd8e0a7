"""What the policies that choose views share."""
