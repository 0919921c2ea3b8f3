"""What an account is told of its credits and does with its plan."""
