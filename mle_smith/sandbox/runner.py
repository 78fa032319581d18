"""Runs one program as `python program.py` would, and ends faster. Executed inside sandboxes.

Usage: python runner.py PROGRAM [ARG...]. Nothing of MLE-Smith is imported: this file is handed to
the sandbox beside the program.

Taking a Python down that has pandas and scikit-learn loaded costs some 300 ms: after the program's
own end (threads joined, exit functions run, streams flushed) this process just leaves.
"""

import atexit
import builtins
import io
import os
import sys
import threading
import traceback
import types


def main() -> None:
    """Run the program named by the first argument."""
    path = sys.argv[1]
    sys.argv = sys.argv[1:]
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - pathlib takes long to import
    module = types.ModuleType("__main__")
    module.__dict__.update(__builtins__=builtins, __file__=path, __cached__=None)
    sys.modules["__main__"] = module
    status = 0
    try:
        with io.open_code(path) as file:
            program = compile(file.read(), path, "exec", dont_inherit=True)
        exec(program, module.__dict__)
    except SystemExit as end:
        status = exit_status(end.code)
    except BaseException as error:  # noqa: BLE001 - the interpreter reports all, too
        status = 1
        report(error, path)
    if leave():
        os._exit(status)
    sys.exit(status)


def exit_status(code: object) -> int:
    """What the interpreter makes of the argument of `sys.exit`."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    sys.stderr.write(f"{code}\n")
    return 1


def report(error: BaseException, path: str) -> None:
    """Print the traceback as the interpreter would: beginning in the program, not in this file."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    traceback.print_exception(type(error), error, trace)


def leave() -> bool:
    """Do what the interpreter does at its end; whether it may now be left at once."""
    shutdown = getattr(threading, "_shutdown", None)
    run_exit_functions = getattr(atexit, "_run_exitfuncs", None)
    if shutdown is None or run_exit_functions is None:
        return False
    shutdown()
    run_exit_functions()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue  # Closed by the program, or nobody reads any more.
    return True


main()
