"""Processes that the program starts, and Ctrl-C."""

import concurrent.futures
import multiprocessing
import signal

import joblib

from gandl_jax import child_processes

BLOCKED = signal.pthread_sigmask, (signal.SIG_BLOCK, [])  # gives what is blocked


def test_processes_are_deaf_and_the_program_is_not():
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    spawn = multiprocessing.get_context("spawn")
    fn, args = BLOCKED
    with concurrent.futures.ProcessPoolExecutor(1, spawn) as pool:
        with child_processes.deaf_to_interrupts():
            blocked = [pool.submit(fn, *args)]
        blocked = [one.result() for one in blocked]
    with child_processes.deaf_to_interrupts():
        blocked += joblib.Parallel(n_jobs=2)([joblib.delayed(fn)(*args)] * 2)
    assert all(signal.SIGINT in signals for signals in blocked)
    assert signal.SIGINT not in before
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before
