"""Several hosts that train and embed together: meeting, waiting and leaving.

Each runs the same command in one process. With one host, the usual case, functions here
do nothing, and nothing slow is imported.
"""

import contextlib
import dataclasses
import importlib.util
import itertools
import json
import os
import pathlib
import re
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from etils import epath

from gandl_jax import terminal
from gandl_jax.errors import InputError, RunError

ADDRESS, COUNT, INDEX = VARIABLES = (
    "JAX_COORDINATOR_ADDRESS",  # host:port of the first host, which listens there
    "JAX_NUM_PROCESSES",
    "JAX_PROCESS_ID",  # 0 is the first host
)
MEET_S = 300  # time for all hosts to come (JAX's default)
FILE_S = 60  # longest delay of a network disk
POLL_S = 1.0  # between two checks whether another host has failed
PART_S = 10  # time for the others to notice a host that fails
LAST_S = 2  # the first host stays longest: JAX aborts hosts that outlive it
ENDED, STOP, STEP = "gandl/ended", "gandl/stop", "gandl/step"
TPU_HOSTS = "instance/attributes/worker-network-endpoints"


class _Stopping:
    """Agreement on the step after which all stop, once one was asked to.

    Hosts that wait for one another's answers within a step could block each other: so
    the watching thread answers, with the last step that was begun.
    """

    def __init__(self):
        self.lock = threading.Lock()
        self.round = 0  # of the agreement; a rollback begins another
        self.begun = 0  # steps completed when the present step ends
        self.answered = False

    def begin(self, step: int) -> bool:
        """Notes that a step is begun; returns False if the host has answered before."""
        with self.lock:
            if not self.answered:
                self.begun = step
            return not self.answered

    def answer(self, group: "_Group") -> None:
        with self.lock:
            if not self.answered:
                group.client.key_value_set(
                    f"{STEP}/{self.round}/{group.index}", str(self.begun)
                )
                self.answered = True


@dataclasses.dataclass
class _Group:
    """This host among the others, with the client to reach them."""

    index: int = 0
    count: int = 1  # of hosts that work with this one at present
    met: int = 1
    client: Any = None  # of JAX's coordination service
    numbers: Iterator[int] = dataclasses.field(default_factory=itertools.count)
    stopping: "_Stopping" = dataclasses.field(default_factory=lambda: _Stopping())
    parting: threading.Event = dataclasses.field(default_factory=threading.Event)


_group = _Group()


def index() -> int:
    """Returns this host's number, 0 for the first."""
    return _group.index


def count() -> int:
    """Counts the hosts that work together at present."""
    return _group.count


def count_met() -> int:
    """Counts the hosts that have met, even while this one works alone."""
    return _group.met


def leads() -> bool:
    """Whether this is the first host, which alone writes shared files."""
    return _group.index == 0


def join() -> None:
    """Meets the other hosts, if there are others.

    VARIABLES of the environment describe them, all three or none. Without them JAX
    finds the others among the tasks of Slurm and the workers of a Cloud TPU. All but
    the first host print errors only. No device may have been used before.

    Raises:
      InputError: variables are missing or wrong.
      RunError: the hosts do not meet. (If they do not within `MEET_S`, the process ends
        with the exit code 1: JAX would wait on, then abort.)
    """
    global _group
    tell_libtpu()
    variables = read_variables()
    is_alone = variables[COUNT] == 1 if variables else not _jax_finds_others()
    if is_alone:
        return
    client, number, count = _meet_others(variables)
    _group = _Group(number, count, count, client)
    threading.Thread(target=_watch, args=(_group,), daemon=True).start()
    if not leads():
        sys.stdout = open(os.devnull, "w", encoding="utf-8")
    print(f"hosts     {count} have met")


def read_variables() -> dict[str, Any] | None:
    """Reads the environment's variables of the hosts; None if there are none.

    Returns:
      {name: value} of all VARIABLES.

    Raises:
      InputError: some are missing, or a value is not possible.
    """
    variables = {name: os.environ[name] for name in VARIABLES if os.environ.get(name)}
    if not variables:
        return None
    missing = [name for name in VARIABLES if name not in variables]
    if missing:
        raise InputError(
            f"{' and '.join(variables)} in the environment: set "
            f"{' and '.join(missing)} too, or none of them"
        )
    if not re.fullmatch(r".+:\d+", variables[ADDRESS]):
        raise InputError(
            f"{ADDRESS}={variables[ADDRESS]} should be HOST:PORT of the first host"
        )
    for name in (COUNT, INDEX):
        if not variables[name].isdecimal():
            raise InputError(f"{name}={variables[name]} should be a whole number")
        variables[name] = int(variables[name])
    if not variables[INDEX] < variables[COUNT]:
        raise InputError(
            f"{INDEX}={variables[INDEX]} should be below {COUNT}={variables[COUNT]}: "
            "the hosts count from 0"
        )
    return variables


def _jax_finds_others() -> bool:
    if "SLURM_STEP_NODELIST" in os.environ:  # within srun
        return int(os.environ.get("SLURM_NTASKS", 1)) > 1
    if not importlib.util.find_spec("libtpu") or not may_have_tpu():
        return False
    import jax  # it names the platform "tpu" if it finds one

    return "tpu" in (jax.config.jax_platforms or "") and tpu_hosts() > 1


def tell_libtpu() -> None:
    """Tells libtpu, if installed, that there is no TPU, if there is none.

    Otherwise it looks for the environment of a TPU, and prints that there is none.
    """
    if importlib.util.find_spec("libtpu") and not may_have_tpu():
        os.environ.setdefault("ALLOW_MULTIPLE_LIBTPU_LOAD", "1")
        os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
        os.environ.setdefault("TPU_WORKER_HOSTNAMES", "localhost")
        os.environ.setdefault("TPU_ACCELERATOR_TYPE", "v3-8")


def may_have_tpu() -> bool:
    """Whether there is a Google device, which may be a TPU or a network card."""
    vendors = pathlib.Path("/sys/bus/pci/devices").glob("*/vendor")
    return any(path.read_text().strip() == "0x1ae0" for path in vendors)


def tpu_hosts() -> int:
    """Counts the hosts of this host's Cloud TPU; 1 if unknown."""
    host_names = os.environ.get("TPU_WORKER_HOSTNAMES")  # Kubernetes
    if host_names or "TPU_SKIP_MDS_QUERY" in os.environ:
        return len((host_names or "").split(","))
    endpoints = cloud_says(TPU_HOSTS)
    return len(endpoints.split(",")) if endpoints else 1


def cloud_says(name: str) -> str | None:
    """Asks Google's metadata server about this machine; None without an answer."""
    server = os.environ.get("GCE_METADATA_IP", "metadata.google.internal")
    request = urllib.request.Request(
        f"http://{server}/computeMetadata/v1/{name}",
        headers={"Metadata-Flavor": "Google"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read().decode()
    except OSError:
        return None


def _meet_others(variables: Mapping[str, Any] | None) -> tuple[Any, int, int]:
    """Meets the others; returns JAX's client, this host's number, and the count."""
    import jax

    # The only access to barriers and notes that use no device, which may be busy.
    from jax._src.distributed import global_state

    # It would keep SIGTERM from ending the program, and is not used.
    jax.config.update("jax_enable_preemption_service", False)
    arguments = {"initialization_timeout": 2 * MEET_S}
    if variables:
        arguments["coordinator_address"] = variables[ADDRESS]
        arguments["num_processes"] = variables[COUNT]
        arguments["process_id"] = variables[INDEX]
        print(
            f"hosts     host {variables[INDEX]} of {variables[COUNT]} waits at "
            f"{variables[ADDRESS]}"
        )

    def give_up() -> None:
        _say(
            f"the hosts did not all come to {global_state.coordinator_address} within "
            f"{MEET_S} s: start the same command on each, see that they reach that "
            f"address, and that each has its own {INDEX}"
        )
        _end(1)

    timer = threading.Timer(MEET_S, give_up)
    timer.daemon = True
    timer.start()
    try:
        jax.distributed.initialize(**arguments)
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise RunError(
            f"the hosts cannot meet at {global_state.coordinator_address}: {reason}; "
            "is that port taken by another program?"
        ) from error
    finally:
        timer.cancel()
    return global_state.client, global_state.process_id, global_state.num_processes


def meet() -> None:
    """Waits until all hosts call this."""
    gather("here")


def gather(value: Any) -> list[Any]:
    """Gathers the values of all hosts, plain data, in order; waits for them."""
    if _group.count == 1:
        return [value]
    number = next(_group.numbers)
    key = f"gandl/{number}"
    _group.client.key_value_set(f"{key}/{_group.index}", json.dumps(value))
    return [json.loads(_received(f"{key}/{other}")) for other in range(_group.count)]


def once(fn: Callable[[], Any]) -> Any:
    """Runs a function on the first host, while the others wait for its value.

    Args:
      fn: returns plain data (or None). It runs as if there were one host.

    Returns:
      The value, on every host.
    """
    if _group.count == 1:
        return fn()
    key = f"gandl/{next(_group.numbers)}"
    if not leads():
        return json.loads(_received(key))
    with _alone():
        value = fn()
    _group.client.key_value_set(key, json.dumps(value))
    return value


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    global _group
    whole = _group
    _group = dataclasses.replace(whole, count=1)
    try:
        yield
    finally:
        _group = whole


def agree(values: Mapping[str, Any]) -> None:
    """Compares values that must be equal on all hosts with the first host's.

    Args:
      values: {name: plain data}.

    Raises:
      InputError: names the first value that differs.
    """
    own_values = json.loads(json.dumps(values))
    first_values = once(lambda: own_values)
    for name, value in own_values.items():
        if first_values.get(name) != value:
            raise InputError(
                f"{name} is {value!r} on host {index()} and {first_values.get(name)!r} "
                "on host 0: run the same command on the same data on every host"
            )


def stop_after(step: int, asked: bool) -> bool:
    """Tells whether to stop after this step, the same one on all hosts.

    Hosts may be some steps apart: if one was asked to stop, all go on to the farthest.

    Args:
      step: steps completed on this host; called after each.
      asked: whether this host was asked to stop.
    """
    if _group.count == 1:
        return asked
    if asked:
        _group.client.key_value_set(f"{STOP}/asked", "", allow_overwrite=True)
    stopping = _group.stopping
    if stopping.begin(step + 1):
        return False
    keys = (f"{STEP}/{stopping.round}/{other}" for other in range(_group.count))
    return step >= max(int(_received(key)) for key in keys)


def begin_at(step: int) -> None:
    """Notes the step at which this host begins, like all hosts, perhaps again."""
    stopping = _group.stopping
    with stopping.lock:
        stopping.round += 1
        stopping.begun, stopping.answered = step + 1, False


def await_file(path: epath.Path) -> None:
    """Waits for a file that the first host has written.

    Raises:
      InputError: it does not appear, so the hosts do not share that folder.
    """
    until = time.monotonic() + FILE_S
    while not leads() and not path.exists():
        if time.monotonic() > until:
            raise InputError(
                f"host {index()} does not see {path}, which host 0 wrote: name a "
                "--workdir that all hosts share, of gs:// or on a network disk"
            )
        time.sleep(POLL_S)


def leave(code: int) -> int:
    """Leaves the other hosts; if this one fails, all end.

    Args:
      code: exit code of this host, and of the others if it is not 0.

    Returns:
      The exit code; if this host fails among others, the process ends here instead.
    """
    if _group.count == 1:
        return code
    if code:
        _group.parting.set()
        _tell_of_end(code)
        _end(code)
    meet()
    _group.parting.set()
    import jax

    jax.distributed.shutdown()
    return code


def _received(key: str) -> str:
    """Waits for another host's value; Ctrl-C ends the waiting."""
    import jax

    while True:
        try:
            return _group.client.blocking_key_value_get(key, 2_000)
        except jax.errors.JaxRuntimeError as error:
            if "DEADLINE_EXCEEDED" not in str(error):
                raise


def _watch(group: _Group) -> None:
    """Ends this process if another host has failed; answers requests to stop.

    JAX notices a host that is gone within 100 s and then aborts; a host that fails in
    an orderly way is noticed at once, and its exit code is kept.
    """
    notes = []
    with contextlib.suppress(RuntimeError):  # JAX's, of a service that is gone
        while not notes:
            if group.parting.wait(POLL_S):
                return
            notes = group.client.key_value_dir_get(ENDED)
            if group.client.key_value_dir_get(STOP):
                group.stopping.answer(group)
    if notes:
        other, code = json.loads(notes[0][1])
        _say(f"host {other} ended with {code}: see what it says")
        _wait_for_all()
        _end(code)


def _tell_of_end(code: int) -> None:
    with contextlib.suppress(RuntimeError):
        _group.client.key_value_set(f"{ENDED}/{index()}", json.dumps([index(), code]))
        _wait_for_all()


def _wait_for_all() -> None:
    """Gives all hosts time to notice, as the first host ends the service."""
    with contextlib.suppress(RuntimeError):
        _group.client.wait_at_barrier(ENDED, 1_000 * PART_S)
    if leads():
        time.sleep(LAST_S)


def _say(line: str) -> None:
    print(f"gandl_jax: {line}", file=sys.stderr)


def _end(code: int) -> None:
    """Ends the process; leaving it otherwise, JAX would wait for the others."""
    terminal.flush()
    os._exit(code)
