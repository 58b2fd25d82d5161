"""Published image networks, one file for each name of `config.model.backbone`."""
