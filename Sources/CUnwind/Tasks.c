// Where the Swift concurrency runtime keeps what debuggers may look at, and where in a thread it keeps the task and the
// executor that the thread runs.
#define _GNU_SOURCE
#include "SharedState.h"

#include <dlfcn.h>
#include <string.h>

// Linked statically, the names are the program's own and can only be found by the linker.
#define RUNTIME_VARIABLE(name) extern const uint64_t _swift_concurrency_debug_##name __attribute__((weak))
RUNTIME_VARIABLE(asyncTaskMetadata);
RUNTIME_VARIABLE(asyncTaskSlabMetadata);
RUNTIME_VARIABLE(asyncTaskSize);
RUNTIME_VARIABLE(internal_layout_version);
RUNTIME_VARIABLE(supportsPriorityEscalation);
RUNTIME_VARIABLE(future_adapter);
RUNTIME_VARIABLE(non_future_adapter);

typedef struct executor_reference {
  uint64_t identity, implementation;
} executor_reference;
extern uint64_t swift_task_getCurrent(void) __attribute__((weak));
extern executor_reference swift_task_getCurrentExecutor(void) __attribute__((weak));

#ifdef DUMPCOLLECT_STATIC
// Nothing can be looked for by name in a fully static program.
static void *find(const char *name) {
  (void)name;
  return NULL;
}
#else
static void *find(const char *name) { return dlsym(RTLD_DEFAULT, name); }
#endif

static uint64_t address_of(const void *linked, const char *name) {
  return (uint64_t)(uintptr_t)(linked ? linked : find(name));
}
#define FIND(name) address_of(&_swift_concurrency_debug_##name, "_swift_concurrency_debug_" #name)

// MARK: Variables of a thread

#if defined(__x86_64__)
#ifdef DUMPCOLLECT_STATIC
// The C library of a fully static program does not have it, and its code never asks.
static void *variable_of_a_module(const void *index) {
  (void)index;
  return NULL;
}
#else
typedef struct tls_index {
  uint64_t module, offset;
} tls_index;
extern void *__tls_get_addr(tls_index *index);

static void *variable_of_a_module(const void *index) { return __tls_get_addr((tls_index *)(uintptr_t)index); }
#endif

static int32_t signed32(const uint8_t *bytes) {
  int32_t value;
  memcpy(&value, bytes, 4);
  return value;
}

// The functions that return task and executor read one variable of the thread and do little else. In a shared
// library they call __tls_get_addr with the variable's index, in a program the linker has put the thread pointer
// there (Drepper, ELF Handling For Thread-Local Storage, 5.5). Returns the variable's address in the calling
// thread, or NULL for code of any other shape.
static uint64_t *variable_read_by(const void *function) {
  const uint8_t *code = function;
  uint64_t base = 0;
  for (int i = 0; i < 48; i++) {
    // lea index(%rip), %rdi, and the call behind it
    if (!base && code[i] == 0x48 && code[i + 1] == 0x8d && code[i + 2] == 0x3d) {
      const uint8_t *call = code + i + 7;
      while (*call == 0x66) call++;
      if (*call != 0xe8) return NULL;
      base = (uint64_t)(uintptr_t)variable_of_a_module(code + i + 7 + signed32(code + i + 3));
      if (!base) return NULL;
      i = (int)(call - code) + 4;
      continue;
    }
    // mov %fs:0, %rax
    if (!base && memcmp(code + i, "\x64\x48\x8b\x04\x25\0\0\0\0", 9) == 0) {
      base = dc_thread_pointer();
      i += 8;
      continue;
    }
    // lea distance(%rax), %rax
    if (base && code[i] == 0x48 && code[i + 1] == 0x8d && code[i + 2] == 0x80) {
      base += (uint64_t)(int64_t)signed32(code + i + 3);
      i += 6;
      continue;
    }
    // mov distance(%rax), %rax or %rcx
    if (base && code[i] == 0x48 && code[i + 1] == 0x8b) {
      uint8_t operand = code[i + 2];
      if (operand == 0x00 || operand == 0x08) return (uint64_t *)(uintptr_t)base;
      if (operand == 0x40 || operand == 0x48)
        return (uint64_t *)(uintptr_t)(base + (uint64_t)(int64_t)(int8_t)code[i + 3]);
      if (operand == 0x80 || operand == 0x88)
        return (uint64_t *)(uintptr_t)(base + (uint64_t)(int64_t)signed32(code + i + 3));
      return NULL;
    }
    if (code[i] == 0xc3) return NULL;
  }
  return NULL;
}

typedef struct readers {
  uint64_t (*task)(void);
  executor_reference (*executor)(void);
} readers;

static readers find_readers(void) {
  readers found = {swift_task_getCurrent, swift_task_getCurrentExecutor};
  if (!found.task) *(void **)&found.task = find("swift_task_getCurrent");
  if (!found.executor) *(void **)&found.executor = find("swift_task_getCurrentExecutor");
  return found;
}

// What the code seems to say counts only if the functions return what the variables hold: with all signals
// blocked nobody else looks at the calling thread's.
static int are_read(readers functions, uint64_t *task, uint64_t *executor) {
  executor_reference mark = {0x64756d70, 0x636f6c6c};
  uint64_t signals = dc_set_mask(~0ull);
  uint64_t old_task = *task, old_executor = *executor;
  *(volatile uint64_t *)task = 0x7461736b;
  *(volatile uint64_t *)executor = (uint64_t)(uintptr_t)&mark;
  __asm__ volatile("" ::: "memory");
  int are = functions.task() == 0x7461736b;
  executor_reference read = functions.executor();
  are = are && read.identity == mark.identity && read.implementation == mark.implementation;
  *(volatile uint64_t *)task = old_task;
  *(volatile uint64_t *)executor = old_executor;
  dc_set_mask(signals);
  return are;
}

static void find_variables(dc_task_runtime *runtime) {
  readers functions = find_readers();
  if (!functions.task || !functions.executor) return;
  uint64_t *task = variable_read_by((const void *)(uintptr_t)functions.task);
  uint64_t *executor = variable_read_by((const void *)(uintptr_t)functions.executor);
  if (!task || !executor || task == executor || !are_read(functions, task, executor)) return;
  runtime->task = (int64_t)((uint64_t)(uintptr_t)task - dc_thread_pointer());
  runtime->executor = (int64_t)((uint64_t)(uintptr_t)executor - dc_thread_pointer());
}

void dc_verify_tasks(dc_task_runtime *runtime) {
  if (!runtime->task || !runtime->executor) return;
  readers functions = find_readers();
  uint64_t pointer = dc_thread_pointer();
  uint64_t *task = variable_read_by((const void *)(uintptr_t)functions.task);
  uint64_t *executor = variable_read_by((const void *)(uintptr_t)functions.executor);
  runtime->notes_tasks = (int64_t)((uint64_t)(uintptr_t)task - pointer) == runtime->task &&
                         (int64_t)((uint64_t)(uintptr_t)executor - pointer) == runtime->executor;
}
#else
static void find_variables(dc_task_runtime *runtime) { (void)runtime; }
void dc_verify_tasks(dc_task_runtime *runtime) { (void)runtime; }
#endif

void dc_find_tasks(dc_task_runtime *runtime) {
  memset(runtime, 0, sizeof *runtime);
  runtime->task_metadata = FIND(asyncTaskMetadata);
  if (!runtime->task_metadata) return;
  runtime->slab_metadata = FIND(asyncTaskSlabMetadata);
  runtime->task_size = FIND(asyncTaskSize);
  runtime->layout_version = FIND(internal_layout_version);
  runtime->priority_escalation = FIND(supportsPriorityEscalation);
  runtime->future_adapter = FIND(future_adapter);
  runtime->non_future_adapter = FIND(non_future_adapter);
  dc_module program, library;
  uint64_t adapter = 0;
  if (runtime->future_adapter) memcpy(&adapter, (const void *)(uintptr_t)runtime->future_adapter, sizeof adapter);
  runtime->is_static = dc_find_module(dc_program_entry(), &program) && dc_find_module(adapter, &library) &&
                       program.start == library.start;
  find_variables(runtime);
}
