"""The turn loop and the services around it."""
