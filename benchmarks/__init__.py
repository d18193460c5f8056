"""What a journey costs: this library, its peers and views written by hand, side by side in one process."""
