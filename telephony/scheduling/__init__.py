"""Who speaks next: queues, admission, preparation, fail-over."""
