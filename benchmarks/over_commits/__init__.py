"""What asv times at each commit (cd benchmarks && asv run): fitcore alone, without peers."""
