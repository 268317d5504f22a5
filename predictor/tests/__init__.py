"""Tests of the project. Numeric libraries use one thread, as in production: test processes share the cores."""

import os

# Before numpy and scikit-learn are loaded: threads of OpenMP that wait for a core burn the time of the others.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
