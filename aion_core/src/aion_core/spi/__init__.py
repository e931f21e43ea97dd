"""What plugins implement, and what crosses the border to them."""
