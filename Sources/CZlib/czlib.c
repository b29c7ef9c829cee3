#include "czlib.h"
#include <limits.h>
#include <zlib.h>

// deflateInit2's window of 2^15 bytes; 16 more asks for the frame of gzip.
#define GZIP_WINDOW_BITS (15 + 16)

static int begin(z_stream *stream)
{
    *stream = (z_stream){0};
    return deflateInit2(stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW_BITS, 8, Z_DEFAULT_STRATEGY);
}

size_t czlib_gzip_bound(size_t count)
{
    z_stream stream;
    if (begin(&stream) != Z_OK)
        return 0;
    size_t bound = deflateBound(&stream, count);
    deflateEnd(&stream);
    return bound;
}

size_t czlib_gzip(const void *in, size_t in_size, void *out, size_t out_size)
{
    z_stream stream;
    if (begin(&stream) != Z_OK)
        return 0;
    stream.next_in = (Bytef *)in;
    stream.next_out = out;
    int result = Z_OK;
    // zlib counts in `unsigned int`: more is handed over in turns.
    while (result == Z_OK) {
        stream.avail_in = in_size > UINT_MAX ? UINT_MAX : (uInt)in_size;
        stream.avail_out = out_size > UINT_MAX ? UINT_MAX : (uInt)out_size;
        uInt given = stream.avail_in, room = stream.avail_out;
        result = deflate(&stream, in_size == given ? Z_FINISH : Z_NO_FLUSH);
        in_size -= given - stream.avail_in;
        out_size -= room - stream.avail_out;
    }
    size_t size = result == Z_STREAM_END ? (size_t)((Bytef *)stream.next_out - (Bytef *)out) : 0;
    deflateEnd(&stream);
    return size;
}
