"""The selective scan of a mixer: plain, compiled, and with gradients."""
