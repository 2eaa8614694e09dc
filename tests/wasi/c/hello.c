/* hello.c - arguments, environment, standard streams and exit status. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    char line[64];
    printf("hello, %s; argc %d", argc > 1 ? argv[1] : "world", argc);
    printf("; GREETING=%s\n", getenv("GREETING"));
    while (fgets(line, sizeof line, stdin))
        printf("read: %s", line);
    fprintf(stderr, "on stderr\n");
    return argc > 2 ? atoi(argv[2]) : 0;
}
