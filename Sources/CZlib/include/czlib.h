// zlib, for what is packed on its way out: the one place that includes it for Render.
#ifndef CZLIB_H
#define CZLIB_H
#include <stddef.h>

// Room that suffices for `count` bytes packed as one gzip file.
size_t czlib_gzip_bound(size_t count);

// Packs bytes as one gzip file without a name and a time, so that equal bytes give equal files. The size of the file, or
// 0 where memory is short or `out_size` too small.
size_t czlib_gzip(const void *in, size_t in_size, void *out, size_t out_size);
#endif
