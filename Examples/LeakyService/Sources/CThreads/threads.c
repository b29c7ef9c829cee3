/* pthread_create in the place of libc's: with DUMPCOLLECT=thread-origins=on each thread says who created it. Services
   outside of this repository link libdumpcollect-threads.a, which is the same. */
#include "../../../../scripts/handler/threads.c"
