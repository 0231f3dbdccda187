"""What a repository says in losscli.toml, or in [tool.losscli] of pyproject.toml: options of eval, and checks."""
