"""Does many pieces of work in processes of their own, with a bar."""

import concurrent.futures
import multiprocessing

from tqdm import tqdm


def in_parallel(function, items, jobs, before, unit, begin=None, given=()):
    """Calls a function for each item, several at the same time; yields results as they come.

    Each process is a fresh interpreter: TensorFlow does not survive a fork, and a process in which
    student code is started must not be a copy of this one.

    Args:
        function: of a module, called with an item's arguments.
        items: dict {key: tuple of arguments}.
        jobs: int, processes.
        before: int, how many are done already, for the bar.
        unit: str, what the bar counts.
        begin: function of a module that each process calls first, with the arguments `given`.

    Yields:
        (key, result).
    """
    if not items:
        return
    spawn = multiprocessing.get_context("spawn")
    pool = concurrent.futures.ProcessPoolExecutor(min(jobs, len(items)), spawn, begin, given)
    with pool, tqdm(total=before + len(items), initial=before, unit=unit) as bar:
        waiting = {pool.submit(function, *item): key for key, item in items.items()}
        try:
            for future in concurrent.futures.as_completed(waiting):
                yield waiting[future], future.result()
                bar.update()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
