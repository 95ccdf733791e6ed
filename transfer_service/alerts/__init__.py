"""The messages that tell people something needs them, and the channels that carry them."""
