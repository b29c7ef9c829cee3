/* Arms the handler in programs that cannot load it. */
#include <dumpcollect.h>

__attribute__((constructor)) static void install(void) { dumpcollect_install(NULL); }
