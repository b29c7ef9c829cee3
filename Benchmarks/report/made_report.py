"""Makes a large report of a small one: as many threads as asked for, each with a stack of its own, and Swift tasks."""
import random
import shutil
import sqlite3

NAMES = ["dispatch", "accept", "handle", "parse", "query", "commit", "flush", "encode", "compress", "retry", "lookup", "wait"]
TYPES = ["Server", "Connection", "Session", "Router", "Database", "Cache", "Ledger", "Queue", "Codec", "Scheduler"]
FRAMES, DEPTH, SEED = 4000, 27, 20260301


def make(source, path, threads, tasks):
    """`source` is any report archive; of it the tables, the process and the modules are kept."""
    shutil.copy(source, path)
    chance = random.Random(SEED)
    with sqlite3.connect(path) as database:
        for table in ("thread_labels", "thread_registers", "thread_waits", "wait_descriptors", "finding_threads", "finding_tasks",
                      "findings", "threads", "tasks", "executors", "stack_frames", "stacks", "frame_aliases", "snippets", "frames"):
            database.execute(f"DELETE FROM {table}")
        database.executemany(
            "INSERT INTO frames (id, address, module_id, \"offset\", function, linkage, file, line, \"column\", inlined, signal_frame, async, "
            "runtime, origin) VALUES (?, ?, 0, ?, ?, ?, ?, ?, 7, ?, 0, 0, 0, 'cfi')", map(frame, range(FRAMES)))
        stacks = [stack(chance, i) for i in range(threads)]
        database.executemany("INSERT INTO stacks (id, fingerprint) VALUES (?, ?)", ((i, f"{i:016x}") for i in range(threads)))
        database.executemany("INSERT INTO stack_frames (stack_id, position, frame_id) VALUES (?, ?, ?)",
                             ((i, position, f) for i, frames in enumerate(stacks) for position, f in enumerate(frames)))
        database.executemany(
            "INSERT INTO threads (id, tid, name, state, status, cpu_user_ns, cpu_system_ns, syscall, wait_channel, wait_kind, stack_id) "
            "VALUES (?, ?, ?, ?, 'captured', ?, ?, ?, ?, ?, ?)", (thread(chance, i) for i in range(threads)))
        database.executemany(
            "INSERT INTO tasks (id, task, address, name, state, kind, priority, cancelled, parent, wait_kind, dependency, stack_id) "
            "VALUES (?, ?, ?, ?, 'suspended', ?, 21, 0, ?, 'continuation', 'continuation', ?)",
            (task(chance, i, threads) for i in range(tasks)))
        database.execute("UPDATE process SET thread_count = ?", (threads,))
    database.close()
    # Outside of a transaction.
    database = sqlite3.connect(path)
    database.execute("VACUUM")
    database.close()


def frame(i):
    kind, name = TYPES[i % len(TYPES)], NAMES[i // 7 % len(NAMES)]
    function = f"shop::{kind}<std::basic_string<char>, shop::Policy{i // 40}>::{name}{i}(shop::Request const&, unsigned long)"
    linkage = f"_ZN4shop{len(kind)}{kind}ISbIcENS_8Policy{i // 40}EE{len(name)}{name}{i}ERKNS_7RequestEm"
    return (i, 0x5555_5555_0000 + 64 * i, 64 * i, function, linkage, f"/src/shop/{kind.lower()}/{name}{i // 100}.cpp", 10 + i % 900, int(i % 5 == 0))


def stack(chance, i):
    """Innermost first: the outer half is shared by many, as a server's is, the inner one differs."""
    outer = [f * 13 % 400 for f in range(i % 23, i % 23 + DEPTH // 2)]
    return [400 + chance.randrange(FRAMES - 400) for _ in range(DEPTH - len(outer))] + outer[::-1]


def thread(chance, i):
    state, call, channel, wait = [("sleeping", "futex", "futex_wait_queue", "futex"), ("sleeping", "epoll_wait", "ep_poll", "poll"),
                                  ("sleeping", "read", "pipe_read", "read"), ("running", None, None, None)][i % 4]
    return (i, 20000 + i, f"worker-{i}", state, chance.randrange(10 ** 10), chance.randrange(10 ** 9), call, channel, wait, i)


def task(chance, i, stacks):
    parent = i // 20 * 20 + 1
    return (i, i + 1, 0x7F80_0000_0000 + 512 * i, f"request {i}" if i % 10 == 0 else None, "task" if i % 20 == 0 else "group-child",
            None if i % 20 == 0 else parent, chance.randrange(min(stacks, 500)))
