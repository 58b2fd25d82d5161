"""What the report is made of: the findings in words, the chapters, the page."""
