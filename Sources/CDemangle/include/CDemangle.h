// The demanglers of the languages that services are written in: C++ and Rust by libiberty, Swift by its runtime.
//
// Names come from files that nobody vouches for. A name may ask for endless output (each part twice what was before
// it) or for deep recursion: output is limited, and long names run on a stack of their own.
#ifndef CDEMANGLE_H
#define CDEMANGLE_H
#include <stddef.h>

// A text that grows; begins as zeros, is reused from name to name, is released by cdemangle_release.
typedef struct {
  char *bytes;
  size_t count;
  size_t capacity;
} cdemangle_text;

enum {
  CDEMANGLE_DONE = 0,
  CDEMANGLE_FOREIGN = 1,  // no mangled name of this language, or a damaged one
  CDEMANGLE_REFUSED = 2,  // the result would be too long, or took too long
};

// Longest result, in bytes.
#define CDEMANGLE_LIMIT ((size_t)1 << 18)

// `name` ends with a NUL behind its `count` bytes.
int cdemangle_cxx(const char *name, size_t count, cdemangle_text *text);
int cdemangle_rust(const char *name, size_t count, cdemangle_text *text);

// `simplified` leaves out modules, types of parameters and the like, as people read names.
int cdemangle_swift(const char *name, size_t count, int simplified, cdemangle_text *text);

// The same in a child process with a second of CPU time, because Swift's runtime knows no limit: for names that may
// grow without bound.
int cdemangle_swift_contained(const char *name, size_t count, int simplified, cdemangle_text *text);

void cdemangle_release(cdemangle_text *text);
#endif
