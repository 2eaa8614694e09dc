/* Parsing JSON into a tree: characters, branches, an arena. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct value {
    char kind; /* n, t, f, d, s, a, o */
    double number;
    const char *text;
    size_t len;
    struct value *first, *next;
} value;

static value *arena;
static size_t used;
static const char *p;

static value *make(char kind)
{
    value *v = &arena[used++];
    memset(v, 0, sizeof *v);
    v->kind = kind;
    return v;
}

static void space(void)
{
    while (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r')
        p++;
}

static value *string(void)
{
    value *v = make('s');
    v->text = ++p;
    while (*p != '"')
        p += *p == '\\' ? 2 : 1;
    v->len = (size_t)(p++ - v->text);
    return v;
}

static value *number(void)
{
    value *v = make('d');
    double sign = 1, scale = 1, x = 0;
    if (*p == '-') {
        sign = -1;
        p++;
    }
    while (*p >= '0' && *p <= '9')
        x = x * 10 + (*p++ - '0');
    if (*p == '.')
        for (p++; *p >= '0' && *p <= '9'; p++) {
            scale /= 10;
            x += (*p - '0') * scale;
        }
    v->number = sign * x;
    return v;
}

static value *parse(void);

static value *list(char kind, char close)
{
    value *v = make(kind), **link = &v->first;
    p++;
    for (space(); *p != close; space()) {
        if (kind == 'o') {
            *link = string();
            link = &(*link)->next;
            space();
            p++;
        }
        *link = parse();
        link = &(*link)->next;
        space();
        if (*p == ',')
            p++;
    }
    p++;
    return v;
}

static value *parse(void)
{
    space();
    switch (*p) {
    case '{': return list('o', '}');
    case '[': return list('a', ']');
    case '"': return string();
    case 't': p += 4; return make('t');
    case 'f': p += 5; return make('f');
    case 'n': p += 4; return make('n');
    default: return number();
    }
}

static double total(const value *v)
{
    double sum = v->number + (double)v->len;
    for (const value *c = v->first; c; c = c->next)
        sum += total(c);
    return sum;
}

int main(int argc, char **argv)
{
    static char text[400000];
    int rounds = argc > 1 ? atoi(argv[1]) : 70;
    size_t n = 0;
    text[n++] = '[';
    for (int i = 0; n < sizeof text - 200; i++)
        n += (size_t)sprintf(text + n,
                             "%s{\"id\": %d, \"name\": \"item %d\", \"ratio\": "
                             "%d.%02d, \"tags\": [\"a\", \"bc\", true, null]}",
                             i ? ", " : "", i, i * 7, i % 50, i % 97);
    strcpy(text + n, "]");
    arena = malloc(200000 * sizeof *arena);
    double sum = 0;
    while (rounds--) {
        used = 0;
        p = text;
        sum += total(parse());
    }
    printf("%.2f %zu\n", sum, used);
}
