"""Several hosts that train and embed together: how they meet, wait and part.

Each runs the same command in one process. With one host, which is the rule, nothing
here does anything, and nothing slow is imported.
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
MEET_S = 300  # what the first to come waits for the last (JAX's own default)
FILE_S = 60  # as long may a network disk show what was there before
POLL_S = 1.0  # between two looks whether another host has failed
PART_S = 10  # what a host that fails gives the others to notice it
LAST_S = 2  # the first host stays after the others: JAX aborts who still hears it end
ENDED, STOP, STEP = "gandl/ended", "gandl/stop", "gandl/step"
TPU_HOSTS = "instance/attributes/worker-network-endpoints"


class _Stopping:
    """After which step all stop, once one was asked to.

    A host that waits for another's answer could keep that one waiting in a step of
    theirs: so the thread that watches answers, with the step that was begun last.
    """

    def __init__(self):
        self.lock = threading.Lock()
        self.round = 0  # of the agreement: another one after the training went back
        self.begun = 0  # steps completed when the step is that the host is in
        self.answered = False

    def begin(self, step: int) -> bool:
        """Notes that a step is begun; false where the host has answered before."""
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
    """This host's place among the others, and the way to tell them something."""

    index: int = 0
    count: int = 1  # of those that do now what this one does
    met: int = 1
    client: Any = None  # of JAX's coordination service
    numbers: Iterator[int] = dataclasses.field(default_factory=itertools.count)
    stopping: "_Stopping" = dataclasses.field(default_factory=lambda: _Stopping())
    parting: threading.Event = dataclasses.field(default_factory=threading.Event)


_group = _Group()


def index() -> int:
    """This host's number, 0 for the first."""
    return _group.index


def count() -> int:
    """How many hosts there are."""
    return _group.count


def count_met() -> int:
    """Number of hosts that have met, whether or not this one works alone."""
    return _group.met


def leads() -> bool:
    """Whether this is the first host, which alone writes what is written once."""
    return _group.index == 0


def join() -> None:
    """Meets the other hosts, where there are others.

    VARIABLES of the environment say so, all three or none. Without them JAX finds the
    others itself among the tasks of Slurm and the workers of a Cloud TPU. All but the
    first host print errors only. No device may have been used before.

    Raises:
      InputError: variables are missing or wrong.
      RunError: the hosts do not meet. (Where they do not within `MEET_S`, the process
        ends with the exit code 1: JAX would wait on, then abort.)
    """
    global _group
    tell_libtpu()
    named = read_variables()
    alone = named[COUNT] == 1 if named else not _jax_finds_others()
    if alone:
        return
    client, place, number = _meet_others(named)
    _group = _Group(place, number, number, client)
    threading.Thread(target=_watch, args=(_group,), daemon=True).start()
    if not leads():
        sys.stdout = open(os.devnull, "w", encoding="utf-8")
    print(f"hosts     {number} have met")


def read_variables() -> dict[str, Any] | None:
    """What the environment says of the hosts; None where it says nothing.

    Returns:
      Name -> value, all VARIABLES.

    Raises:
      InputError: some are missing, or a value is not possible.
    """
    found = {name: os.environ[name] for name in VARIABLES if os.environ.get(name)}
    if not found:
        return None
    missing = [name for name in VARIABLES if name not in found]
    if missing:
        raise InputError(
            f"{' and '.join(found)} in the environment: set {' and '.join(missing)} "
            "too, or none of them"
        )
    if not re.fullmatch(r".+:\d+", found[ADDRESS]):
        raise InputError(
            f"{ADDRESS}={found[ADDRESS]} should be HOST:PORT of the first host"
        )
    for name in (COUNT, INDEX):
        if not found[name].isdecimal():
            raise InputError(f"{name}={found[name]} should be a whole number")
        found[name] = int(found[name])
    if not found[INDEX] < found[COUNT]:
        raise InputError(
            f"{INDEX}={found[INDEX]} should be below {COUNT}={found[COUNT]}: the hosts "
            "count from 0"
        )
    return found


def _jax_finds_others() -> bool:
    if "SLURM_STEP_NODELIST" in os.environ:  # within srun
        return int(os.environ.get("SLURM_NTASKS", 1)) > 1
    if not importlib.util.find_spec("libtpu") or not may_have_tpu():
        return False
    import jax  # names this platform where it finds a TPU, and the user none

    return "tpu" in (jax.config.jax_platforms or "") and tpu_hosts() > 1


def tell_libtpu() -> None:
    """Tells libtpu, where it is installed, that there is no TPU, where there is none.

    Otherwise it asks the environment of a TPU, and complains aloud that there is none.
    """
    if importlib.util.find_spec("libtpu") and not may_have_tpu():
        os.environ.setdefault("ALLOW_MULTIPLE_LIBTPU_LOAD", "1")
        os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
        os.environ.setdefault("TPU_WORKER_HOSTNAMES", "localhost")
        os.environ.setdefault("TPU_ACCELERATOR_TYPE", "v3-8")


def may_have_tpu() -> bool:
    """Whether there is a device of Google's, which may be a TPU or a network card."""
    vendors = pathlib.Path("/sys/bus/pci/devices").glob("*/vendor")
    return any(path.read_text().strip() == "0x1ae0" for path in vendors)


def tpu_hosts() -> int:
    """How many hosts the Cloud TPU has that this one belongs to; 1 if nobody says."""
    named = os.environ.get("TPU_WORKER_HOSTNAMES")  # Kubernetes
    if named or "TPU_SKIP_MDS_QUERY" in os.environ:
        return len((named or "").split(","))
    found = cloud_says(TPU_HOSTS)
    return len(found.split(",")) if found else 1


def cloud_says(name: str) -> str | None:
    """What Google's metadata server says of this machine; None where none answers."""
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


def _meet_others(named: Mapping[str, Any] | None) -> tuple[Any, int, int]:
    """JAX's client, this host's number, and how many there are."""
    import jax

    # The only way to barriers and notes that use no device, which may be busy.
    from jax._src.distributed import global_state

    # It would keep SIGTERM from ending the program, and nothing asks it.
    jax.config.update("jax_enable_preemption_service", False)
    arguments = {"initialization_timeout": 2 * MEET_S}
    if named:
        arguments["coordinator_address"] = named[ADDRESS]
        arguments["num_processes"] = named[COUNT]
        arguments["process_id"] = named[INDEX]
        print(
            f"hosts     host {named[INDEX]} of {named[COUNT]} waits at {named[ADDRESS]}"
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
    """Waits until all hosts have come here."""
    gather("here")


def gather(value: Any) -> list[Any]:
    """Waits for all hosts, and gives what each has brought, plain data, in order."""
    if _group.count == 1:
        return [value]
    number = next(_group.numbers)
    key = f"gandl/{number}"
    _group.client.key_value_set(f"{key}/{_group.index}", json.dumps(value))
    return [json.loads(_told(f"{key}/{other}")) for other in range(_group.count)]


def once(fn: Callable[[], Any]) -> Any:
    """Runs a function on the first host, while the others wait for what it gives.

    Args:
      fn: its value is plain data (or None). It runs as if there were one host.

    Returns:
      The value, on every host.
    """
    if _group.count == 1:
        return fn()
    key = f"gandl/{next(_group.numbers)}"
    if not leads():
        return json.loads(_told(key))
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
    """Holds what must be the same on every host against the first's.

    Args:
      values: name to plain data.

    Raises:
      InputError: naming the first that differs.
    """
    mine = json.loads(json.dumps(values))
    first = once(lambda: mine)
    for name, value in mine.items():
        if first.get(name) != value:
            raise InputError(
                f"{name} is {value!r} on host {index()} and {first.get(name)!r} on "
                "host 0: run the same command on the same data on every host"
            )


def stop_after(step: int, asked: bool) -> bool:
    """Whether to stop after this step, the same one on all hosts.

    Hosts may be some steps apart: where one was asked, all go on to the farthest.

    Args:
      step: completed on this host; asked for after each.
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
    return step >= max(int(_told(key)) for key in keys)


def begin_at(step: int) -> None:
    """Says at which step this host begins, as all do, perhaps once more."""
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
    """Parts from the other hosts; where this one fails, all end.

    Args:
      code: of this host, with which the others end too if it is not 0.

    Returns:
      The exit code, unless this host fails among others: then the process ends here.
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


def _told(key: str) -> str:
    """What another host has sent or will send; Ctrl-C ends the waiting."""
    import jax

    while True:
        try:
            return _group.client.blocking_key_value_get(key, 2_000)
        except jax.errors.JaxRuntimeError as error:
            if "DEADLINE_EXCEEDED" not in str(error):
                raise


def _watch(group: _Group) -> None:
    """Ends this process where another host has failed, whatever it waits for.

    And answers for it, where one of the hosts was asked to stop.

    JAX notices a host that is gone within 100 s and then aborts; one that fails in an
    orderly way is noticed at once, and its exit code kept.
    """
    told = []
    with contextlib.suppress(RuntimeError):  # JAX's, of a service that is gone
        while not told:
            if group.parting.wait(POLL_S):
                return
            told = group.client.key_value_dir_get(ENDED)
            if group.client.key_value_dir_get(STOP):
                group.stopping.answer(group)
    if told:
        other, code = json.loads(told[0][1])
        _say(f"host {other} ended with {code}: see what it says")
        _wait_for_all()
        _end(code)


def _tell_of_end(code: int) -> None:
    with contextlib.suppress(RuntimeError):
        _group.client.key_value_set(f"{ENDED}/{index()}", json.dumps([index(), code]))
        _wait_for_all()


def _wait_for_all() -> None:
    """Gives all time to notice, for the first host takes the service with it."""
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
