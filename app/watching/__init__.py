"""What is told of the running service: metrics, traces, logs, the journal, the operators' pages."""
