"""YateUSGW: a GET for each operation, answered at once or by a request of ours."""
