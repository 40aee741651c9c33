"""What people look at besides results: sketches, estimates, the structure of networks. Runs in worker processes."""
