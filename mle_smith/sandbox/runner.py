"""Runs one program as `python program.py` would, and ends faster. Executed inside sandboxes.

Usage: python runner.py PROGRAM [ARG...]
       python runner.py --wait MODULE...

The second form imports the modules, prints a line, and waits on its standard input for the one
program it will run: `{"program": PATH, "args": [...], "env": {...}, "seconds": N}` and a newline.
Where nobody is left to send one, it ends.

Nothing of MLE-Smith is imported: this file is handed to the sandbox beside the program. Taking a
Python down that has pandas and scikit-learn loaded costs some 300 ms: after the program's own end
(threads joined, exit functions run, streams flushed) this process just leaves.
"""

import atexit
import builtins
import io
import os
import sys
import threading
import traceback
import types

READY = b"ready\n"


def main() -> None:
    """Run the program that the arguments, or the line they wait for, name."""
    sys.argv = wait(sys.argv[2:]) if sys.argv[1] == "--wait" else sys.argv[1:]
    path = sys.argv[0]
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


def wait(modules: list[str]) -> list[str]:
    """Import `modules`, say so, and return the arguments of the program that is then asked for."""
    import importlib
    import json
    import time
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in modules:
            try:
                importlib.import_module(name)
            except ImportError:
                continue  # The program will say so, if it needs it.
        exercise()
    os.write(1, READY)
    # One byte after the other: what follows the line must not be lost in a buffer.
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            os._exit(0)
        line += byte
    order = json.loads(line)
    die_in(order["seconds"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.environ.update(order["env"])
    time.tzset()
    return [order["program"], *order["args"]]


def exercise() -> None:
    """Use once what was imported: much is loaded, and remembered, at its first use only."""
    pandas = sys.modules.get("pandas")
    if pandas is None:
        return
    table = pandas.read_csv(io.StringIO("a,b\n0,0\n1,1\n"))
    table.to_csv(io.StringIO(), index=False)
    linear_model = sys.modules.get("sklearn.linear_model")
    if linear_model is not None:
        model = linear_model.LogisticRegression().fit(table[["a"]], table["b"])
        model.predict_proba(table[["a"]])


def die_in(seconds: int) -> None:
    """Have the kernel kill this process then: the program has its own use for alarms.

    It is a second line: the host ends what goes past its limit, as long as it is there.
    """
    import ctypes
    import signal

    event = (ctypes.c_char * 64)()
    # struct sigevent: the value that is passed on, the signal, SIGEV_SIGNAL = 0.
    ctypes.c_int.from_buffer(event, 8).value = signal.SIGKILL
    timer = ctypes.c_void_p()
    spec = (ctypes.c_long * 4)(0, 0, seconds, 0)
    libc = ctypes.CDLL(None)
    if libc.timer_create(1, event, ctypes.byref(timer)) == 0:
        libc.timer_settime(timer, 0, spec, None)


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
