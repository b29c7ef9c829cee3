#define _GNU_SOURCE
#include "CElf.h"

#include <fcntl.h>
#include <lzma.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

// zlib counts in unsigned int, and what was read is given back behind it: buffers go through it in parts.
static uInt part(size_t count) {
  const size_t largest = 8u << 20;
  return (uInt)(count > largest ? largest : count);
}

// Gives whole pages of a file's mapping back; the next read would fetch them again.
static void release(const Bytef *start, const Bytef *end) {
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  uintptr_t first = ((uintptr_t)start + page - 1) & ~(page - 1);
  uintptr_t last = (uintptr_t)end & ~(page - 1);
  if (first < last) madvise((void *)first, last - first, MADV_DONTNEED);
}

int celf_inflate(const void *in, size_t in_size, int in_is_mapping, void *out, size_t out_size,
                 int out_is_mapping) {
  z_stream stream = {0};
  if (inflateInit(&stream) != Z_OK) return -1;
  stream.next_in = (Bytef *)in;
  stream.next_out = out;
  const Bytef *kept = in;
  const Bytef *written = out;
  int status = Z_OK;
  while (status == Z_OK) {
    if (stream.avail_in == 0) {
      if (in_is_mapping) release(kept, stream.next_in);
      kept = stream.next_in;
      stream.avail_in = part(in_size);
      in_size -= stream.avail_in;
    }
    if (stream.avail_out == 0) {
      // zlib has a window of its own: what it wrote in earlier calls it does not read again.
      if (out_is_mapping) release(written, stream.next_out);
      written = stream.next_out;
      stream.avail_out = part(out_size);
      out_size -= stream.avail_out;
    }
    // With nothing left on one side this ends with Z_BUF_ERROR, unless the stream ends here.
    status = inflate(&stream, Z_NO_FLUSH);
  }
  if (in_is_mapping) release(kept, stream.next_in);
  if (out_is_mapping) release(written, stream.next_out);
  int whole = status == Z_STREAM_END && out_size == 0 && stream.avail_out == 0;
  inflateEnd(&stream);
  return whole ? 0 : -1;
}

void *celf_temporary_mapping(size_t size) {
  const char *folders[] = {getenv("TMPDIR"), "/var/tmp", "/tmp"};
  for (size_t index = 0; index < sizeof folders / sizeof *folders; index++) {
    if (folders[index] == NULL || *folders[index] == 0) continue;
    int file = open(folders[index], O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) continue;
    // Not posix_fallocate, which writes every block where the file system cannot reserve; a file with holes would end
    // the process with SIGBUS when the disk is full.
    void *start = MAP_FAILED;
    if (fallocate(file, 0, 0, (off_t)size) == 0) {
      start = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    }
    close(file);
    if (start != MAP_FAILED) return start;
  }
  return NULL;
}

int celf_unzstd(const void *in, size_t in_size, void *out, size_t out_size) {
  size_t written = ZSTD_decompress(out, out_size, in, in_size);
  return !ZSTD_isError(written) && written == out_size ? 0 : -1;
}

int celf_unxz(const void *in, size_t in_size, size_t limit, void **out, size_t *out_size) {
  lzma_stream stream = LZMA_STREAM_INIT;
  // 256 MiB of decoder memory: what `xz -9e` files need is 65 MiB.
  if (lzma_stream_decoder(&stream, 256u << 20, 0) != LZMA_OK) return -1;
  size_t capacity = 0;
  uint8_t *buffer = NULL;
  stream.next_in = in;
  stream.avail_in = in_size;
  lzma_ret status = LZMA_OK;
  while (status == LZMA_OK) {
    if (stream.avail_out == 0) {
      size_t used = capacity;
      if (used == limit) break;
      capacity = used == 0 ? 1u << 16 : used * 2;
      if (capacity > limit) capacity = limit;
      uint8_t *larger = realloc(buffer, capacity);
      if (larger == NULL) break;
      buffer = larger;
      stream.next_out = buffer + used;
      stream.avail_out = capacity - used;
    }
    status = lzma_code(&stream, LZMA_FINISH);
  }
  size_t size = capacity - stream.avail_out;
  lzma_end(&stream);
  if (status != LZMA_STREAM_END) {
    free(buffer);
    return -1;
  }
  *out = buffer;
  *out_size = size;
  return 0;
}

uint32_t celf_crc32(uint32_t crc, const void *bytes, size_t count) {
  return (uint32_t)crc32_z(crc, bytes, count);
}
