"""What workflow and activity authors call."""
