# SPDX-License-Identifier: BSD-2-Clause
"""What lldb needs for a driver in the testbed; lldb itself loads this.

A driver is a PE that no system loader has put into the process. The testbed calls image_is_mapped for each image: there
its file is added to the target, with its PDB, at the address where it lies. A broken rule and a failed check stop at
the function that reports them, with the driver's and the testbed's frames above.
"""

import lldb

PE = "x86_64-pc-windows-msvc"
STOPS = (("rule_begin_report", "a rule is broken"), ("test_fail", "a check failed"))
# How driver code that does what it may not shows: the testbed looks at it first, and breaks a rule if it is one.
LEFT_TO_THE_TESTBED = ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGUSR1", "SIGUSR2", "SIGCHLD")


RESULT = lldb.SBCommandReturnObject()


def image_is_mapped(frame, _location, _extra, _internal):
    """Returning False goes on at once."""
    thread = frame.GetThread()
    target = thread.GetProcess().GetTarget()
    error = lldb.SBError()
    path = thread.GetProcess().ReadCStringFromMemory(frame.FindRegister("rdi").GetValueAsUnsigned(), 4096, error)
    base = frame.FindRegister("rsi").GetValueAsUnsigned()
    module = target.AddModule(path, PE, None)
    if error.Fail() or not module.IsValid():
        print(f"xennet: no symbols of {path}: lldb does not take it")
        return False
    preferred = module.GetObjectFileHeaderAddress().GetFileAddress()
    target.SetModuleLoadAddress(module, base - preferred)
    print(f"xennet: {module.GetFileSpec().GetFilename()} is at {base:#x}")
    return False


def stop_at(target, function, why):
    point = target.BreakpointCreateByName(function)
    point.AddName("xennet")
    point.SetScriptCallbackBody(f"print('xennet: {why}')\nreturn True")


def __lldb_init_module(debugger, _internal):
    target = debugger.GetSelectedTarget()
    for signal in LEFT_TO_THE_TESTBED:
        debugger.GetCommandInterpreter().HandleCommand(
            f"process handle {signal} --notify false --pass true --stop false", RESULT)
    mapped = target.BreakpointCreateByName("image_is_mapped")
    mapped.AddName("xennet")
    mapped.SetScriptCallbackFunction(f"{__name__}.image_is_mapped")
    for function, why in STOPS:
        stop_at(target, function, why)
