/* A hash table of words: string hashing, comparing, chasing chains. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct word {
    struct word *next;
    uint32_t hash, count;
    char text[16];
} word;

enum { BUCKETS = 4096, WORDS = 20000 };
static word *table[BUCKETS], pool[WORDS];
static int used;

static uint32_t hash(const char *s)
{
    uint32_t h = 2166136261u;
    while (*s)
        h = (h ^ (uint8_t)*s++) * 16777619;
    return h;
}

static word *lookup(const char *s)
{
    uint32_t h = hash(s);
    word **link = &table[h % BUCKETS];
    for (; *link; link = &(*link)->next)
        if ((*link)->hash == h && !strcmp((*link)->text, s))
            return *link;
    word *w = *link = &pool[used++];
    w->hash = h;
    strcpy(w->text, s);
    return w;
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 2400000;
    uint32_t seed = 7, most = 0;
    for (int i = 0; i < n; i++) {
        char text[16];
        seed = seed * 1103515245 + 12345;
        uint32_t v = (seed >> 8) % 9973;
        int len = 3 + (int)(v % 9);
        for (int k = 0; k < len; k++, v = v * 5 + 1)
            text[k] = (char)('a' + v % 26);
        text[len] = '\0';
        uint32_t count = ++lookup(text)->count;
        if (count > most)
            most = count;
    }
    printf("%d %u\n", used, most);
}
