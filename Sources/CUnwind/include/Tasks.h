// The Swift concurrency runtime of the process, as far as captures need to know it (docs/swift-tasks.md).
#ifndef DUMPCOLLECT_TASKS_H
#define DUMPCOLLECT_TASKS_H

#include "SignalSafe.h"

/// Where the runtime's variables for debuggers lie; 0 where it has none.
typedef struct dc_task_runtime {
  uint64_t task_metadata;          // pointer to what the first word of every task is
  uint64_t slab_metadata;          // the same of the slabs that a task allocates from
  uint64_t task_size;
  uint64_t layout_version;
  uint64_t priority_escalation;
  uint64_t future_adapter, non_future_adapter;  // pointers to what a task that was never started begins with
  uint32_t is_static;              // linked into the program
  uint32_t notes_tasks;            // the two distances hold in every thread
  int64_t task, executor;          // distances of the thread's variables from its pointer
} dc_task_runtime;

/// What a thread noted of the task that it ran; zero: nothing.
typedef struct dc_noted_task {
  uint64_t id;
  uint64_t executor, implementation;
} dc_noted_task;

/// Looks for the runtime, and for its variables of a thread in the calling one. For setup.
void dc_find_tasks(dc_task_runtime *runtime);
/// Called by another thread than that: whether the distances hold there too.
SIGNAL_SAFE void dc_verify_tasks(dc_task_runtime *runtime);

#endif
