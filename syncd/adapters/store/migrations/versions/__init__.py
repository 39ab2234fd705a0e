"""One module a revision, named `rNNNN_what`."""
