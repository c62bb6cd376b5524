"""Who is analysed, and what is held against them."""
