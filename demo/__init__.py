"""The demo that `make run` shows: a shop of 2,000 customers and a site that already knows 1,200 of them."""
