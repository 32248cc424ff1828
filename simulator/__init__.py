"""The handset: it plays the network's part towards a gateway."""
