"""What the doctor looks at, its rules and its page."""
