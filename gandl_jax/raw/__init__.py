"""A raw screen: its files, archives, spellings and tables become records."""
