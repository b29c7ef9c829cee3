// libelf, and the decompressors and the checksum that ELF files use: the one place that includes them.
#ifndef CELF_H
#define CELF_H
#include <elf.h>
#include <gelf.h>
#include <libelf.h>
#include <stddef.h>
#include <stdint.h>

// Constants that elf.h of older systems lacks.
#ifndef ELFCOMPRESS_ZSTD
#define ELFCOMPRESS_ZSTD 2
#endif

// Expands a zlib stream that must yield exactly `out_size` bytes. 0, or −1 when it is damaged, shorter or longer.
// Pages of mapped files are given back once they were read or written.
int celf_inflate(const void *in, size_t in_size, int in_is_mapping, void *out, size_t out_size,
                 int out_is_mapping);

// Memory that a file without a name backs, in $TMPDIR, /var/tmp or /tmp; to be unmapped with munmap. NULL where no
// folder takes such a file or has the room.
void *celf_temporary_mapping(size_t size);

// The same for Zstandard frames.
int celf_unzstd(const void *in, size_t in_size, void *out, size_t out_size);

// Expands an xz stream of unknown size into memory of malloc, at most `limit` bytes. 0, or −1 when it is damaged,
// larger, or memory is short; then nothing needs to be freed.
int celf_unxz(const void *in, size_t in_size, size_t limit, void **out, size_t *out_size);

// The CRC-32 of .gnu_debuglink (the polynomial of zlib and Ethernet); starts with 0, goes on with its last result.
uint32_t celf_crc32(uint32_t crc, const void *bytes, size_t count);
#endif
