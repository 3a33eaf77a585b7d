"""What is measured: each module holds the figures of one subject. `./dev bench` runs them."""
