// libelf: the one place that includes it.
#ifndef CELF_H
#define CELF_H
#include <elf.h>
#include <gelf.h>
#include <libelf.h>
#endif
