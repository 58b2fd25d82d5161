"""The job `import`."""
