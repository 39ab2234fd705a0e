"""The ports: what the application asks of the outside, as Protocols, with the plain data that crosses them."""
