"""Raw screens: their files, archives, spellings and tables become records."""
