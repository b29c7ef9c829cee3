/* For programs that cannot take the handler: on SIGUSR1, prints the return addresses of the interrupted chain. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <unwind.h>

static _Unwind_Reason_Code show(struct _Unwind_Context *context, void *unused) {
  int is_exact = 0;
  uintptr_t address = (uintptr_t)_Unwind_GetIPInfo(context, &is_exact);
  (void)unused;
  dprintf(1, "frame 0x%lx %d\n", (unsigned long)address, is_exact);
  return _URC_NO_REASON;
}

static void walk(int signal) {
  (void)signal;
  _Unwind_Backtrace(show, NULL);
  dprintf(1, "end\n");
}

__attribute__((constructor)) static void prepare(void) {
  struct sigaction action = {.sa_handler = walk, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &action, NULL);
}
