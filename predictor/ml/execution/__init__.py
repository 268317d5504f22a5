"""Running work: child processes with deadline and memory limit, clocks and progress events, errors and files as JSON.

May import `types`.
"""
