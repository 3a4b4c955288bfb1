"""What a call costs: dated prices, the matching of model names, usage × price. Pure."""
