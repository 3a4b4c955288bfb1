"""What people look at: panels for the terminal."""
