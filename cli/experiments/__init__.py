"""The paper's experiments, as commands: variants, their runs, tables and plots."""
