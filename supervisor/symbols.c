/*
 * symbols.c - reads the symbol table of the running program (symbols.h), which
 * is mapped once and kept.  There are thousands of handlers, made by macros:
 * the linker's table is the one list of them that is always right.
 */
#include "supervisor/symbols.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct symbol {
    uintptr_t address;
    const char *name;
} symbol;

static struct {
    bool read;
    symbol *symbols; /* by address */
    size_t count;
} table;

/* The difference of addresses to those in the file: the first object that is
 * told of is the program. */
static int find_base(struct dl_phdr_info *info, size_t size, void *base)
{
    *(uintptr_t *)base = info->dlpi_addr;
    return 1;
}

static int by_address(const void *a, const void *b)
{
    const symbol *x = a, *y = b;
    return (x->address > y->address) - (x->address < y->address);
}

/* Only of files that the kernel has loaded: not checked further. */
static void read_section(const uint8_t *file, const Elf64_Shdr *sections,
                         const Elf64_Shdr *section)
{
    uintptr_t base = 0;
    const Elf64_Sym *syms = (const void *)(file + section->sh_offset);
    const char *names =
        (const char *)file + sections[section->sh_link].sh_offset;
    size_t n = section->sh_size / sizeof *syms;
    table.symbols = calloc(n + 1, sizeof *table.symbols);
    dl_iterate_phdr(find_base, &base);
    for (size_t i = 0; table.symbols && i < n; i++)
        if (ELF64_ST_TYPE(syms[i].st_info) == STT_FUNC && syms[i].st_value)
            table.symbols[table.count++] =
                (symbol){base + syms[i].st_value, names + syms[i].st_name};
    if (table.count)
        qsort(table.symbols, table.count, sizeof *table.symbols, by_address);
}

static void read_table(void)
{
    struct stat st;
    void *file = MAP_FAILED;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    table.read = true;
    if (fd >= 0 && !fstat(fd, &st))
        file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (fd >= 0)
        close(fd);
    if (file == MAP_FAILED)
        return;
    const Elf64_Ehdr *header = file;
    const Elf64_Shdr *sections =
        (const void *)((const uint8_t *)file + header->e_shoff);
    for (unsigned i = 0; i < header->e_shnum; i++)
        if (sections[i].sh_type == SHT_SYMTAB)
            read_section(file, sections, &sections[i]);
}

void symbol_name(uintptr_t address, char *buf, size_t size)
{
    if (!table.read)
        read_table();
    size_t lo = 0, hi = table.count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (table.symbols[mid].address < address)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo < table.count && table.symbols[lo].address == address)
        snprintf(buf, size, "%s", table.symbols[lo].name);
    else
        snprintf(buf, size, "handler+0x%zx", (size_t)address);
}
