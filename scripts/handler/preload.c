/* libdumpcollect-preload.so: arms the handler in a program that does not know of it. */
#include "dumpcollect.h"

__attribute__((constructor)) static void arm(void) {
  /* What is wrong was said on stderr; the program runs on in any case. */
  (void)dumpcollect_install(NULL);
}
