"""Journal → spans: reads, prices, finds the execution, redacts, writes. The only writer of the store."""
