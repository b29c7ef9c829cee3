// libdebuginfod, which is loaded when it is asked for.
#ifndef CDEBUGINFOD_H
#define CDEBUGINFOD_H
#include <stddef.h>
#include <stdint.h>

// Called from time to time with what was loaded of how much; 0 where the size is not known yet.
typedef void (*cdebuginfod_progress)(void *context, long done, long total);

// Loads libdebuginfod; 0, or −1 where it is not installed.
int cdebuginfod_load(void);

// Asks the servers of $DEBUGINFOD_URLS, or the cache, for the debug file (kind 0), the executable (1) or the source file
// of this path (2) of a build ID: a descriptor of the file and its path, to be freed, or a negative errno
// (debuginfod_find_debuginfo(3)). One thread at a time.
int cdebuginfod_find(int kind, const char *source, const uint8_t *build_id, size_t count,
                         cdebuginfod_progress report, void *context, char **path);
#endif
