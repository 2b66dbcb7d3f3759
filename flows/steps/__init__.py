"""The steps of the flows, one file each: ``run(settings, progress) -> StepResult``.

A step wires pure functions of the other rooms to files and records; it runs in a process of its
own (``python -m flows.run_step <name>``), so that one process does one job and its memory goes
back when it ends.
"""
