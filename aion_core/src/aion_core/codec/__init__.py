"""Values and events to bytes, and back."""
