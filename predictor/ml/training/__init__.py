"""Training runs, carried out in a child process: one module for each kind of run, and the stages that all runs share.

May import every other subpackage of `predictor.ml`.
"""
