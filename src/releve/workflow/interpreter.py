"""A frozen list of steps, run in the order that their needs allow; knows nothing of dbos."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from releve.errors import PlanError
from releve.model.run import Output
from releve.workflow.step import Step

RunStep = Callable[[Step, Mapping[str, Output]], Output]  # the step, outputs of the done ones


@dataclass(frozen=True)
class Interpretation:
    outputs: Mapping[str, Output] = field(default_factory=dict)  # of the steps that are done
    failures: Mapping[str, BaseException] = field(default_factory=dict)  # in list order

    def is_complete(self, steps: Sequence[Step]) -> bool:
        return all(step.name in self.outputs for step in steps)


def choose_steps(catalogue: Mapping[str, Step], names: Sequence[str]) -> tuple[Step, ...]:
    """PlanError where a step is unknown, twice there, or comes before one that it needs."""
    seen: set[str] = set()
    for name in names:
        if name not in catalogue:
            raise _wrong_list(f"this version of Relève has no step {name!r}")
        if name in seen:
            raise _wrong_list(f"step {name!r} is there twice")
        if late := [need for need in catalogue[name].needs if need not in seen]:
            raise _wrong_list(f"step {name!r} needs {', '.join(late)} before it")
        seen.add(name)
    return tuple(catalogue[name] for name in names)


def interpret(
    steps: Sequence[Step],
    *,
    run_step: RunStep,
    may_start: Callable[[], bool],
    outputs: Mapping[str, Output] | None = None,
) -> Interpretation:
    """Run every step once its needs are done, side by side where they allow it.

    After a failure nothing new starts, and what runs already comes to its own end.
    """
    done: dict[str, Output] = dict(outputs or {})
    failures: dict[str, BaseException] = {}
    waiting = list(steps)
    running: dict[Future[Output], Step] = {}
    with ThreadPoolExecutor(max_workers=max(1, len(steps)), thread_name_prefix="step") as pool:
        while True:
            if not failures and may_start():
                for step in [step for step in waiting if done.keys() >= set(step.needs)]:
                    waiting.remove(step)
                    running[pool.submit(run_step, step, dict(done))] = step
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                step = running.pop(future)
                if (failure := future.exception()) is not None:
                    failures[step.name] = failure
                else:
                    done[step.name] = future.result()
    order = [step.name for step in steps]
    return Interpretation(
        outputs=done, failures={name: failures[name] for name in order if name in failures}
    )


def _wrong_list(why: str) -> PlanError:
    return PlanError(
        "the recorded list of steps cannot be carried out",
        why=why,
        remedy="Use the version of Relève that recorded the run, or begin a new run",
    )
