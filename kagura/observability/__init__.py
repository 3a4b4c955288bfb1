"""What an agent imports."""
